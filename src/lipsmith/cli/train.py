"""``lipsmith train``: trains the networks that the package ships."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ..errors import OptionError
from ..options import build
from .flags import flags_from
from .generate import AsJson
from .records import print_json

PROGRESS_INTERVAL = 10.0  # seconds between two lines of progress
HELP = {
    "part": "What to make: the heads of the speech encoder, the small student, or both.",
    "seed": "Random seed.",
    "share": "Share of the corpus to build and use: more than 0, up to 1.",
    "steps": "The student's steps. [default: 600, or 9000 from random]",
    "start": "The student's first weights: shipped, random, or an .onnx file.",
}
FILES = {"heads": "mouth_heads.npz", "student": "voice2mouth.onnx"}
app = typer.Typer(name="train", rich_markup_mode=None)


@dataclass(frozen=True, slots=True)
class VoiceTrainingOptions:
    """What is trained, and from what."""

    part: Literal["all", "heads", "student"] = "all"
    seed: int = 2
    share: float = 1.0
    steps: int | None = None
    start: str = "shipped"

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise OptionError(f"share is {self.share}; give more than 0, and at most 1.")


@app.callback(invoke_without_command=True)
def train(context: typer.Context) -> None:
    """Train the networks that the package ships."""
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
@flags_from(VoiceTrainingOptions, HELP)
def voice2mouth(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the results.")] = Path("out/voice2mouth"),
    folder: Annotated[
        Path | None, typer.Option(help="Folder of the corpus and of unfinished work. [default: work, in the output]")
    ] = None,
    as_json: AsJson = False,
    **given: Any,
) -> None:
    """Train what turns speech into mouth controls: the heads of the speech encoder, and the small student.

    Builds a corpus with the synthesisers on this machine (Kokoro, eSpeak NG, flite, festival), fits the heads, tunes
    the student, and writes mouth_heads.npz and voice2mouth.onnx with their scores. A stopped run goes on where it was.

    Kokoro's voices come with: lipsmith weights fetch kokoro. The student needs the extra 'train'. Without a
    GPU, install torch 2.13.0 first, from the index https://download.pytorch.org/whl/cpu

    Examples:

      lipsmith train voice2mouth --part heads -o out/heads

      lipsmith train voice2mouth --part student --start random --json
    """
    from ..training.voice2mouth.pipeline import VoiceOptions, train_voice2mouth

    chosen = asdict(build(VoiceTrainingOptions, given))
    made = train_voice2mouth(VoiceOptions(output, folder or output / "work", **chosen), TrainingProgress().report)
    if as_json:
        print_json(made)
        return
    for part, scores in made.items():
        file = output / FILES[part]
        print(f"{file}: {scores['bytes']} bytes, scores in {file.stem}.json")


class TrainingProgress:
    """Prints progress on standard error: at every new stage, and at intervals within one."""

    def __init__(self) -> None:
        self._stage, self._last = "", 0.0

    def report(self, text: str, share: float) -> None:
        """Report the present stage, and the share of it that is done, 0..1."""
        stage, now = text.partition(",")[0], time.monotonic()
        if stage == self._stage and now - self._last < PROGRESS_INTERVAL and share < 1:
            return
        self._stage, self._last = stage, now
        typer.echo(f"{text}: {share:.0%}", err=True)
