"""Makes the items of an iterator in a thread of its own, a few ahead of their use."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from threading import Condition, Thread
from types import TracebackType
from typing import Generic, Self, TypeVar

T = TypeVar("T")
_LONGEST_WAIT = 0.5
"""Seconds. Windows sees Ctrl-C only between two waits for a lock."""


class Prefetch(Generic[T]):
    """Iterates over ``items`` in order, while a thread makes the next ones. Use it in a ``with`` block.

    An error of the thread is raised where its item would have come. The end of the block stops the thread: the item
    that it is making is made, the generator ``items`` is closed in the thread, and what was not used is dropped.

    Args:
        items: used in the thread only.
        limit: items that are made and not yet used, at most; one more is being made.
    """

    def __init__(self, items: Iterable[T], limit: int) -> None:
        self._items, self._limit = iter(items), limit
        self._ready: deque[T] = deque()
        self._changed = Condition()  # guards everything below, and ``_ready``
        self._stopped = self._finished = False
        self._error: BaseException | None = None
        self._thread = Thread(target=self._run, name="prefetch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self._thread.join()

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        with self._changed:
            while not (self._ready or self._finished):
                self._changed.wait(_LONGEST_WAIT)
            if self._ready:
                self._changed.notify_all()
                return self._ready.popleft()
        if self._error is not None:
            raise self._error
        raise StopIteration

    def _run(self) -> None:
        try:
            self._make_items()
            if close := getattr(self._items, "close", None):  # of a generator
                close()
        except BaseException as problem:  # it belongs to the thread that uses the items
            self._error = problem
        with self._changed:
            self._finished = True
            self._changed.notify_all()

    def _make_items(self) -> None:
        while self._has_room():
            try:
                item = next(self._items)
            except StopIteration:
                return
            with self._changed:
                self._ready.append(item)
                self._changed.notify_all()

    def _has_room(self) -> bool:
        """Wait until an item may be made; False: no more are wanted."""
        with self._changed:
            while len(self._ready) >= self._limit and not self._stopped:
                self._changed.wait(_LONGEST_WAIT)
            return not self._stopped


__all__ = ["Prefetch"]
