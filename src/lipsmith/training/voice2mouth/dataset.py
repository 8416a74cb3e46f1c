"""Turns a corpus on disk into training samples: log-mel frames, the teacher's curves, viseme classes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...corpus.builder import CorpusOptions, build_corpus
from ...corpus.store import load_utterances, read_summary
from ...corpus.utterance import LabelledUtterance
from ...errors import InputError
from ...speech.phones import Segment
from ...speech.student import FRAMES_AHEAD
from ...speech.student_mel import StudentMelStream
from ...speech.teacher import emphasis_of, mouth_curves, viseme_classes
from ...types import Array

Progress = Callable[[str, float], None]
"""Called with the stage and the share of it that is done, 0..1."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One utterance. Row i of ``mel`` covers 10 i .. 10 i + 25 ms; row i of the targets is at 10 i ms."""

    source: str
    mel: Array  # (n, 40) log power, not normalised
    curves: Array  # (n, 8) controls
    classes: NDArray[np.int64]  # (n,) index into ``speech.phones.VISEMES``


def require_corpus(options: CorpusOptions, progress: Progress) -> None:
    """Build the corpus if there is none; refuse one that was built with another seed or share, or from other sources.

    Raises:
        InputError: no synthesiser is installed, or the folder's corpus is unreadable or was built with other options.
    """
    if not (options.folder / "corpus.json").exists():
        build_corpus(options, progress=progress)
        return
    summary = read_summary(options.folder)
    seen = (summary.get("seed"), summary.get("share"))
    if seen != (options.seed, options.share):
        raise InputError(
            f"The corpus in {options.folder} was made with seed {seen[0]} and share {seen[1]}; this training wants "
            f"seed {options.seed} and share {options.share:g}: give those, or another folder."
        )
    missing = {source.name for source in options.sources} - set(summary.get("sources") or ())  # type: ignore[call-overload]
    if missing:
        raise InputError(
            f"The corpus in {options.folder} was made without {', '.join(sorted(missing))}; give another folder."
        )


def make_sample(source: str, utterance: LabelledUtterance) -> Sample:
    """Compute the mel frames and targets of an utterance, with emphasis."""
    mel = StudentMelStream().push(utterance.samples)
    emphasis = emphasis_of(utterance.segments, utterance.samples)
    curves = mouth_curves(utterance.segments, len(utterance.samples), emphasis)[: len(mel)]
    return Sample(source, mel, curves, viseme_classes(utterance.segments, len(utterance.samples))[: len(mel)])


def speed_perturbed(utterance: LabelledUtterance, factor: float) -> LabelledUtterance:
    """The utterance at ``factor`` times the speed: pitch, formants and tempo change together."""
    count = int(len(utterance.samples) / factor)
    samples = np.interp(np.arange(count) * factor, np.arange(len(utterance.samples)), utterance.samples)
    stops = [min(count, round(segment.stop / factor)) for segment in utterance.segments]
    starts = [0, *stops[:-1]]
    segments = tuple(
        Segment(start, stop, segment.symbol)
        for start, stop, segment in zip(starts, stops, utterance.segments, strict=True)
    )
    return LabelledUtterance(utterance.voice, utterance.text, samples.astype(np.float32), segments)


def training_samples(folder: Path, seed: int, retune: float = 0.15) -> list[Sample]:
    """Every training utterance of the corpus twice: unchanged, and at a speed changed by up to ``retune``."""
    generator = np.random.default_rng([seed, 1])
    samples: list[Sample] = []
    for source, utterances in _sources(folder, "trained"):
        for utterance in utterances:
            samples.append(make_sample(source, utterance))
            if retune:
                factor = float(generator.uniform(1 - retune, 1 + retune))
                samples.append(make_sample(source, speed_perturbed(utterance, factor)))
    return samples


def held_out_samples(folder: Path) -> list[LabelledUtterance]:
    """The held-out utterances, whose voices and sentences training does not use."""
    return [utterance for _, utterances in _sources(folder, "held_out") for utterance in utterances]


def _sources(folder: Path, part: str) -> Iterable[tuple[str, Sequence[LabelledUtterance]]]:
    names = read_summary(folder)[part]
    if not isinstance(names, list) or not names:
        raise InputError(f"The corpus in {folder} has nothing under '{part}'; make it again with more synthesisers.")
    for name in names:
        yield name, load_utterances(folder / f"{name}.npz")


def window_rows(steps: int, first: int, width: int) -> NDArray[np.int64]:
    """(steps, width) mel rows in the input of each step; the last one is ``first + 4 step + FRAMES_AHEAD``."""
    last = first + 4 * np.arange(steps) + FRAMES_AHEAD
    rows: NDArray[np.int64] = last[:, None] + np.arange(1 - width, 1)[None]
    return rows
