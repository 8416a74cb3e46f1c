"""What a still portrait does besides speaking: blinks, slow head motion, slight nods with the speech."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from ...types import Array

IDLE_CONTROLS = ("blink", "yaw", "pitch", "roll", "across", "down")
"""The last six numbers of a drive: 0..1; rad, rad, rad; eye distances to the right and down."""
_BLINK_SECONDS = 0.28
_WAVES = (
    # amplitude, two rates in rad/s whose periods do not meet
    (0.038, 0.53, 1.27),
    (0.018, 0.41, 1.09),
    (0.013, 0.37, 0.83),
    (0.010, 0.31, 0.71),
    (0.006, 0.47, 1.21),
)
_NOD = 0.028
"""rad the head drops on a stressed, open mouth."""
_NOD_SECONDS = 0.22


class IdleCurves:
    """(6,) idle controls for consecutive frames: seeded, a function of the frame number and of the mouth so far."""

    def __init__(self, fps: Fraction, seed: int) -> None:
        self._step = float(1 / fps)
        self._random = np.random.default_rng(seed)
        self._phases = self._random.uniform(0, 2 * np.pi, (len(_WAVES), 2))
        self._blink = self._random.uniform(1.2, 3.0)
        self._frame = 0
        self._stress = 0.0
        self._level = 0.0

    def next(self, mouth: Array) -> Array:
        """The controls beside (8,) ``mouth``, one call per frame."""
        time = self._frame * self._step
        self._frame += 1
        motion = [self._lids(time), *self._sway(time)]
        motion[2] += self._nod(float(mouth[0]))
        return np.array(motion, np.float32)

    def begin_at(self, frame: int) -> None:
        """Go on as after ``frame`` frames of silence; not back before frames already given."""
        self._frame = frame

    def _lids(self, time: float) -> float:
        while time > self._blink + _BLINK_SECONDS:
            twice = self._random.random() < 0.12
            self._blink += _BLINK_SECONDS + (0.12 if twice else self._random.uniform(2.0, 5.5))
        phase = (time - self._blink) / _BLINK_SECONDS
        if not 0 < phase < 1:
            return 0.0
        closing, opening = phase / 0.35, (1 - phase) / 0.5
        ease = np.clip(min(closing, opening), 0, 1)
        return float(ease * ease * (3 - 2 * ease))

    def _sway(self, time: float) -> list[float]:
        waves = zip(_WAVES, self._phases, strict=True)
        start = min(1.0, time / 1.0)
        ease = start * start * (3 - 2 * start)
        return [
            float(ease * size * (0.7 * np.sin(slow * time + p) + 0.3 * np.sin(quick * time + q)))
            for (size, slow, quick), (p, q) in waves
        ]

    def _nod(self, jaw: float) -> float:
        share = 1 - np.exp(-self._step / _NOD_SECONDS)
        self._stress += share * (jaw - self._stress)
        self._level += 0.1 * share * (jaw - self._level)
        return float(_NOD * np.clip(1.6 * (self._stress - self._level), -1, 1))
