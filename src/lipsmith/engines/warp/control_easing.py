"""Eases the mouth controls over time: lips close and part over about three frames of 25 a second, never in one.

A closure is a peak of ``press`` or ``bite``, and a peak must not be averaged away. So each of the two follows the upper
envelope of cones under its values: it rises before a peak as fast as it falls after it, and reaches the peak itself.
The cones of ``press`` are straight in the share of the opening that it takes away, not in ``press`` itself.
The opening, estimated from all controls, stays below the matching cones above its own low points. Where it is
narrowed, jaw and lips share the narrowing, as a speaker's jaw rises ahead of a closure. A motion that is slow enough is
left as it is.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from ...speech.lips import CONTACT, touching
from ...types import Array

LOOK_AHEAD = 0.08
"""Seconds of later drives that decide on a drive."""
LIVE_LOOK_AHEAD = 0.04
"""The same behind an encoder that has waited long itself: live, every wait is felt."""
OPENING_SPEED = 1.3
"""Eye distances per second by which the opening may change: 0.052 from frame to frame at 25 a second."""
_PRESS, _BITE = 5, 6
_OPENING = np.array([0.21, 0, 0, 0.045, 0.055, 0, 0, 0], np.float32)
"""Eye distances by which each control at 1 opens the mean face's lips (see ``deform``)."""
_NARROWED = (0, 3, 4)  # jaw, upper, lower
_NOTHING = 1e-6  # a share of the opening that is none


def estimated_opening(controls: Array) -> float:
    """Eye distances between the lips of the mean face under (8,) controls."""
    apart = (1 - float(touching(controls[_PRESS]))) * max(1 - float(controls[_BITE]), 0.0)
    return float(_OPENING @ controls[:8]) * apart


def _press_that_takes(shares: Array) -> Array:
    """(k,) the press that takes away each of (k,) shares of the opening: the inverse of ``touching``."""
    press: Array = np.where(shares > _NOTHING, CONTACT[0] + (CONTACT[1] - CONTACT[0]) * shares, 0)
    return press


class ControlEasing:
    """Eases one stream of (8,) mouth controls. The same drives come out whatever the chunks they are pushed in.

    Args:
        fps: drives per second.
        look_ahead: seconds of later drives that decide on a drive, rounded to whole frames, one at least. Lips close
            over one frame more.
    """

    def __init__(self, fps: Fraction, look_ahead: float = LOOK_AHEAD) -> None:
        self._ahead = max(1, round(look_ahead * float(fps)))
        self._closing_step = 1 / (self._ahead + 1)
        self._opening_step = OPENING_SPEED / float(fps)
        self._waiting: list[Array] = []
        self._closing: Array | None = None  # (2,) what press and bite took away in the drive before
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
        closing = self._closings(window)
        self._closing = closing[0]
        window[:, _PRESS] = np.maximum(window[:, _PRESS], _press_that_takes(closing[:, 0]))
        window[:, _BITE] = closing[:, 1]
        self._waiting.pop(0)
        return self._narrow(window[0].copy(), np.array([estimated_opening(row) for row in window]))

    def _closings(self, window: Array) -> Array:
        """(k, 2) what press and bite take away at least in each of the (k, 8) drives, as far as is known now."""
        taken: Array = np.stack([touching(window[:, _PRESS]), np.maximum(window[:, _BITE], 0)], axis=1)
        for later in range(len(taken) - 2, -1, -1):
            taken[later] = np.maximum(taken[later], taken[later + 1] - self._closing_step)
        before = taken[0] if self._closing is None else self._closing - self._closing_step
        for row in taken:
            row[:] = np.maximum(row, before)
            before = row - self._closing_step
        return taken

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
