"""One spoken sentence with the times of its phones, and the protocol of the synthesisers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..speech.phones import SILENCE, VOICELESS_STOPS, Segment
from ..timing import SPEECH_SAMPLE_RATE
from ..types import Samples
from .ipa import split_ipa


@dataclass(frozen=True, slots=True)
class Delivery:
    """How to speak a sentence. 1 is the voice's default."""

    voice: str  # as the synthesiser names it
    language: str
    tempo: float = 1.0  # factor of the speed
    pitch: float = 1.0  # factor of the pitch
    intonation: float = 1.0  # factor of the pitch range


@dataclass(frozen=True, slots=True, eq=False)
class LabelledUtterance:
    """A spoken sentence with its phones."""

    voice: str  # synthesiser:voice
    text: str
    samples: Samples  # (n,) at 16 kHz
    segments: tuple[Segment, ...]  # contiguous, from 0 to n


class Synthesiser(Protocol):
    """A program that speaks, and reports the time of each phone."""

    @property
    def name(self) -> str: ...

    def speak(self, text: str, delivery: Delivery) -> LabelledUtterance | None:
        """Speak ``text``. None if the result is unusable: too short, unknown phones, or the program failed or hung."""
        ...


def make_segments(starts: Sequence[tuple[float, str]], length: int) -> tuple[Segment, ...]:
    """Contiguous segments from (start in s, IPA string) pairs, over ``length`` samples at 16 kHz.

    Adjacent silences are merged. The time before the first start is silence.
    """
    times = [0.0] + [start for start, _ in starts] + [length / SPEECH_SAMPLE_RATE]
    spoken = ["", *(ipa for _, ipa in starts)]
    segments: list[Segment] = []
    for begin, end, ipa in zip(times[:-1], times[1:], spoken, strict=True):
        at = begin
        for symbol, share in split_ipa(ipa):
            at += share * (end - begin)
            start = segments[-1].stop if segments else 0
            segments = _append(segments, Segment(start, min(length, round(at * SPEECH_SAMPLE_RATE)), symbol))
    return tuple(segments)


def _append(segments: list[Segment], new: Segment) -> list[Segment]:
    if new.stop <= new.start:
        return segments
    if segments and segments[-1].symbol == new.symbol == SILENCE:
        return [*segments[:-1], Segment(segments[-1].start, new.stop, SILENCE)]
    return [*segments, new]


def with_closures(segments: Sequence[Segment], samples: Samples) -> tuple[Segment, ...]:
    """Move the start of voiceless stops back to the silence before their burst, which eSpeak adds to the phone before.

    It moves by at most 80 ms, while the level is below -48 dB, and leaves at least 20 ms of the previous phone.
    """
    moved = list(segments)
    for index in range(1, len(moved)):
        before, stop = moved[index - 1], moved[index]
        if stop.symbol not in VOICELESS_STOPS or before.symbol == SILENCE:
            continue
        shift = min(_trailing_silence(samples[before.start : before.stop]), before.stop - before.start - 320)
        if shift > 0:
            moved[index - 1] = Segment(before.start, before.stop - shift, before.symbol)
            moved[index] = Segment(stop.start - shift, stop.stop, stop.symbol)
    return tuple(moved)


def _trailing_silence(samples: Samples, block: int = 80, most: int = 16) -> int:
    """Number of samples at the end, in blocks of 5 ms, with a level below -48 dB."""
    blocks = min(most, len(samples) // block)
    tail = samples[len(samples) - blocks * block :].reshape(blocks, block).astype(np.float64)
    quiet = np.sqrt(np.mean(tail**2, axis=1)) < 10 ** (-48 / 20)
    loud = np.flatnonzero(~quiet)
    return int(blocks - (loud[-1] + 1 if len(loud) else 0)) * block


def resample_whole(samples: Samples, rate: int) -> Samples:
    """Resample a whole (n,) recording from ``rate`` to 16 kHz through its spectrum: exact, but not for streams."""
    if rate == SPEECH_SAMPLE_RATE:
        return samples
    length = round(len(samples) * SPEECH_SAMPLE_RATE / rate)
    spectrum = np.fft.rfft(samples)
    resampled = np.zeros(length // 2 + 1, spectrum.dtype)
    shared = min(len(spectrum), len(resampled))
    resampled[:shared] = spectrum[:shared]
    return (np.fft.irfft(resampled, length) * (length / max(1, len(samples)))).astype(np.float32)


def peak_normalised(samples: Samples, peak: float = 0.5) -> Samples:
    """Scale the sound so that its peak is ``peak``."""
    return (samples * (peak / max(1e-6, float(np.max(np.abs(samples), initial=0.0))))).astype(np.float32)
