"""The way of the ticks to one listener, who may be slow: pictures are dropped then, sound never."""

from __future__ import annotations

from collections import deque

from .ticks import Tick

PICTURES = 3
"""Pictures that wait for a listener: more would only show the past."""
TICKS = 250
"""Ticks whose sound waits: ten seconds, the longest that a listener may stop reading and still go on."""


class ListenerQueue:
    """A bounded queue of ticks. Pure; whoever moves it between threads guards it.

    Args:
        pictures: most waiting ticks that keep their picture; beyond, the oldest picture is dropped.
        ticks: most waiting ticks; beyond, the listener is given up: ``overflown``.
    """

    def __init__(self, pictures: int = PICTURES, ticks: int = TICKS) -> None:
        self._pictures, self._most = pictures, ticks
        self._ticks: deque[Tick] = deque()
        self.dropped = 0  # pictures
        self.overflown = False

    def __len__(self) -> int:
        return len(self._ticks)

    def put(self, tick: Tick, late: bool = False) -> None:
        """Append a tick; the picture of a ``late`` one is dropped at once. Nothing goes in after an overflow."""
        if self.overflown or len(self._ticks) >= self._most:
            self.overflown = True
            self._ticks.clear()
            return
        self._ticks.append(tick)
        if late:
            self._blind(len(self._ticks) - 1)
        seen = [place for place, one in enumerate(self._ticks) if one.image is not None]
        for place in seen[: max(0, len(seen) - self._pictures)]:
            self._blind(place)

    def _blind(self, place: int) -> None:
        self._ticks[place] = self._ticks[place].blind()
        self.dropped += 1

    def take(self) -> Tick | None:
        """The oldest tick; None if none waits."""
        return self._ticks.popleft() if self._ticks else None

    def silence(self) -> None:
        """After an interruption: sound that waits is no longer wanted, the time that it took passes in silence."""
        for place, tick in enumerate(self._ticks):
            if tick.samples.any():
                self._ticks[place] = tick.muted()
