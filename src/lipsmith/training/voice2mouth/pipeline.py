"""Makes everything that hears, in one run: the corpus, the heads of the speech encoder, the small student."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ...assets import STUDENT, asset
from ...corpus.builder import SOURCES, CorpusOptions, CorpusSource
from ...errors import InputError, OptionError
from .dataset import Progress, require_corpus
from .heads import MINUTES, HeadOptions, train_heads
from .trainer import TrainOptions, require_packages, train

Part = Literal["all", "heads", "student"]
TUNING_MINUTES = 8.0
"""Most minutes of one source where the corpus is not for a student from random weights."""
TUNING_STEPS, TUNING_RATE, TUNING_CLIPS = 600, 5e-4, 16
"""How a student that begins with trained weights goes on: few, small steps."""


@dataclass(frozen=True, slots=True)
class VoiceOptions:
    """What to make, and from what."""

    output: Path  # folder of the results: mouth_heads.npz, voice2mouth.onnx and their scores
    folder: Path  # of the corpus, the features and the checkpoint
    part: Part = "all"
    seed: int = 2
    share: float = 1.0  # of the corpus's minutes
    steps: int | None = None  # of the student; None: as many as suit its beginning
    start: str = "shipped"  # the student's first weights: "shipped", "random" or an .onnx file

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise OptionError(f"seed is {self.seed}; it can be 0 or more.")
        if self.steps is not None and self.steps < 1:
            raise OptionError(f"steps is {self.steps}; it can be 1 or more.")


def train_voice2mouth(options: VoiceOptions, progress: Progress | None = None) -> dict[str, Any]:
    """Build or read the corpus, train or resume what ``options.part`` names, write it; return the scores by part.

    Raises:
        EngineUnavailable: the student is asked for, and torch or onnx is not installed.
        InputError: no synthesiser is installed, the corpus was built with other options, or the start is no student.
    """
    progress = progress or (lambda _stage, _share: None)
    if options.part != "heads":
        require_packages()
    student = student_options(options)
    require_corpus(CorpusOptions(options.folder, options.seed, options.share, corpus_sources(options)), progress)
    made: dict[str, Any] = {}
    if options.part != "student":
        heads = HeadOptions(options.folder, options.output / "mouth_heads.npz", options.seed, share=options.share)
        made["heads"] = train_heads(heads, progress)
    if options.part != "heads":
        made["student"] = train(student, progress)
    return made


def corpus_sources(options: VoiceOptions) -> list[CorpusSource]:
    """All sources for a student from random weights; else at most 8 minutes of each of Kokoro's and eSpeak NG's."""
    if options.part != "heads" and options.start == "random":
        return list(SOURCES)
    used = [source for source in SOURCES if source.synthesiser in MINUTES]
    return [replace(source, minutes=min(source.minutes, TUNING_MINUTES)) for source in used]


def student_options(options: VoiceOptions) -> TrainOptions:
    """How the student is trained: from random weights as of old, from trained ones with few, small steps."""
    output = options.output / STUDENT
    fresh = TrainOptions(options.folder, output, options.seed, share=options.share)
    if options.start == "random":
        return replace(fresh, steps=options.steps or fresh.steps)
    start = asset(STUDENT) if options.start == "shipped" else Path(options.start)
    if not start.is_file():
        raise InputError(f"There is no student {start}; give an .onnx file, or 'shipped', or 'random'.")
    steps = options.steps or TUNING_STEPS
    return replace(fresh, steps=steps, clips=TUNING_CLIPS, rate=TUNING_RATE, start=start)
