"""Eases the mouth controls over time: lips close and part over about three frames of 25 a second, never in one.

A closure is a peak of ``press`` or ``bite``, and a peak must not be averaged away. So each of the two follows the upper
envelope of cones under its values: it rises before a peak as fast as it falls after it, and reaches the peak itself.
The opening, estimated from all controls, stays below the matching cones above its own low points. Where it is
narrowed, jaw and lips share the narrowing, as a speaker's jaw rises ahead of a closure. A motion that is slow enough is
left as it is.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from ...speech.lips import touching
from ...types import Array

LOOK_AHEAD = 0.08
"""Seconds of later drives that decide on a drive."""
FILE_LOOK_AHEAD = 0.16
"""The same for files, which can wait: wide mouths close more evenly."""
LIVE_LOOK_AHEAD = 0.04
"""The same behind an encoder that has waited long itself: live, every wait is felt."""
CLOSING = 0.08
"""Seconds in which press and bite rise and fall, less a frame; no more than the look-ahead."""
OPENING_SPEED = 1.2
"""Eye distances per second by which the opening may change: 0.048 from frame to frame at 25 a second."""
_PRESS, _BITE = 5, 6
_CLOSING = (_PRESS, _BITE)
_OPENING = np.array([0.21, 0, 0, 0.045, 0.055, 0, 0, 0], np.float32)
"""Eye distances by which each control at 1 opens the mean face's lips (see ``deform``)."""
_NARROWED = (0, 3, 4)  # jaw, upper, lower


def estimated_opening(controls: Array) -> float:
    """Eye distances between the lips of the mean face under (8,) controls."""
    apart = (1 - float(touching(controls[_PRESS]))) * max(1 - float(controls[_BITE]), 0.0)
    return float(_OPENING @ controls[:8]) * apart


class ControlEasing:
    """Eases one stream of (8,) mouth controls. The same drives come out whatever the chunks they are pushed in.

    Args:
        fps: drives per second.
        look_ahead: seconds of later drives that decide on a drive, rounded to whole frames, one at least.
    """

    def __init__(self, fps: Fraction, look_ahead: float = LOOK_AHEAD) -> None:
        self._ahead = max(1, round(look_ahead * float(fps)))
        self._closing_step = 1 / (max(1, round(min(look_ahead, CLOSING) * float(fps))) + 1)
        self._opening_step = OPENING_SPEED / float(fps)
        self._waiting: list[Array] = []
        self._closing: Array | None = None  # (2,) press and bite of the drive before
        self._opening: float | None = None  # of the drive before, eye distances

    def push(self, drives: list[Array]) -> list[Array]:
        """Take more (8,) drives; return those that are now decided, each after the look-ahead."""
        self._waiting += drives
        decided = []
        while len(self._waiting) > self._ahead:
            decided.append(self._next())
        return decided

    def flush(self) -> list[Array]:
        """The stream is over: the drives that are still owed."""
        decided = []
        while self._waiting:
            decided.append(self._next())
        return decided

    def _next(self) -> Array:
        """The oldest waiting drive, eased by those that wait behind it and by the drive before."""
        window = np.stack(self._waiting[: self._ahead + 1])
        window[:, _CLOSING] = self._eased_closing(window[:, _CLOSING])
        self._waiting.pop(0)
        self._closing = window[0, _CLOSING]
        return self._narrow(window[0], np.array([estimated_opening(row) for row in window]))

    def _eased_closing(self, closing: Array) -> Array:
        """The upper envelope of cones under (k, 2) press and bite, as far as these k drives and the one before tell."""
        eased = np.maximum(closing, 0)
        before = eased[0] if self._closing is None else np.maximum(eased[0], self._closing - self._closing_step)
        eased[0] = before
        for k in range(1, len(eased)):
            eased[k] = np.maximum(eased[k], eased[k - 1] - self._closing_step)
        for k in range(len(eased) - 2, -1, -1):
            eased[k] = np.maximum(eased[k], eased[k + 1] - self._closing_step)
        return eased

    def _narrow(self, drive: Array, openings: Array) -> Array:
        """Keep the opening of ``drive`` within reach of (k,) ``openings``: its own one and those that follow."""
        opening, after = estimated_opening(drive), np.arange(len(openings))
        bounds = openings + self._opening_step * after
        if self._opening is not None:
            # A fall that is too deep for the usual step is spread evenly over all frames up to it.
            bounds = np.maximum(bounds, self._opening - (self._opening - openings) / (after + 1))
            bounds = np.append(bounds, self._opening + self._opening_step)
        narrowed = min(opening, float(bounds.min()))
        if narrowed < opening:
            drive[list(_NARROWED)] *= np.float32(narrowed / opening)
        self._opening = narrowed
        return drive
