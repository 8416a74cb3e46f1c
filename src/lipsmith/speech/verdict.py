"""Says in words whether a mouth follows a sound, and how sure that is.

The curves expected from the sound are correlated with the measured ones at many lags. Where the mouth follows, one lag
near zero stands out from all others. By how much is measured against the correlations at the other lags, which tell
what chance gives for this speaker and this length of film. SyncNet's confidence, peak minus median, is of that kind.

The constants were chosen on two films of people, whole and in pieces, with their own sound and with that of others. At
the least score, 1 to 5 % of the wrong pairs of 5 to 19 s would pass, and no right one of 10 s would fail.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import exp

import numpy as np

from .curves import Curve, correlation, smoothed

SHORTEST = 3
"""Seconds of film below which nothing can be said."""
EARLIEST, LATEST = 60.0, 125.0
"""ms: sound over 45 ms early or over 125 ms late is noticed (ITU-R BT.1359); 15 ms are for our own error."""
_FURTHEST = Fraction(4, 5)  # s: the largest offset between sound and mouth that is looked for
_OTHERS = Fraction(5, 2)  # s: the largest lag that tells what chance gives
_PEAK = Fraction(8, 25)  # s around the best lag that belong to it
_FASTEST, _SLOWEST = Fraction(3, 125), Fraction(1, 5)  # s: sigmas of Gaussians; what lies between them is compared
_SCORE, _SLOPE = 4.0, 1.5  # the score at which either is as likely, and how fast the confidence changes around it
_SUREST = 0.99
_LEAST = 0.1  # the lowest mean correlation of a mouth that follows, however long the film


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a mouth follows the sound."""

    words: str  # "in sync", "sound early by 120 ms", "sound late by 280 ms", "does not follow" or "too short to tell"
    confidence: float  # 0..1 that the mouth follows, or that it does not, as the words say
    lag_ms: float  # how far the sound runs ahead of the mouth where they fit best
    correlation: float  # there, the mean over the curves
    score: float  # how many deviations it stands above the correlations at other lags


def judge(sound: Sequence[Curve], mouth: Sequence[Curve], fps: Fraction) -> Verdict:
    """Compare curves expected from a sound with those of a mouth: pairs of (n,), at ``fps`` frames a second."""
    frames = len(mouth[0])
    if frames < SHORTEST * fps:
        return Verdict("too short to tell", 0.0, 0.0, 0.0, 0.0)
    most = min(round(_OTHERS * fps), frames // 3)
    lags = np.arange(-most, most + 1)
    pairs = [(_syllables(one, fps), _syllables(other, fps)) for one, other in zip(sound, mouth, strict=True)]
    found = np.array([np.mean([_delayed(one, other, lag) for one, other in pairs]) for lag in lags])
    best = int(np.argmax(np.where(abs(lags) <= float(_FURTHEST * fps), found, -1.0)))
    others = found[abs(lags - lags[best]) > float(_PEAK * fps)]
    spread = float(others.std())
    score = float(found[best] - np.median(others)) / spread if spread > 1e-9 else 0.0
    lag_ms = 1000 * (float(lags[best]) + _beyond(found, best)) / float(fps)
    return _verdict(lag_ms, float(found[best]), score)


def _verdict(lag_ms: float, correlated: float, score: float) -> Verdict:
    follows = 1 / (1 + exp(-_SLOPE * (max(score, -9.0) - _SCORE)))
    if follows < 0.5 or correlated < _LEAST:
        return Verdict("does not follow", min(_SUREST, max(0.5, 1 - follows)), lag_ms, correlated, score)
    if -LATEST <= lag_ms <= EARLIEST:
        words = "in sync"
    else:
        words = f"sound {'early' if lag_ms > 0 else 'late'} by {abs(lag_ms):.0f} ms"
    return Verdict(words, min(_SUREST, follows), lag_ms, correlated, score)


def _syllables(curve: Curve, fps: Fraction) -> Curve:
    """What of a (n,) curve changes about as fast as syllables: a smile that comes and goes matches at many lags."""
    return smoothed(curve, float(_FASTEST * fps)) - smoothed(curve, float(_SLOWEST * fps))


def _delayed(sound: Curve, mouth: Curve, lag: int) -> float:
    """Correlation with ``sound`` delayed by ``lag`` frames, over the frames that both cover then."""
    count = len(sound) - abs(lag)
    return correlation(sound[max(0, -lag) :][:count], mouth[max(0, lag) :][:count])


def _beyond(found: Curve, best: int) -> float:
    """Frames from the best lag to the top of the parabola through it and its neighbours, -0.5..0.5."""
    if not 0 < best < len(found) - 1:
        return 0.0
    before, top, after = found[best - 1 : best + 2]
    bend = before - 2 * top + after
    return float(np.clip((before - after) / (2 * bend), -0.5, 0.5)) if bend < 0 else 0.0
