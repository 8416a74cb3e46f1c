"""When ticks are due. It reads no clock: seconds of a monotonic clock come in as arguments."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from fractions import Fraction

KEPT = 1500
"""Lags that are kept for statistics: a minute at 25 fps."""


@dataclass(slots=True)
class Pacer:
    """An absolute schedule, t0 + n * T: small delays never add up.

    A late tick is counted, and the next ones follow at once until they are on schedule again. After a pause of more
    than ``patience`` ticks, as when the machine slept, the schedule moves instead, so that there is no burst of ticks.
    Picture and sound share the schedule, so they cannot drift apart.
    """

    fps: Fraction
    patience: int = 10
    number: int = 0  # of the next tick
    rebased: int = 0  # how often the schedule moved
    late: int = 0  # ticks that came after the next one was due
    lags: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT))  # seconds behind the schedule
    _begin: float | None = None  # when tick ``_first`` was due
    _first: int = 0

    def due(self) -> float:
        """When the next tick is due, in seconds of the clock. Call ``wait`` or ``tick`` first."""
        assert self._begin is not None
        return self._begin + float((self.number - self._first) / self.fps)

    def wait(self, now: float) -> float:
        """Seconds until the next tick; 0 if it is due."""
        self._rebase_if_far(now)
        return max(0.0, self.due() - now)

    def tick(self, now: float) -> bool:
        """Count the next tick; return whether it is so late that the one after it is due."""
        self._rebase_if_far(now)
        lag = now - self.due()
        late = lag * self.fps >= 1
        self.late += late
        self.lags.append(max(0.0, lag))
        self.number += 1
        return late

    def _rebase_if_far(self, now: float) -> None:
        far = float(self.patience / self.fps)
        if self._begin is not None and -far < now - self.due() <= far:
            return
        self.rebased += self._begin is not None
        self._begin, self._first = now, self.number

    def lag(self, share: float) -> float:
        """The quantile ``share`` (0..1) of the last minute's lags, in seconds; 0 before the first tick."""
        ordered = sorted(self.lags)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
