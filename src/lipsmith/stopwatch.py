"""How far work is and how long it took.

Wall time by stage, each second counted once: an inner stage stops the clock of the outer one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stage:
    """One word of progress: ``done`` of ``total`` frames of the stage ``name``; ``total`` 0: not known."""

    name: str  # "open" a speech of minutes, "look" at the faces, "prepare" an avatar's plates, "speak"
    done: int
    total: int


Progress = Callable[[Stage], None]


class Stopwatch:
    """Starts when it is made. ``seconds`` holds the exclusive wall time of every stage so far."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._started = self._turned = time.perf_counter()
        self._cpu_started = time.process_time()
        self._running: list[str] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count what happens inside under ``name``."""
        self._turn()
        self._running.append(name)
        try:
            yield
        finally:
            self._turn()
            self._running.pop()

    def each(self, name: str, items: Iterable[T]) -> Iterator[T]:
        """Count the making of ``items``, not what is done with them, under ``name``."""
        iterator = iter(items)
        while True:
            with self.stage(name):
                try:
                    item = next(iterator)
                except StopIteration:
                    return
            yield item

    def elapsed(self) -> float:
        """Wall seconds since the watch was made."""
        return time.perf_counter() - self._started

    def cpu(self) -> float:
        """CPU seconds of this process, all threads, since the watch was made."""
        return time.process_time() - self._cpu_started

    def _turn(self) -> None:
        now = time.perf_counter()
        if self._running:
            name = self._running[-1]
            self.seconds[name] = self.seconds.get(name, 0.0) + now - self._turned
        self._turned = now
