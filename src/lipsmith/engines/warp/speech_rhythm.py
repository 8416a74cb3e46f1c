"""What the mouth's movement says of the rhythm of speech: stresses, ends of phrases, whether somebody speaks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...types import Array

_QUIET, _LOUDEST_SECONDS = 0.25, 4.0
"""Opening that counts as wide at least, and the time in which a wider one is forgotten."""
_FAST, _SLOW = 0.06, 0.45
"""Seconds over which the opening is smoothed: a stress is where the first lies above the second."""
_STRESS, _BETWEEN_STRESSES = 0.18, 0.40
"""By how much, as a share of the widest opening; and the shortest time between two, in s."""
_SPOKEN, _PAUSE = 0.6, 0.24
"""Seconds of speech that make a phrase, and of silence that end it."""


class SpeechRhythm:
    """Follows the (8,) mouth controls frame by frame. Nothing of it moves while the mouth is at rest."""

    def __init__(self, step: float) -> None:
        self._step = step  # s per frame
        self._widest = _QUIET
        self._fast = self._slow = 0.0
        self._since_stress = self._spoken = self._silent = 10.0
        self._armed = True
        self._spoken = 0.0
        self.speaking = 0.0  # 0..1, smooth
        self.emphasis = 0.0  # 0..1: how far the opening lies above its mean
        self.stress: float | None = None  # 0..1 in the frame in which a stressed syllable begins
        self.phrase_ended = False  # in the frame in which a pause is noticed

    def next(self, mouth: Array) -> None:
        """Hear one frame."""
        opening = float(mouth[0] + 0.4 * (mouth[3] + mouth[4]))
        self._widest = max(_QUIET, opening, self._widest * float(np.exp(-self._step / _LOUDEST_SECONDS)))
        level = opening / self._widest
        self._fast += self._share(_FAST) * (level - self._fast)
        self._slow += self._share(_SLOW) * (level - self._slow)
        self.emphasis = max(0.0, self._fast - self._slow)
        talks = level > 0.12
        self.speaking += self._share(0.35 if talks else 1.0) * (talks - self.speaking)
        self._find_stress()
        self._find_end(talks)

    def _share(self, seconds: float) -> float:
        return 1 - float(np.exp(-self._step / seconds))

    def _find_stress(self) -> None:
        self._since_stress += self._step
        self._armed = self._armed or self._fast < self._slow
        self.stress = None
        if self._armed and self.emphasis > _STRESS and self._since_stress > _BETWEEN_STRESSES:
            self.stress = min(1.0, self.emphasis / 0.5)
            self._armed, self._since_stress = False, 0.0

    def _find_end(self, talks: bool) -> None:
        before = self._silent
        self._silent = 0.0 if talks else self._silent + self._step
        self.phrase_ended = before < _PAUSE <= self._silent and self._spoken > _SPOKEN
        self._spoken = 0.0 if self.phrase_ended else self._spoken + self._step * talks


class Spring:
    """A critically damped spring that carries (n,) values towards a target without overshooting."""

    def __init__(self, size: int, speed: float) -> None:
        self._speed = speed  # 1/s
        self.target = np.zeros(size)
        self.place = np.zeros(size)
        self._velocity = np.zeros(size)

    def next(self, step: float) -> NDArray[np.float64]:
        """The (n,) place ``step`` seconds later: exact for a target that stays."""
        offset = self.place - self.target
        moved = (self._velocity + self._speed * offset) * step
        fall = float(np.exp(-self._speed * step))
        self._velocity = (self._velocity - self._speed * moved) * fall
        self.place = self.target + (offset + moved) * fall
        return self.place
