"""Augments log-mel frames, so that a student trained on synthetic voices works on natural ones.

It varies vocal tract, room, microphone, level and noise. Each function takes and returns (n, 40) natural logs of band
power.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.random import Generator

from ...speech.student_mel import BANDS, FLOOR
from ...types import Array

SILENT_LOG = math.log(FLOOR)
_BAND = np.arange(BANDS)


def warp_vocal_tract(mel: Array, generator: Generator) -> Array:
    """Another vocal tract: stretch the frequency axis by .82 to 1.22."""
    position = np.clip(_BAND * generator.uniform(0.82, 1.22) + generator.uniform(-0.5, 0.5), 0, BANDS - 1)
    below = np.floor(position).astype(int)
    share = (position - below).astype(np.float32)
    mixed: Array = mel[:, below] * (1 - share) + mel[:, np.minimum(below + 1, BANDS - 1)] * share
    return mixed


def filter_spectrum(mel: Array, generator: Generator) -> Array:
    """Another microphone: apply a smooth random frequency response."""
    knots = int(generator.integers(2, 7))
    response = np.interp(_BAND, np.linspace(0, BANDS - 1, knots), generator.normal(0, 1.6, knots))
    return (mel + response).astype(np.float32)


def add_reverberation(mel: Array, generator: Generator) -> Array:
    """Another room: add power that decays over .1 to .6 s."""
    decay = math.exp(-13.8 * 0.01 / generator.uniform(0.1, 0.6))
    gain = generator.uniform(0.02, 0.4) * (1 - decay) * 4
    tail = gain * decay ** np.arange(48)
    power = np.exp(mel)
    size = 1024 if len(mel) + 48 <= 1024 else 1 << (len(mel) + 48).bit_length()
    echo = np.fft.irfft(np.fft.rfft(power, size, axis=0) * np.fft.rfft(tail, size)[:, None], size, axis=0)
    wet: Array = np.log(power + np.maximum(0, np.roll(echo, 1, axis=0)[: len(mel)]) + FLOOR).astype(np.float32)
    return wet


def add_noise(mel: Array, noises: Sequence[Array], generator: Generator) -> Array:
    """Add noise or music, 0 to 35 dB below the speech."""
    noise = np.exp(noise_excerpt(noises, len(mel), generator))
    power = np.exp(mel)
    share = power.mean() / noise.mean() * 10 ** (-generator.uniform(0, 35) / 10)
    mixed: Array = np.log(power + noise * share + FLOOR).astype(np.float32)
    return mixed


def noise_excerpt(noises: Sequence[Array], count: int, generator: Generator) -> Array:
    """``count`` consecutive frames of a random one of the noises."""
    noise = noises[int(generator.integers(len(noises)))]
    start = int(generator.integers(0, len(noise) - count))
    return noise[start : start + count]


def limit_bandwidth(mel: Array, generator: Generator) -> Array:
    """A telephone or a strong codec: remove the highest or lowest bands."""
    mel = mel.copy()
    if generator.random() < 0.3:
        mel[:, int(generator.integers(26, 38)) :] = SILENT_LOG + generator.uniform(0, 3)
    if generator.random() < 0.2:
        mel[:, : int(generator.integers(1, 6))] -= generator.uniform(2, 8)
    return mel


def augment(mel: Array, noises: Sequence[Array], generator: Generator) -> Array:
    """Apply each augmentation with some probability."""
    if generator.random() < 0.7:
        mel = warp_vocal_tract(mel, generator)
    if generator.random() < 0.7:
        mel = filter_spectrum(mel, generator)
    if generator.random() < 0.4:
        mel = add_reverberation(mel, generator)
    mel = np.logaddexp(mel + generator.normal(-0.5, 1.9), SILENT_LOG).astype(np.float32)
    if generator.random() < 0.75:
        mel = add_noise(mel, noises, generator)
    mel = limit_bandwidth(mel, generator)
    if generator.random() < 0.4:
        mel = np.maximum(mel, np.float32(generator.uniform(-18, -11)))
    return mel
