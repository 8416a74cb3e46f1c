"""When a portrait blinks and where it looks: schedules that a seed makes, each a function of the time."""

from __future__ import annotations

import numpy as np

_USUAL_INTERVAL, _SPREAD = 3.0, 0.45
"""s: median of the intervals between blinks, and the sd of their logarithm."""
_SHORTEST, _LONGEST = 2.0, 8.0
_TWICE = 0.12
"""Probability that a blink is followed by another at once."""
_DURATION = (0.24, 0.34)
"""s from open to open; closing takes a third of it, and opening a half."""


def lid_closing(time: float, begin: float, duration: float) -> float:
    """0..1 how far a blink of ``duration`` s that begins at ``begin`` has closed the lids at ``time``."""
    phase = (time - begin) / duration
    if not 0 < phase < 1:
        return 0.0
    ease = min(1.0, phase / 0.35, (1 - phase) / 0.5)
    return ease * ease * (3 - 2 * ease)


class BlinkSchedule:
    """Irregular blinks: log-normal intervals, now and then two in a row, and more on request."""

    def __init__(self, seed: int, pace: float) -> None:
        self._random = np.random.default_rng([seed, 1])
        self._pace = pace  # blinks per usual number of blinks
        self._begin = float(self._random.uniform(0.8, 3.0))
        self._duration = self._some_duration()
        self._asked = (-1.0, 1.0)  # s: begin and duration of the last blink asked for

    def closing(self, time: float) -> float:
        """0..1 at ``time`` s, which never falls from call to call."""
        while time > self._begin + self._duration:
            gap = 0.08 if self._random.random() < _TWICE else self._some_interval()
            self._begin += self._duration + gap
            self._duration = self._some_duration()
        return max(lid_closing(time, self._begin, self._duration), lid_closing(time, *self._asked))

    def ask(self, time: float) -> None:
        """Blink now, unless a blink has just been or is near."""
        last = self._asked[0] + self._asked[1]
        if time - last > 1.2 and self._begin - time > 0.8:
            self._asked = (time, 0.28)

    def _some_duration(self) -> float:
        return float(self._random.uniform(*_DURATION))

    def _some_interval(self) -> float:
        usual = _USUAL_INTERVAL * float(np.exp(_SPREAD * self._random.standard_normal()))
        return float(np.clip(usual, _SHORTEST, _LONGEST)) / self._pace


class GazeSchedule:
    """Small saccades around the viewer, and now and then a look aside; (across, down) in eye distances.

    Eyes that look at a face move between its eyes and mouth, by some 3 degrees: .007 eye distances of the iris.
    """

    _SACCADE = 0.06  # s from one place to the next

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng([seed, 2])
        self._begin, self._from, self._to = 0.0, (0.0, 0.0), (0.0, 0.0)
        self._end = float(self._random.uniform(0.6, 1.6))
        self._aside: tuple[float, float, float, float] | None = None  # begin, end in s; across, down

    def place(self, time: float) -> tuple[float, float]:
        """Where the eyes look at ``time`` s, which never falls from call to call."""
        while time > self._end:
            self._begin, self._from = self._end, self._to
            self._to = self._near() if self._random.random() > 0.10 else self._far()
            self._end += float(np.clip(np.exp(0.7 * self._random.standard_normal()) * 0.8, 0.25, 3.0))
        share = min(1.0, (time - self._begin) / self._SACCADE)
        across, down = (a + share * (b - a) for a, b in zip(self._from, self._to, strict=True))
        if self._aside is None:
            return across, down
        begin, end, aside_across, aside_down = self._aside
        share = float(np.clip(min((time - begin) / self._SACCADE, (end - time) / self._SACCADE), 0, 1))
        return across + share * (aside_across - across), down + share * (aside_down - down)

    def look_aside(self, time: float, random: np.random.Generator) -> None:
        """Look aside from now on for a moment, as people do who think of what to say."""
        self._aside = (time, time + float(random.uniform(0.5, 1.1)), *self._far(random))

    def _near(self) -> tuple[float, float]:
        return float(self._random.normal(0, 0.007)), float(np.clip(self._random.normal(0, 0.004), -0.008, 0.010))

    def _far(self, random: np.random.Generator | None = None) -> tuple[float, float]:
        random = random or self._random
        side = 1 if random.random() < 0.5 else -1
        return side * float(random.uniform(0.018, 0.034)), float(random.uniform(-0.006, 0.016))
