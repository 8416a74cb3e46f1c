"""The student's log-mel features of a stream: 40 bands every 10 ms, the same bits whatever the chunks.

Frame i covers the samples 160 i .. 160 i + 400 (25 ms). The normalisation is fixed, so no frame depends on the rest.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..types import Array, Samples
from .mel_bands import band_power, split_bank, triangles

BANDS = 40
HOP = 160
"""Samples between frames: 10 ms."""
WINDOW = 400
"""Samples of one frame: 25 ms."""
_FFT = 512
_LOWEST, _HIGHEST = 60.0, 7600.0  # Hz
FLOOR = 1e-8
"""Power added before the logarithm."""
QUIETEST, CENTRE, SCALE = -16.0, -9.0, 4.0
"""The fixed normalisation: (max(log power, QUIETEST) - CENTRE) / SCALE."""
SILENT = (QUIETEST - CENTRE) / SCALE
"""The value of every band of a normalised frame in silence."""


def filter_bank() -> NDArray[np.float64]:
    """(257, 40) float64 triangles, evenly spaced on the mel scale 2595 log10(1 + f / 700), each with sum 1."""
    mels = np.linspace(2595 * np.log10(1 + _LOWEST / 700), 2595 * np.log10(1 + _HIGHEST / 700), BANDS + 2)
    edges = 700 * (10 ** (mels / 2595) - 1)
    shapes = triangles(edges, _FFT // 2 + 1)
    bank: NDArray[np.float64] = shapes / shapes.sum(axis=0)
    return bank


class StudentMelStream:
    """Log-mel power of one stream at 16 kHz, not yet normalised."""

    def __init__(self) -> None:
        self._bank = split_bank(filter_bank())
        self._window = np.hanning(WINDOW)
        self._energy = float(np.sum(self._window**2))
        self._rest: Samples = np.zeros(0, np.float32)

    def push(self, samples: Samples) -> Array:
        """Take (n,) samples; return the (k, 40) frames that are now complete, as natural log of band power."""
        sound = np.concatenate([self._rest, samples])
        count = max(0, (len(sound) - WINDOW) // HOP + 1)
        self._rest = sound[count * HOP :]
        if not count:
            return np.zeros((0, BANDS), np.float32)
        frames = np.lib.stride_tricks.sliding_window_view(sound, WINDOW)[: count * HOP : HOP]
        power = np.abs(np.fft.rfft(frames * self._window, _FFT)) ** 2 / self._energy
        bands = band_power(power, self._bank)
        logs: Array = np.log(bands + FLOOR).astype(np.float32)
        return logs


def normalised(logs: Array) -> Array:
    """Normalise (k, 40) log powers for the student: values of about -2..3."""
    scaled: Array = ((np.maximum(logs, np.float32(QUIETEST)) - np.float32(CENTRE)) / np.float32(SCALE)).astype(
        np.float32
    )
    return scaled
