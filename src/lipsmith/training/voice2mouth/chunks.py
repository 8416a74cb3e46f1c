"""Cuts training sound into chunks of 9.6 s, the window of the speech encoder, with the phones and targets of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from ...corpus.utterance import LabelledUtterance
from ...speech.phones import SILENCE, Segment
from ...speech.student import MIDDLE, STEP
from ...speech.teacher import CURVE_RATE, emphasis_of, mouth_curves
from ...timing import SPEECH_SAMPLE_RATE
from ...types import Array, Samples
from .dataset import speed_perturbed
from .noise import KINDS, noise_sound
from .sound_augment import at_level, augment_sound

CHUNK = 153_600
"""Samples of a chunk: 9.6 s, 240 steps."""
_LONGEST_PAUSE = 9_600  # samples between two utterances: .6 s
_WORDLESS = 0.12  # share of chunks without speech
_WITHOUT_WORDS = ("silence", "clicks", "breath", "music", "hum", "white", "pink", "brown", "hiss")  # in turn
_CLEAN = 0.25  # share of speech that is not augmented


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """One stretch of sound with its phones."""

    samples: Samples  # (CHUNK,)
    segments: tuple[Segment, ...]  # contiguous, from 0 to CHUNK
    emphasis: tuple[float, ...]  # of each segment

    def targets(self) -> Array:
        """The teacher's controls at the middle of each step, (240, 8)."""
        curves = mouth_curves(self.segments, len(self.samples), self.emphasis)
        at = (np.arange(len(self.samples) // STEP) * STEP + MIDDLE) * CURVE_RATE // SPEECH_SAMPLE_RATE
        return np.asarray(curves[at], np.float32)


def make_chunks(
    utterances: Sequence[LabelledUtterance], noises: Sequence[Samples], seed: int, copies: int = 2
) -> list[Chunk]:
    """Chunks that hold every utterance ``copies`` times, most of them augmented, and a tenth without words.

    The noises have CHUNK samples at least.
    """
    generator = np.random.default_rng([seed, 5])
    chunks = [
        _disturbed(_join(part), noises, generator) for _ in range(copies) for part in _filled(utterances, generator)
    ]
    wordless = round(len(chunks) * _WORDLESS / (1 - _WORDLESS))
    return chunks + [_wordless(_WITHOUT_WORDS[index % len(_WITHOUT_WORDS)], generator) for index in range(wordless)]


def _filled(
    utterances: Sequence[LabelledUtterance], generator: Generator
) -> Iterator[list[tuple[int, LabelledUtterance]]]:
    """Fill chunks with utterances in random order, each with its first sample; some are spoken faster or slower."""
    part: list[tuple[int, LabelledUtterance]] = []
    at = int(generator.integers(0, _LONGEST_PAUSE))
    for index in generator.permutation(len(utterances)):
        utterance = utterances[int(index)]
        if generator.random() < 0.6:
            utterance = speed_perturbed(utterance, float(generator.uniform(0.87, 1.15)))
        if part and at + len(utterance.samples) > CHUNK:
            yield part
            part, at = [], int(generator.integers(0, _LONGEST_PAUSE))
        part.append((at, utterance))
        at += len(utterance.samples) + int(generator.integers(0, _LONGEST_PAUSE))
    if part:
        yield part


def _join(part: Sequence[tuple[int, LabelledUtterance]]) -> Chunk:
    """One chunk of utterances and pauses. What reaches beyond its end is cut off."""
    samples = np.zeros(CHUNK, np.float32)
    phones: list[tuple[Segment, float]] = []
    for at, utterance in part:
        sound = utterance.samples[: CHUNK - at]
        samples[at : at + len(sound)] = sound
        emphasis = emphasis_of(utterance.segments, utterance.samples)
        phones += [
            (Segment(at + segment.start, min(CHUNK, at + segment.stop), segment.symbol), scale)
            for segment, scale in zip(utterance.segments, emphasis, strict=True)
            if at + segment.start < CHUNK
        ]
    contiguous = _with_pauses(phones)
    return Chunk(samples, tuple(segment for segment, _ in contiguous), tuple(scale for _, scale in contiguous))


def _with_pauses(phones: Sequence[tuple[Segment, float]]) -> list[tuple[Segment, float]]:
    """Fill the gaps with silence. Adjacent silences become one, so that its duration is that of the pause."""
    filled: list[tuple[Segment, float]] = []
    for segment, scale in [*phones, (Segment(CHUNK, CHUNK, SILENCE), 1.0)]:
        start = filled[-1][0].stop if filled else 0
        if segment.symbol == SILENCE or start < segment.start:
            stop = segment.stop if segment.symbol == SILENCE else segment.start
            if filled and filled[-1][0].symbol == SILENCE:
                start = filled.pop()[0].start
            filled += [(Segment(start, stop, SILENCE), 1.0)] if stop > start else []
        if segment.symbol != SILENCE:
            filled.append((segment, scale))
    return filled


def _disturbed(chunk: Chunk, noises: Sequence[Samples], generator: Generator) -> Chunk:
    if generator.random() < _CLEAN:
        return chunk
    return Chunk(augment_sound(chunk.samples, noises, generator), chunk.segments, chunk.emphasis)


def _wordless(kind: str, generator: Generator) -> Chunk:
    """A sound of one of ``_WITHOUT_WORDS``; the mouth stays shut."""
    if kind in KINDS:
        samples = at_level(noise_sound(kind, generator, CHUNK), generator)
    else:
        level = generator.uniform(-80, -35) if kind == "hiss" else -np.inf
        samples = (generator.normal(size=CHUNK) * 10 ** (level / 20)).astype(np.float32)
    return Chunk(samples, (Segment(0, CHUNK, SILENCE),), (1.0,))
