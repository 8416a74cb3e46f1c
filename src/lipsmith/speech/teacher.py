"""The teacher: turns phone times into smooth mouth curves by dominance functions.

M. M. Cohen and D. W. Massaro, "Modeling coarticulation in synthetic visual speech", in Models and Techniques in
Computer Animation, 1993. Phone i pulls control k to its target t_ik with the dominance a_ik D_i(t), which is full on a
plateau inside the phone and falls off around it:

    D_i(t) = exp(-(distance(t, plateau_i) / reach_i) ** 1.3)
    curve_k(t) = sum_i a_ik D_i(t) t_ik / (sum_i a_ik D_i(t) + 0.001)

reach_i is the phone's own, except for press and bite: the two contacts come and go within 22 ms, or a vowel between two
[b] would never open. Then a Gaussian of 15 ms smooths, and the curve is clipped to the control's range.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..timing import SPEECH_SAMPLE_RATE
from ..types import MOUTH_CONTROLS, Array, Samples
from .phones import PHONES, SILENCE, Phone, Segment

CURVE_RATE = 100
"""Hz of the teacher's curves: point i is at i / 100 s."""

_FALL = 1.3  # exponent of the dominance function
_FLOOR = 1e-3
_SMOOTHING = 1.5  # points
_LINGER, _ANTICIPATE = 0.12, 0.08  # s: the mouth closes later than the last phone and opens before the first
_SHUT_AFTER = 1.2  # s: a pause that long shuts the mouth with its full weight
_CONTACT_REACH = 0.022  # s: reach of press and bite, whatever the phone's own is
_IS_CONTACT = np.isin(MOUTH_CONTROLS, ("press", "bite"))
_EMPHASIS = 0.035  # per dB above the mean level of the sentence's vowels


def mouth_curves(segments: Sequence[Segment], length: int, emphasis: Sequence[float] | None = None) -> Array:
    """Mouth curves for ``length`` samples at 16 kHz of contiguous ``segments``.

    Args:
        segments: the phones with their times.
        length: samples.
        emphasis: for each segment, a factor of jaw and lip opening that applies to vowels; None: 1.

    Returns:
        (points, 8) controls at 100 Hz, in the order of ``types.MOUTH_CONTROLS``.
    """
    times = np.arange(length * CURVE_RATE // SPEECH_SAMPLE_RATE) / CURVE_RATE
    if not len(times):
        return np.zeros((0, 8), np.float32)
    pulled = np.zeros((len(times), 8))
    dominance = np.full((len(times), 8), _FLOOR)
    for index, segment in enumerate(segments):
        strength = _dominance(segment, times)
        target = np.array(PHONES[segment.symbol].target)
        if emphasis is not None and PHONES[segment.symbol].kind == "vowel":
            target[[0, 3, 4]] *= emphasis[index]
        pulled += strength * target
        dominance += strength
    return np.clip(_smooth(pulled / dominance), 0.0, 1.0).astype(np.float32)


def _dominance(segment: Segment, times: NDArray[np.float64]) -> NDArray[np.float64]:
    """(points, 8) float64: the dominance of one segment over time."""
    phone = PHONES[segment.symbol]
    start, stop = segment.start / SPEECH_SAMPLE_RATE, segment.stop / SPEECH_SAMPLE_RATE
    first, last, scale = _plateau(phone, start, stop)
    distance = np.maximum(0.0, np.maximum(first - times, times - last))[:, None]
    fall = np.exp(-((distance / np.where(_IS_CONTACT, _CONTACT_REACH, phone.reach)) ** _FALL))
    weights: NDArray[np.float64] = fall * np.where(_IS_CONTACT, 1.0, scale) * np.array(phone.weight)
    return weights


def _plateau(phone: Phone, start: float, stop: float) -> tuple[float, float, float]:
    """Start and end (s) of a phone's full dominance, and a factor of its weights."""
    duration = stop - start
    if phone.kind == "silence":
        linger, anticipate = min(_LINGER, 0.45 * duration), min(_ANTICIPATE, 0.45 * duration)
        return start + linger, stop - anticipate, _pull_of_silence(duration)
    inset = (0.3 if phone.kind == "vowel" else 0.15) * duration
    scale = float(np.clip(duration / 0.08, 0.6, 1.3)) if phone.kind == "vowel" else 1.0
    return start + inset, stop - inset, scale


def _pull_of_silence(duration: float) -> float:
    """Factor of a silence's weights: in a short pause within speech (s) people do not shut the mouth."""
    return min(1.0, duration / 0.25) * min(1.0, duration / _SHUT_AFTER) ** 2 + 0.05


def _smooth(curves: NDArray[np.float64], reach: int = 5) -> NDArray[np.float64]:
    window = np.exp(-0.5 * (np.arange(-reach, reach + 1) / _SMOOTHING) ** 2)
    window /= window.sum()
    padded = np.pad(curves, ((reach, reach), (0, 0)), mode="edge")
    return np.stack([np.convolve(padded[:, k], window, "valid") for k in range(8)], axis=1)


def viseme_classes(segments: Sequence[Segment], length: int) -> NDArray[np.int64]:
    """(points,) int64 index into ``phones.VISEMES`` at 100 Hz."""
    at = np.arange(length * CURVE_RATE // SPEECH_SAMPLE_RATE) * SPEECH_SAMPLE_RATE // CURVE_RATE
    stops = np.array([segment.stop for segment in segments])
    classes = np.array([PHONES[segment.symbol].viseme for segment in segments])
    found: NDArray[np.int64] = classes[np.minimum(np.searchsorted(stops, at, "right"), len(classes) - 1)]
    return found


def emphasis_of(segments: Sequence[Segment], samples: Samples) -> list[float]:
    """Emphasis of each segment, 0.6..1.3: above 1 for vowels louder than the mean of their sentence's vowels."""
    levels = np.array([_level(segment, samples) for segment in segments])
    is_vowel = np.isfinite(levels)
    if not is_vowel.any():
        return [1.0] * len(segments)
    above = np.where(is_vowel, levels - levels[is_vowel].mean(), 0.0)
    return [float(scale) for scale in np.clip(1 + _EMPHASIS * above, 0.6, 1.3)]


def _level(segment: Segment, samples: Samples) -> float:
    """Level of a vowel in dB; NaN for other phones."""
    sound = samples[segment.start : segment.stop].astype(np.float64)
    if segment.symbol == SILENCE or PHONES[segment.symbol].kind != "vowel" or not len(sound):
        return float("nan")
    return float(10 * np.log10(np.mean(sound**2) + 1e-10))
