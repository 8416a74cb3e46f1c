"""Progress and wall time of work, by stage.

In each thread, every second counts for one stage: an inner stage stops the clock of the outer one. Stages of several
threads run at once, so their sum may exceed the time that has passed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock, local
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stage:
    """Progress: ``done`` of ``total`` frames of the stage ``name`` are finished; ``total`` 0: not known."""

    name: str  # "open": read a long speech; "look": find faces; "prepare": an avatar's frames; "speak"
    done: int
    total: int


Progress = Callable[[Stage], None]


class _Stages(local):
    """The stages that run in one thread, the innermost last, and when the clock was last read for them."""

    def __init__(self) -> None:
        self.running: list[str] = []
        self.switched = time.perf_counter()


class Stopwatch:
    """Starts when it is made. ``seconds`` holds the wall time of each stage so far, without its inner stages."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._started, self._cpu_started = time.perf_counter(), time.process_time()
        self._stages, self._lock = _Stages(), Lock()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time inside the ``with`` block for the stage ``name``."""
        self._switch()
        self._stages.running.append(name)
        try:
            yield
        finally:
            self._switch()
            self._stages.running.pop()

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
        stages, now = self._stages, time.perf_counter()
        if stages.running:
            name = stages.running[-1]
            with self._lock:
                self.seconds[name] = self.seconds.get(name, 0.0) + now - stages.switched
        stages.switched = now
