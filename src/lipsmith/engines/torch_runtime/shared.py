"""What is loaded once and used by many: networks that engines with other options need too."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, Generic, TypeVar, cast
from weakref import WeakValueDictionary

T = TypeVar("T")


class Shared(Generic[T]):
    """Keeps ``value`` for as long as somebody keeps this."""

    __slots__ = ("__weakref__", "value")

    def __init__(self, value: T) -> None:
        self.value = value


_KEPT: WeakValueDictionary[Hashable, Shared[Any]] = WeakValueDictionary()
_LOCK = Lock()


def shared(key: Hashable, load: Callable[[], T]) -> Shared[T]:
    """What ``load`` gives, or what it gave another who still keeps it.

    Callers take turns, so two who come at once do not load twice. ``key`` must name everything that ``load`` depends
    on; a failure is not remembered.
    """
    with _LOCK:
        found = _KEPT.get(key)
        if found is None:
            found = _KEPT[key] = Shared(load())
        return cast("Shared[T]", found)


__all__ = ["Shared", "shared"]
