"""Which windows of all sessions are rendered next: those that are due first, many in one call to the engine."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from itertools import count
from typing import Protocol

from ..pipeline.timeline import RenderWindow
from ..types import AVFrame

COLLECT = 0.004
"""Most seconds that a window waits for others to share its call."""


class Requester(Protocol):
    """Whoever asks for pictures. ``realtime.session.Session`` is one."""

    @property
    def epoch(self) -> int: ...

    def deliver(self, request: RenderRequest, frames: list[AVFrame]) -> None: ...

    def fail(self, reason: str) -> None: ...


@dataclass(frozen=True, slots=True, eq=False)
class RenderRequest:
    """One window to render, and when its first picture is due."""

    requester: Requester
    epoch: int  # of the requester when it asked; later interruptions raise the requester's
    base: int  # number, in the requester's pictures, of frame 0 of the window's timeline
    window: RenderWindow
    due: float  # in seconds of the requester's clock

    @property
    def stale(self) -> bool:
        """Whether an interruption came since, so that nobody wants the pictures."""
        return self.epoch != self.requester.epoch


class Batcher:
    """A queue of requests, earliest deadline first. It reads no clock: seconds come in as arguments.

    The requesters bound it: each has requests for a limited number of frames in it.

    Args:
        limit: most windows in one call; with 1 no window waits for others.
        collect: most seconds that a window waits while its call is not full.
    """

    def __init__(self, limit: int = 1, collect: float = COLLECT) -> None:
        self._limit, self._collect = limit, collect
        self._heap: list[tuple[float, int, RenderRequest]] = []
        self._order = count()
        self._since: float | None = None  # when the oldest waiting request came

    def __len__(self) -> int:
        return len(self._heap)

    def submit(self, request: RenderRequest, now: float) -> None:
        """Add a request."""
        heapq.heappush(self._heap, (request.due, next(self._order), request))
        self._since = now if self._since is None else self._since

    def wait(self, now: float) -> float | None:
        """Seconds until ``next_batch`` returns requests, 0 for now; None: none waits."""
        if self._since is None:
            return None
        return 0.0 if len(self._heap) >= self._limit else max(0.0, self._since + self._collect - now)

    def next_batch(self, now: float) -> list[RenderRequest]:
        """Take the requests of the next call. Stale ones are dropped; the list is empty while it is better to wait."""
        if self.wait(now) != 0:
            return []
        batch: list[RenderRequest] = []
        while self._heap and len(batch) < self._limit:
            request = heapq.heappop(self._heap)[2]
            if not request.stale:
                batch.append(request)
        self._since = now - self._collect if self._heap else None  # the rest has waited long enough
        return batch
