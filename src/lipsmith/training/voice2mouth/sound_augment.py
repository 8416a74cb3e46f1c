"""Augments sound itself, for a speech encoder that hears samples: rooms, microphones, noise, level.

Each function takes and returns (n,) samples at 16 kHz, in step with the sound before.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator

from ...timing import SPEECH_SAMPLE_RATE
from ...types import Samples
from .noise import KINDS, noise_sound

_DECAY = 6.9  # natural log of the amplitude that a room loses in its reverberation time: 60 dB


def background_noises(seed: int, seconds: int = 60) -> list[Samples]:
    """Two sounds of every kind of ``noise.KINDS``, each (seconds * 16000,)."""
    kinds = [*KINDS, *KINDS]
    generators = (np.random.default_rng([seed, 6, index]) for index in range(len(kinds)))
    return [noise_sound(kind, each, seconds * SPEECH_SAMPLE_RATE) for kind, each in zip(kinds, generators, strict=True)]


def add_room(samples: Samples, generator: Generator) -> Samples:
    """Another room: noise that decays over .1 to .5 s, .05 to .5 times as strong as the direct sound."""
    count = int(SPEECH_SAMPLE_RATE * generator.uniform(0.1, 0.5))
    response = generator.normal(size=count) * np.exp(-_DECAY * np.arange(count) / count)
    response *= generator.uniform(0.05, 0.5) / np.sqrt(np.sum(response**2))
    response[0] = 1
    size = len(samples) + count
    wet = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(response, size), size)
    return wet[: len(samples)].astype(np.float32)


def equalise(samples: Samples, generator: Generator) -> Samples:
    """Another microphone: a smooth random response with a deviation of 4 dB."""
    spectrum = np.fft.rfft(samples)
    knots = int(generator.integers(3, 8))
    places = np.linspace(0, 1, knots) ** 1.7  # more of them at low frequencies
    decibels = np.interp(np.linspace(0, 1, len(spectrum)), places, generator.normal(0, 4, knots))
    return np.fft.irfft(spectrum * 10 ** (decibels / 20), len(samples)).astype(np.float32)


def add_background(samples: Samples, noises: Sequence[Samples], generator: Generator) -> Samples:
    """Add an excerpt of one of the noises, 3 to 35 dB below the mean power of the sound."""
    noise = noises[int(generator.integers(len(noises)))]
    start = int(generator.integers(0, len(noise) - len(samples) + 1))
    excerpt = noise[start : start + len(samples)]
    power, below = np.mean(samples.astype(np.float64) ** 2), generator.uniform(3, 35)
    scale = np.sqrt(power / (np.mean(excerpt.astype(np.float64) ** 2) + 1e-12)) * 10 ** (-below / 20)
    mixed: Samples = (samples + excerpt * scale).astype(np.float32)
    return mixed


def at_level(samples: Samples, generator: Generator) -> Samples:
    """Scale to a peak of .05 to .9."""
    peak = max(1e-6, float(np.abs(samples).max(initial=0.0)))
    return (samples * (generator.uniform(0.05, 0.9) / peak)).astype(np.float32)


def augment_sound(samples: Samples, noises: Sequence[Samples], generator: Generator) -> Samples:
    """A room in half of the cases, always an equaliser, noise in three quarters, and a new level."""
    if generator.random() < 0.5:
        samples = add_room(samples, generator)
    samples = equalise(samples, generator)
    if generator.random() < 0.75:
        samples = add_background(samples, noises, generator)
    return at_level(samples, generator)
