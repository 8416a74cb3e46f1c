"""Generates sounds without speech: noise, breath, hum, clicks and music."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from ...speech.student_mel import StudentMelStream
from ...timing import SPEECH_SAMPLE_RATE
from ...types import Array, Samples

Sound = NDArray[np.float64]


def coloured(generator: Generator, count: int, slope: float) -> Sound:
    """Noise whose power falls with frequency ** slope: 0 white, 1 pink, 2 brown."""
    spectrum = np.fft.rfft(generator.normal(size=count))
    falling = np.maximum(1, np.arange(len(spectrum))) ** (-slope / 2)
    return np.fft.irfft(spectrum * falling, count)


def _banded(generator: Generator, count: int, low: float, high: float) -> Sound:
    spectrum = np.fft.rfft(generator.normal(size=count))
    frequency = np.fft.rfftfreq(count, 1 / SPEECH_SAMPLE_RATE)
    outside = np.maximum(0, np.maximum(low - frequency, frequency - high))
    return np.fft.irfft(spectrum * np.exp(-((outside / 400) ** 2)), count)


def breath(generator: Generator, count: int) -> Sound:
    """Breathing: swelling band noise with pauses."""
    sound = np.zeros(count)
    at = 0
    while at < count:
        length = min(count - at, int(generator.uniform(0.4, 1.6) * SPEECH_SAMPLE_RATE))
        low = generator.uniform(200, 1500)
        swell = np.sin(np.pi * np.linspace(0, 1, length)) ** generator.uniform(0.7, 2)
        sound[at : at + length] = _banded(generator, length, low, low + generator.uniform(800, 5000)) * swell
        at += length + int(generator.uniform(0.1, 1.5) * SPEECH_SAMPLE_RATE)
    return sound


def hum(generator: Generator, count: int) -> Sound:
    """A machine: a steady tone with harmonics over some noise."""
    time = np.arange(count) / SPEECH_SAMPLE_RATE
    tone = generator.choice([50.0, 60.0, 100.0, 120.0, 220.0, 440.0]) * generator.uniform(0.98, 1.02)
    parts = [generator.uniform(0, 1) / n * np.sin(2 * np.pi * tone * n * time + n) for n in range(1, 16)]
    sound: Sound = np.sum(parts, axis=0) + generator.uniform(0, 3) * coloured(generator, count, 1) * 0.1
    return sound


def clicks(generator: Generator, count: int) -> Sound:
    """Keys, taps and clatter."""
    sound = np.zeros(count)
    for _ in range(int(count / SPEECH_SAMPLE_RATE * generator.uniform(1, 6))):
        at, length = int(generator.integers(0, count)), int(generator.uniform(0.005, 0.12) * SPEECH_SAMPLE_RATE)
        burst = generator.normal(size=length) * np.exp(-np.arange(length) / (length * generator.uniform(0.1, 0.5)))
        sound[at : at + length] += burst[: count - at] * generator.uniform(0.2, 1)
    return sound


def music(generator: Generator, count: int) -> Sound:
    """Chords of decaying harmonics, with drums in between."""
    sound = np.zeros(count)
    beat = int(SPEECH_SAMPLE_RATE * 60 / generator.uniform(70, 150))
    for at in range(0, count, beat * 2):
        root = generator.choice([98.0, 110.0, 123.5, 130.8, 146.8, 164.8, 174.6, 196.0, 220.0])
        for ratio in generator.choice([1, 1.2, 1.25, 1.5, 2, 2.5, 3, 4], int(generator.integers(2, 5))):
            _add(sound, at, _note(generator, root * ratio, beat * int(generator.integers(1, 5))))
        if generator.random() < 0.7:
            for stroke in range(4):
                _add(sound, at + stroke * beat // 2, _drum(generator, stroke % 2 == 1))
    return sound


def _note(generator: Generator, tone: float, length: int) -> Sound:
    time = np.arange(length) / SPEECH_SAMPLE_RATE
    fading = np.exp(-time * generator.uniform(0.3, 5))
    bend = 1 + 0.003 * np.sin(2 * np.pi * 5 * time) * generator.integers(0, 2)
    fall = generator.uniform(0.6, 1.6)
    harmonics = [n for n in range(1, int(generator.integers(2, 12))) if tone * n < 7500]
    waves = [np.sin(2 * np.pi * tone * n * time * bend + generator.uniform(0, 6)) / n**fall for n in harmonics]
    if not waves:
        return np.zeros(length)
    note: Sound = np.sum(waves, axis=0) * fading * generator.uniform(0.3, 1)
    return note


def _drum(generator: Generator, snare: bool) -> Sound:
    time = np.arange(int(0.15 * SPEECH_SAMPLE_RATE)) / SPEECH_SAMPLE_RATE
    fading = np.exp(-time / generator.uniform(0.01, 0.06))
    struck: Sound = fading * (generator.normal(size=len(time)) if snare else 2 * np.sin(2 * np.pi * 60 * time))
    return struck


def _add(sound: Sound, at: int, part: Sound) -> None:
    room = max(0, len(sound) - at)
    sound[at : at + len(part)] += part[:room]


KINDS: dict[str, Callable[[Generator, int], Sound]] = {
    "white": lambda generator, count: coloured(generator, count, 0),
    "pink": lambda generator, count: coloured(generator, count, 1),
    "brown": lambda generator, count: coloured(generator, count, 2),
    "breath": breath,
    "hum": hum,
    "clicks": clicks,
    "music": music,
}
"""By name, in a fixed order: (generator, number of samples) -> sound at 16 kHz of any level."""
_REPEATS = {"music": 10, "breath": 4, "hum": 3, "clicks": 2}


def noise_sound(kind: str, generator: Generator, count: int, peak: float = 0.5) -> Samples:
    """(count,) samples of one of ``KINDS``, with ``peak`` as its peak."""
    sound = KINDS[kind](generator, count)
    return (sound * (peak / max(1e-9, float(np.abs(sound).max())))).astype(np.float32)


def noise_mels(seed: int, seconds: int = 60) -> list[Array]:
    """Log-mel frames, (n, 40) each, of every kind; several sounds of the kinds that vary most."""
    generator = np.random.default_rng([seed, 2])
    return [
        StudentMelStream().push(noise_sound(kind, generator, seconds * SPEECH_SAMPLE_RATE))
        for kind in KINDS
        for _ in range(_REPEATS.get(kind, 1))
    ]
