"""Which runs are rendered next, of all sessions: those whose moment comes first, in one call for many."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from itertools import count
from typing import Protocol

from ..pipeline.timeline import RenderWindow
from ..types import AVFrame

COLLECT = 0.004
"""Seconds at most that a run waits for others to share its call."""


class Requester(Protocol):
    """Who asks for pictures. ``realtime.session.Session`` is one."""

    @property
    def epoch(self) -> int: ...

    def deliver(self, ask: RenderRequest, frames: list[AVFrame]) -> None: ...

    def fail(self, reason: str) -> None: ...


@dataclass(frozen=True, slots=True, eq=False)
class RenderRequest:
    """One run, and when its first picture is due."""

    asker: Requester
    epoch: int  # of the asker when it asked: worth nothing once the asker's has moved on
    base: int  # number, in the asker's pictures, of frame 0 of the run's take
    run: RenderWindow
    due: float  # seconds of the asker's clock

    @property
    def stale(self) -> bool:
        """Whether an interruption has made it worthless."""
        return self.epoch != self.asker.epoch


class Batcher:
    """Earliest deadline first. Pure: seconds come in as arguments.

    Args:
        most: runs in one call; 1 waits for nobody.
        collect: seconds a run waits at most while its call is not full.

    It is bounded by its askers, who have at most some frames each with it.
    """

    def __init__(self, most: int = 1, collect: float = COLLECT) -> None:
        self._most, self._collect = most, collect
        self._heap: list[tuple[float, int, RenderRequest]] = []
        self._order = count()
        self._since: float | None = None  # when the oldest that waits came

    def __len__(self) -> int:
        return len(self._heap)

    def submit(self, ask: RenderRequest, now: float) -> None:
        """Let a run wait for its call."""
        heapq.heappush(self._heap, (ask.due, next(self._order), ask))
        self._since = now if self._since is None else self._since

    def wait(self, now: float) -> float | None:
        """Seconds until ``take`` gives something, 0 for now; None: nobody waits."""
        if self._since is None:
            return None
        return 0.0 if len(self._heap) >= self._most else max(0.0, self._since + self._collect - now)

    def take(self, now: float) -> list[RenderRequest]:
        """The next call's runs, stale ones thrown away; none while it is better to wait."""
        if self.wait(now) != 0:
            return []
        batch: list[RenderRequest] = []
        while self._heap and len(batch) < self._most:
            ask = heapq.heappop(self._heap)[2]
            if not ask.stale:
                batch.append(ask)
        self._since = now - self._collect if self._heap else None  # who is left has waited long enough
        return batch
