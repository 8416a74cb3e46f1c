"""CUDA's streams, events, graphs and pinned memory on a CPU, with CUDA's rules: who breaks one fails.

A graph records the operations of a capture and runs them again on the very same memory when it is replayed. Before that
it spoils what the other graphs of its pool have left, which is the worst that shared memory can do.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

_CURRENT = threading.local()


def current_device() -> str:
    """torch's current device in this thread."""
    return getattr(_CURRENT, "devices", ["cuda:0"])[-1]


class FakeStream:
    def __init__(self, device: str, log: list[str], name: str) -> None:
        self.device, self.log, self.name = device, log, name

    def wait_stream(self, other: FakeStream) -> None:
        assert other.device == self.device
        self.log.append(f"{self.name} waits for {other.name}")

    def wait_event(self, event: FakeEvent) -> None:
        assert event.recorded
        self.log.append(f"{self.name} waits for event {event.number}")


class FakeEvent:
    def __init__(self, number: int, log: list[str]) -> None:
        self.number, self.log, self.recorded = number, log, False

    def record(self, stream: FakeStream) -> None:
        self.recorded = True
        self.log.append(f"event {self.number} on {stream.name}")

    def synchronize(self) -> None:
        assert self.recorded
        self.log.append(f"wait for event {self.number}")


class FakePool:
    def __init__(self) -> None:
        self.graphs: list[FakeGraph] = []


class FakeGraph(TorchDispatchMode):
    def __init__(self, device: str, log: list[str]) -> None:
        super().__init__()
        self.device, self.log = device, log
        self.operations: list[tuple[Any, Any, Any, Any]] = []
        self.pool = FakePool()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        self.operations.append((func, args, kwargs or {}, made))
        return made

    def replay(self) -> None:
        assert current_device() == self.device, "a graph is replayed on the stream of another device"
        self.log.append("replay")
        with torch.inference_mode():
            for other in self.pool.graphs:
                if other is not self:
                    other.spoil()
            for func, args, kwargs, made in self.operations:
                again = func(*args, **kwargs)
                for place, value in zip(tree_leaves(made), tree_leaves(again), strict=True):
                    if isinstance(place, torch.Tensor) and place.data_ptr() != value.data_ptr():
                        place.copy_(value)

    def spoil(self) -> None:
        for func, args, _, made in self.operations:
            given = {one.data_ptr() for one in tree_leaves(args) if isinstance(one, torch.Tensor)}
            for place in tree_leaves(made):
                fresh = isinstance(place, torch.Tensor) and place.data_ptr() not in given
                if fresh and place.is_floating_point() and not func.is_view:
                    place.fill_(float("nan"))


class FakeCuda:
    """A ``CudaDevice`` on a CPU. ``log`` tells what waited for what; ``room`` is how many captures fit."""

    def __init__(self, name: str = "cuda:1", room: int = 99) -> None:
        self.name, self.room, self.log = name, room, list[str]()
        self.pools: list[FakePool] = []
        self.captures: list[tuple[FakePool, FakeStream]] = []
        self._default = FakeStream(name, self.log, "main")
        self._streams = [self._default]
        self._events = 0

    @contextmanager
    def active(self) -> Iterator[None]:
        if not hasattr(_CURRENT, "devices"):
            _CURRENT.devices = ["cuda:0"]
        _CURRENT.devices.append(self.name)
        try:
            yield
        finally:
            _CURRENT.devices.pop()

    def new_stream(self) -> FakeStream:
        return FakeStream(self.name, self.log, "side")

    def current_stream(self) -> FakeStream:
        return self._streams[-1]

    @contextmanager
    def on_stream(self, stream: FakeStream) -> Iterator[None]:
        self._streams.append(stream)
        try:
            yield
        finally:
            self._streams.pop()

    def new_event(self) -> FakeEvent:
        self._events += 1
        return FakeEvent(self._events, self.log)

    def new_graph(self) -> FakeGraph:
        assert current_device() == self.name
        return FakeGraph(self.name, self.log)

    def new_pool(self) -> FakePool:
        self.pools.append(FakePool())
        return self.pools[-1]

    @contextmanager
    def capture(self, graph: FakeGraph, pool: FakePool, stream: FakeStream) -> Iterator[None]:
        assert current_device() == self.name == stream.device, "the graph would silently be empty"
        assert stream is not self._default, "the default stream cannot be captured"
        assert all(one is stream for other, one in self.captures if other is pool), "no sharing across streams"
        if sum(len(one.graphs) for one in self.pools) >= self.room:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        self.captures.append((pool, stream))
        with self.on_stream(stream), graph:
            yield
        graph.pool = pool
        pool.graphs.append(graph)

    def pinned(self, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        return torch.empty(shape, dtype=dtype)
