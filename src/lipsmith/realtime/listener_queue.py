"""The bounded queue of ticks to one listener. For a slow one pictures are dropped, sound never."""

from __future__ import annotations

from collections import deque

from .ticks import Tick

PICTURES = 3
"""Pictures that wait for a listener; more would only show the past."""
TICKS = 250
"""Ticks that wait for a listener: ten seconds at 25 fps. One who does not read for longer is given up."""


class ListenerQueue:
    """A bounded queue of ticks. It does no I/O and is not safe to use from several threads.

    Args:
        pictures: most waiting ticks that keep their picture; beyond, the oldest picture is dropped.
        ticks: most waiting ticks; beyond, the queue is emptied and ``overflowed``.
    """

    def __init__(self, pictures: int = PICTURES, ticks: int = TICKS) -> None:
        self._pictures, self._most = pictures, ticks
        self._ticks: deque[Tick] = deque()
        self.dropped = 0  # pictures
        self.overflowed = False

    def __len__(self) -> int:
        return len(self._ticks)

    def put(self, tick: Tick, late: bool = False) -> None:
        """Append a tick; the picture of a ``late`` one is dropped at once. After an overflow nothing is added."""
        if self.overflowed or len(self._ticks) >= self._most:
            self.overflowed = True
            self._ticks.clear()
            return
        self._ticks.append(tick)
        if late:
            self._drop_image(len(self._ticks) - 1)
        seen = [place for place, one in enumerate(self._ticks) if one.image is not None]
        for place in seen[: max(0, len(seen) - self._pictures)]:
            self._drop_image(place)

    def _drop_image(self, place: int) -> None:
        self._ticks[place] = self._ticks[place].without_image()
        self.dropped += 1

    def get(self) -> Tick | None:
        """Take the oldest tick; None if none waits."""
        return self._ticks.popleft() if self._ticks else None

    def mute(self) -> None:
        """After an interruption: replace all waiting sound by silence of the same length."""
        for place, tick in enumerate(self._ticks):
            if tick.samples.any():
                self._ticks[place] = tick.muted()
