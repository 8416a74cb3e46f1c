"""Whisper's log-mel spectrogram of a stream: 80 bands every 10 ms, the same bits whatever the chunks.

Frame i covers the samples 160 i - 200 .. 160 i + 200; before the start the sound is mirrored. The definition is OpenAI
Whisper's: Hann window of 400 samples, power, 80 Slaney mel bands of 0..8000 Hz, log10 with a floor of 1e-10, limited to
8 below the maximum of the encoder's window, then (x + 4) / 4.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..types import Array, Samples
from .mel_bands import band_power, split_bank, triangles

BANDS = 80
HOP = 160
"""Samples between frames: 10 ms."""
REACH = 200
"""Samples on each side of a frame's centre."""
FLOOR_LOG10 = -10.0
"""log10 of the smallest power: the value of every band in silence."""
_RANGE = 8.0
_AT_ONCE = 1000  # frames per transform, to bound memory


def filter_bank() -> NDArray[np.float64]:
    """(201, 80) float64 triangles of area 1 on Slaney's mel scale: linear below 1 kHz, logarithmic above."""
    edges = _hertz(np.linspace(0, _mels(8000.0), BANDS + 2))
    bank: NDArray[np.float64] = triangles(edges, REACH + 1) * (2 / (edges[2:] - edges[:-2]))
    return bank


def _mels(hertz: float) -> float:
    return float(15 + 27 * np.log(hertz / 1000) / np.log(6.4))  # for 1 kHz and more


def _hertz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    hertz: NDArray[np.float64] = np.where(mels < 15, mels * 200 / 3, 1000 * 6.4 ** ((mels - 15) / 27))
    return hertz


class WhisperMelStream:
    """log10 of the band powers of one stream at 16 kHz, before ``encoder_input`` normalises them."""

    def __init__(self) -> None:
        self._bank = split_bank(filter_bank())
        self._hann = np.hanning(2 * REACH + 1)[:-1]
        self._rest: Samples = np.zeros(0, np.float32)
        self._begun = False

    def push(self, samples: Samples) -> Array:
        """Take (n,) samples; return the (k, 80) frames that are now complete, with values of at least -10."""
        self._rest = np.concatenate([self._rest, samples.astype(np.float32, copy=False)])
        if not self._begun:
            if len(self._rest) <= REACH:
                return np.zeros((0, BANDS), np.float32)
            self._rest = np.concatenate([self._rest[REACH:0:-1], self._rest])
            self._begun = True
        return self._complete()

    def _complete(self) -> Array:
        count = max(0, (len(self._rest) - 2 * REACH) // HOP + 1)
        starts = range(0, count, _AT_ONCE)
        found = [self._frames(start, min(count, start + _AT_ONCE)) for start in starts]
        self._rest = self._rest[count * HOP :]
        return np.concatenate([np.zeros((0, BANDS), np.float32), *found])

    def _frames(self, start: int, stop: int) -> Array:
        sound = self._rest[start * HOP : (stop - 1) * HOP + 2 * REACH]
        frames = np.lib.stride_tricks.sliding_window_view(sound, 2 * REACH)[::HOP]
        power = np.asarray(np.abs(np.fft.rfft(frames * self._hann)) ** 2, np.float64)
        bands = band_power(power, self._bank)
        logs: Array = np.log10(np.maximum(bands, 10.0**FLOOR_LOG10)).astype(np.float32)
        return logs


def encoder_input(frames: Array, count: int, peak: float = FLOOR_LOG10) -> Array:
    """Normalise (k, 80) frames, padded with silence to ``count`` >= k, for the encoder: (80, count).

    The values span at most 8 / 4 below the maximum, or below ``peak`` if that is more.
    """
    window = np.full((count, BANDS), FLOOR_LOG10, np.float32)
    window[: len(frames)] = frames
    floor = max(window.max(), np.float32(peak)) - np.float32(_RANGE)
    mel: Array = np.ascontiguousarray(((np.maximum(window, floor) + np.float32(4)) / np.float32(4)).T)
    return mel


def segment_mel(samples: Samples, count: int = 3000) -> Array:
    """The encoder's input for one whole segment, as MuseTalk computes it: mirrored at both ends.

    Args:
        samples: (n,) at 16 kHz, at most ``count * 160``; padded with silence.
        count: frames of the segment; 3000 are 30 s.

    Returns:
        (80, count).
    """
    sound = np.zeros(count * HOP, np.float32)
    sound[: len(samples)] = samples
    frames = WhisperMelStream().push(np.concatenate([sound, sound[-2 : -REACH - 2 : -1]]))
    return encoder_input(frames[:count], count)
