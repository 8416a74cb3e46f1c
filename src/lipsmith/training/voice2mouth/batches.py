"""Makes training batches: clips of augmented utterances with pauses between them, and some of noise or music alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from ...speech.student import FRAMES_AHEAD, FRAMES_PER_STEP
from ...speech.student_mel import BANDS, normalised
from ...types import Array
from .augment import SILENT_LOG, augment, noise_excerpt
from .dataset import Sample, window_rows

SHARES = {"kokoro": 0.4, "espeak": 0.25, "flite": 0.2, "festival": 0.15}
"""Probability that an utterance comes from each synthesiser."""
_NOISE_CLIPS = 0.1  # share of clips without speech


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """B clips of T steps: input and targets."""

    mel: Array  # (B, T, width * 40) normalised
    curves: Array  # (B, T, 8)
    classes: NDArray[np.int64]  # (B, T)


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """The training samples with their probabilities, and the noises."""

    samples: Sequence[Sample]
    probabilities: NDArray[np.float64]  # (samples,) of being drawn
    noises: Sequence[Array]

    @classmethod
    def of(cls, samples: Sequence[Sample], noises: Sequence[Array], shares: Mapping[str, float] = SHARES) -> Dataset:
        """Give each synthesiser its share; within it, a sample's probability is proportional to its length."""
        families = [sample.source.split("-")[0] for sample in samples]
        frames = np.array([len(sample.mel) for sample in samples], np.float64)
        total = {name: sum(n for n, f in zip(frames, families, strict=True) if f == name) for name in set(families)}
        probabilities = np.array([shares.get(name, 0.2) / total[name] for name in families]) * frames
        return cls(samples, probabilities / probabilities.sum(), noises)


def make_batch(dataset: Dataset, generator: Generator, clips: int, steps: int, width: int) -> Batch:
    """A batch of ``clips`` clips of ``steps`` steps, each with ``width`` mel frames as input."""
    count = steps * FRAMES_PER_STEP + width + 4
    made = [_clip(dataset, generator, count) for _ in range(clips)]
    first = width + int(generator.integers(0, 4)) - FRAMES_AHEAD
    rows = window_rows(steps, first, width)
    at = rows[:, -1] - FRAMES_AHEAD
    return Batch(
        np.stack([normalised(mel)[rows].reshape(steps, width * BANDS) for mel, _, _ in made]),
        np.stack([curves[at] for _, curves, _ in made]),
        np.stack([classes[at] for _, _, classes in made]),
    )


def _clip(dataset: Dataset, generator: Generator, count: int) -> tuple[Array, Array, NDArray[np.int64]]:
    if generator.random() < _NOISE_CLIPS:
        return _noise_clip(dataset, generator, count), np.zeros((count, 8), np.float32), np.zeros(count, np.int64)
    mel, curves, classes = _speech_clip(dataset, generator, count)
    return augment(mel, dataset.noises, generator), curves, classes


def _noise_clip(dataset: Dataset, generator: Generator, count: int) -> Array:
    if generator.random() < 0.25:
        hiss = generator.normal(SILENT_LOG + generator.uniform(0, 8), 0.3, (count, BANDS))
        return hiss.astype(np.float32)
    noise = noise_excerpt(dataset.noises, count, generator)
    return (noise + generator.normal(-1, 2)).astype(np.float32)


def _speech_clip(dataset: Dataset, generator: Generator, count: int) -> tuple[Array, Array, NDArray[np.int64]]:
    """Consecutive utterances with pauses of up to .8 s, starting anywhere in the first."""
    mel = np.full((count, BANDS), SILENT_LOG, np.float32)
    curves, classes = np.zeros((count, 8), np.float32), np.zeros(count, np.int64)
    at = -int(generator.integers(0, 300)) if generator.random() < 0.7 else int(generator.integers(0, 60))
    while at < count:
        sample = dataset.samples[int(generator.choice(len(dataset.samples), p=dataset.probabilities))]
        start, stop = max(0, -at), min(len(sample.mel), count - at)
        if stop > start:
            mel[at + start : at + stop] = sample.mel[start:stop] + np.float32(generator.normal(0, 0.5))
            curves[at + start : at + stop] = sample.curves[start:stop]
            classes[at + start : at + stop] = sample.classes[start:stop]
        at += len(sample.mel) + int(generator.integers(0, 80))
    return mel, curves, classes
