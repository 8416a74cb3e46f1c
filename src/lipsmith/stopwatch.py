"""Progress and wall time of work, by stage.

Every second counts for one stage: an inner stage stops the clock of the outer one.
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
    """Progress: ``done`` of ``total`` frames of the stage ``name`` are finished; ``total`` 0: not known."""

    name: str  # "open": read a long speech; "look": find faces; "prepare": an avatar's frames; "speak"
    done: int
    total: int


Progress = Callable[[Stage], None]


class Stopwatch:
    """Starts when it is made. ``seconds`` holds the wall time of each stage so far, without its inner stages."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._started = self._switched = time.perf_counter()
        self._cpu_started = time.process_time()
        self._running: list[str] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time inside the ``with`` block for the stage ``name``."""
        self._switch()
        self._running.append(name)
        try:
            yield
        finally:
            self._switch()
            self._running.pop()

    def each(self, name: str, items: Iterable[T]) -> Iterator[T]:
        """Yield ``items``; count the time to produce them, not to use them, for the stage ``name``."""
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
        """CPU seconds of this process, in all threads, since the watch was made."""
        return time.process_time() - self._cpu_started

    def _switch(self) -> None:
        now = time.perf_counter()
        if self._running:
            name = self._running[-1]
            self.seconds[name] = self.seconds.get(name, 0.0) + now - self._switched
        self._switched = now
