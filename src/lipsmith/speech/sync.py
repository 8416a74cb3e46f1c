"""Speech against a mouth that moves: what the sound leads one to expect, and how well a mouth agrees with it.

Three curves of the sound are compared with a measured mouth, each on its own:

* ``level``: loudness in dB. It does not depend on phones.
* ``vowels``: power between 500 and 1200 Hz, where open vowels are strong, in dB. It does not depend on phones either.
* ``controls``: the mouth controls that our own speech encoder hears, as for films. They follow phones best. But where
  they drove the mouth themselves, they say how well the picture follows them, not whether they are right.

``verdict`` says in words what the controls tell.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ..timing import SPEECH_SAMPLE_RATE, sample_at
from ..types import Array, Samples
from .curve_streams import curve_stream
from .curves import Curve, align, correlation, smoothed
from .mouth_encoder import MouthEncoder

_FURTHEST = Fraction(8, 25)  # s: larger offsets between sound and mouth are not searched
_HALF_WINDOW = SPEECH_SAMPLE_RATE // 40  # samples: 25 ms to either side of a frame's middle
_BEYOND = SPEECH_SAMPLE_RATE // 5  # samples of the sound after a film's end, by which its last frames are heard better
_HANN = np.hanning(2 * _HALF_WINDOW)
_VOWELS = slice(25, 61)  # bins of 20 Hz: 500 to 1200 Hz


@dataclass(frozen=True, slots=True)
class Match:
    """One curve of the sound against the measured mouth."""

    aperture: float  # correlation with the opening of the lips, as they are
    aperture_aligned: float  # ... with the sound delayed by ``lag_ms``
    jaw_aligned: float  # correlation with the jaw, with that delay
    width_aligned: float | None  # correlation with the width, with that delay; None: this curve does not predict it
    lag_ms: float  # how far the sound runs ahead of the mouth where they fit best; 0 is in sync


def match(sound: tuple[Curve, Curve, Curve | None], mouth: tuple[Curve, Curve, Curve], fps: Fraction) -> Match:
    """Compare (n,) curves for aperture, jaw and width from the sound with those of a mouth in a film at ``fps``.

    The lag is searched on the aperture and used for all three.
    """
    aperture, jaw, width = sound
    seen_aperture, seen_jaw, seen_width = mouth
    found = align(aperture, seen_aperture, float(_FURTHEST * fps))
    return Match(
        aperture=found.still,
        aperture_aligned=found.best,
        jaw_aligned=_correlation_at(jaw, seen_jaw, found.lag),
        width_aligned=None if width is None else _correlation_at(width, seen_width, found.lag),
        lag_ms=found.lag * 1000 / float(fps),
    )


def _correlation_at(curve: Curve, mouth: Curve, lag: float) -> float:
    """Correlation with ``curve`` delayed by ``lag`` frames, over the frames that both cover then."""
    edge = int(np.ceil(abs(lag)))
    at = np.arange(len(curve))
    inside = slice(edge, len(curve) - edge)
    return correlation(np.interp(at - lag, at, curve)[inside], mouth[inside])


def measure_speech(blocks: Iterable[Samples], fps: Fraction, frames: int) -> tuple[Array, Curve, Curve]:
    """Measure the speech of ``frames`` frames at ``fps``; what comes ``_BEYOND`` their end is not read.

    Args:
        blocks: (n,) mono samples at 16 kHz, one after the other.

    Returns:
        (frames, 8) mouth controls as for files, the last one repeated where the sound is shorter; (frames,) level
        and (frames,) vowels: power in dB of the 50 ms around the middle of each frame, smoothed over 40 ms and cut
        off 50 dB below the loudest.
    """
    motion, windows = MouthEncoder(fps, curve_stream("file")), _Windows(fps, frames)
    controls: list[Array] = []
    levels: list[tuple[float, float]] = []
    heard, enough = 0, sample_at(frames, fps) + _BEYOND
    for block in blocks:
        controls += motion.push(block[: enough - heard])
        levels += [_level(window) for window in windows.push(block)]
        heard += len(block)
        if heard >= enough:
            break
    controls += motion.flush()
    controls = controls or [np.zeros(8, np.float32)]
    levels += [_level(window) for window in windows.flush()]
    level, vowels = (_smoothed_levels(curve, fps) for curve in np.array(levels, np.float64).T)
    return np.stack((controls + controls[-1:] * (frames - len(controls)))[:frames]), level, vowels


class _Windows:
    """Cuts the 50 ms around the middle of every film frame out of a stream of sound."""

    def __init__(self, fps: Fraction, frames: int) -> None:
        self._fps, self._frames = fps, frames
        self._frame = 0  # whose window comes next
        self._sound = np.zeros(_HALF_WINDOW, np.float32)  # as much silence goes before the first sample
        self._dropped = -_HALF_WINDOW  # the stream's index of the first sample still held

    def push(self, samples: Samples) -> list[Samples]:
        """Take (n,) more samples; return the windows, each (800,), that are now complete."""
        self._sound = np.concatenate([self._sound, samples])
        complete: list[Samples] = []
        while self._frame < self._frames and (start := self._start()) + 2 * _HALF_WINDOW <= len(self._sound):
            complete.append(self._sound[start : start + 2 * _HALF_WINDOW])
            self._frame += 1
        done = min(self._start(), len(self._sound))
        self._sound, self._dropped = self._sound[done:], self._dropped + done
        return complete

    def flush(self) -> list[Samples]:
        """The windows of the remaining frames, with silence after the sound."""
        empty: Samples = np.zeros(2 * _HALF_WINDOW, np.float32)
        complete = self.push(empty)
        return complete + [empty] * (self._frames - self._frame)

    def _start(self) -> int:
        middle = (sample_at(self._frame, self._fps) + sample_at(self._frame + 1, self._fps)) // 2
        return middle - _HALF_WINDOW - self._dropped


def _level(window: Samples) -> tuple[float, float]:
    """Mean power of a (800,) window, and the part of it between 500 and 1200 Hz under a Hann window; in dB."""
    sound = window.astype(np.float64)
    spectrum = np.abs(np.fft.rfft(sound * _HANN)[_VOWELS]) ** 2
    powers = np.mean(sound**2), 2 * spectrum.sum() / len(sound) / (_HANN @ _HANN)
    level, vowels = (float(10 * np.log10(power + 1e-10)) for power in powers)
    return level, vowels


def _smoothed_levels(levels: Curve, fps: Fraction) -> Curve:
    return smoothed(np.maximum(levels, levels.max() - 50), float(fps / 25))
