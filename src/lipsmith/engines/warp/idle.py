"""Idle motion of a portrait: blinks, slow head motion, and slight nods with the speech."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from ...types import Array

IDLE_CONTROLS = ("blink", "yaw", "pitch", "roll", "across", "down")
"""The last six numbers of a drive: blink 0..1; yaw, pitch, roll in rad; across, down in eye distances."""
_BLINK_SECONDS = 0.28
_WAVES = (
    # For yaw to down: amplitude, and two angular frequencies in rad/s that do not fall into step.
    (0.038, 0.53, 1.27),
    (0.018, 0.41, 1.09),
    (0.013, 0.37, 0.83),
    (0.010, 0.31, 0.71),
    (0.006, 0.47, 1.21),
)
_NOD = 0.028
"""rad the head drops when the mouth opens wide."""
_NOD_SECONDS = 0.22
_FADE_IN_SECONDS = 1.0


class IdleCurves:
    """(6,) idle controls of consecutive frames: a function of the seed, the frame number and the mouth so far."""

    def __init__(self, fps: Fraction, seed: int) -> None:
        self._step = float(1 / fps)
        self._random = np.random.default_rng(seed)
        self._phases = self._random.uniform(0, 2 * np.pi, (len(_WAVES), 2))
        self._blink = self._random.uniform(1.2, 3.0)  # s: when the current or next blink begins
        self._frame = 0
        self._fast_jaw = 0.0  # the jaw control, smoothed
        self._slow_jaw = 0.0  # the same, smoothed over a tenfold time

    def next(self, mouth: Array) -> Array:
        """The next frame's (6,) controls beside its (8,) ``mouth`` controls; call it once per frame."""
        time = self._frame * self._step
        self._frame += 1
        motion = [self._blink_control(time), *self._head_motion(time)]
        motion[2] += self._nod(float(mouth[0]))
        return np.array(motion, np.float32)

    def begin_at(self, frame: int) -> None:
        """Continue as if ``frame`` frames of silence had been drawn; it must not lie before frames already given."""
        self._frame = frame

    def _blink_control(self, time: float) -> float:
        while time > self._blink + _BLINK_SECONDS:
            twice = self._random.random() < 0.12
            self._blink += _BLINK_SECONDS + (0.12 if twice else self._random.uniform(2.0, 5.5))
        phase = (time - self._blink) / _BLINK_SECONDS
        if not 0 < phase < 1:
            return 0.0
        closing, opening = phase / 0.35, (1 - phase) / 0.5
        ease = np.clip(min(closing, opening), 0, 1)
        return float(ease * ease * (3 - 2 * ease))

    def _head_motion(self, time: float) -> list[float]:
        waves = zip(_WAVES, self._phases, strict=True)
        start = min(1.0, time / _FADE_IN_SECONDS)
        ease = start * start * (3 - 2 * start)
        return [
            float(ease * amplitude * (0.7 * np.sin(slow * time + p) + 0.3 * np.sin(fast * time + q)))
            for (amplitude, slow, fast), (p, q) in waves
        ]

    def _nod(self, jaw: float) -> float:
        share = 1 - np.exp(-self._step / _NOD_SECONDS)
        self._fast_jaw += share * (jaw - self._fast_jaw)
        self._slow_jaw += 0.1 * share * (jaw - self._slow_jaw)
        return float(_NOD * np.clip(1.6 * (self._fast_jaw - self._slow_jaw), -1, 1))
