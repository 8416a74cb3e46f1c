"""Optional wrappers that make a network's step faster: CUDA graphs for batches of a few sizes, and torch.compile.

A *step* is a function of tensors with one row per picture, whose row b does not depend on other rows.

torch's rules for graphs, and how they are kept: capture on a side stream of the very device, which is made current
(else the capture is silently empty); warm up on the same stream; give graphs that share a pool the same stream; replay
them one after the other; copy an answer out before the next replay; never change or free what a graph has read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from threading import RLock
from typing import TYPE_CHECKING, Any, Protocol

from .cuda import CudaDevice

if TYPE_CHECKING:
    import torch

    Step = Callable[..., torch.Tensor]
    """(B, ...) tensors -> (B, ...)."""
    Key = tuple[tuple[tuple[int, ...], torch.dtype], ...]

BUCKETS = (1, 2, 4, 8, 16)
"""Rows that are captured; more rows go in pieces of the last."""
WARM_UP = 3  # runs before a capture: libraries choose their kernels and take their memory in these
PAUSE, LONGEST_PAUSE = 64, 4096  # calls
NOT_COMPILED = "torch.compile failed ({why}): drawn without it"


def bucket(rows: int) -> int:
    """The smallest bucket that holds ``rows``, which are at most the largest."""
    return next(size for size in BUCKETS if size >= rows)


class Graphs(Protocol):
    """Captures steps, and lets nobody replay while another captures, replays or drops what was captured."""

    lock: AbstractContextManager[Any]

    def capture(self, step: Step, example: tuple[torch.Tensor, ...]) -> Step:
        """The same step for inputs of these shapes alone. Raises torch's OutOfMemoryError: there is no room for it."""
        ...

    def release(self) -> None:
        """What was captured is about to be dropped: wait until the GPU has done with it."""
        ...


class GraphCache:
    """A step that is captured once for each batch size in ``BUCKETS``; a smaller batch is filled up by its last row.

    Any thread may call it. Where memory ran out, ``give_up`` makes room, and the plain step runs instead.

    Args:
        step: the function to run.
        graphs: captures it; ``CudaGraphs`` on a GPU. All caches that share it share its memory.
    """

    def __init__(self, step: Step, graphs: Graphs) -> None:
        self._step, self._graphs = step, graphs
        self._captured: dict[Key, Step] = {}
        self._too_large = BUCKETS[-1] + 1  # buckets of so many rows and more are not captured
        self._pause, self._next_pause = 0, PAUSE  # calls that run the plain step before anything is captured again

    def __call__(self, *given: torch.Tensor) -> torch.Tensor:
        """The step's (B, ...) of (B, ...) tensors."""
        import torch

        rows, most = len(given[0]), BUCKETS[-1]
        parts = [self._part(*(one[at : at + most] for one in given)) for at in range(0, rows, most)]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _part(self, *given: torch.Tensor) -> torch.Tensor:
        rows = len(given[0])
        full = tuple(_filled(one, bucket(rows)) for one in given)
        key = tuple((tuple(one.shape), one.dtype) for one in full)
        with self._graphs.lock:
            if key not in self._captured and self._may_capture(bucket(rows)):
                self._captured[key] = self._graphs.capture(self._step, full)
            if key in self._captured:
                return self._captured[key](*full)[:rows]
        return self._step(*given)

    def _may_capture(self, size: int) -> bool:
        if self._pause:
            self._pause -= 1
            return False
        return size < self._too_large

    def buckets(self, most: int) -> tuple[int, ...]:
        """The buckets that batches of up to ``most`` rows need, largest first: in this order they share memory best."""
        return tuple(size for size in reversed(BUCKETS) if size <= bucket(min(most, BUCKETS[-1])))

    def give_up(self, rows: int) -> bool:
        """``rows`` rows did not fit: drop all captures, and never again capture so many rows or more.

        Smaller buckets are captured again after a pause, which is longer each time.

        Returns:
            Whether that changed anything; if not, it is of no use to try the same again.
        """
        with self._graphs.lock:
            size = bucket(min(rows, BUCKETS[-1]))
            changed = self.drop() or size < self._too_large
            self._too_large = min(self._too_large, size)
            self._pause, self._next_pause = self._next_pause, min(2 * self._next_pause, LONGEST_PAUSE)
        return changed

    def drop(self) -> bool:
        """Give the captures' memory back; they are made again when they are needed. Returns whether there were any."""
        with self._graphs.lock:
            there = bool(self._captured)
            self._graphs.release()
            self._captured.clear()
        return there


def _filled(rows: torch.Tensor, size: int) -> torch.Tensor:
    """(B, ...) with its last row again and again, up to ``size`` rows."""
    import torch

    missing = size - len(rows)
    return torch.cat([rows, rows[-1:].expand(missing, *rows.shape[1:])]) if missing else rows


class CudaGraphs:
    """Captures steps as CUDA graphs of one device, in one pool of memory and on one side stream; replays them in turn.

    The graphs share memory, so one of them may overwrite what another has left there. This is right because each answer
    is copied out before the next replay: replays are launched one at a time, under ``lock``, and each one waits on the
    GPU for the copy before it, on whichever stream of the device that was.
    """

    def __init__(self, cuda: CudaDevice) -> None:
        self._cuda = cuda
        self.lock: AbstractContextManager[Any] = RLock()
        self._pool: Any = None
        self._stream: Any = None
        self._copied: Any = None  # event: the last answer was copied out

    def capture(self, step: Step, example: tuple[torch.Tensor, ...]) -> Step:
        """Record the step's kernels for the shapes of ``example``.

        Raises:
            torch.cuda.OutOfMemoryError: there is no room for it.
        """
        cuda = self._cuda
        with self.lock, cuda.active():
            self._pool = cuda.new_pool() if self._pool is None else self._pool
            self._stream = cuda.new_stream() if self._stream is None else self._stream
            inputs = tuple(one.clone() for one in example)
            self._warm_up(step, inputs)
            graph = cuda.new_graph()
            with _true_cause(), cuda.capture(graph, self._pool, self._stream):
                drawn = step(*inputs)
        return partial(self._replay, graph, inputs, drawn)

    def release(self) -> None:
        """Wait for the last replay. The pool is not used again: torch refuses one whose graphs are all gone."""
        with self.lock:
            if self._copied is not None:
                self._copied.synchronize()
            self._pool = self._copied = None

    def _warm_up(self, step: Step, inputs: tuple[torch.Tensor, ...]) -> None:
        """Run on the stream of the capture: libraries keep work space for each stream."""
        current = self._cuda.current_stream()
        self._stream.wait_stream(current)
        with self._cuda.on_stream(self._stream):
            for _ in range(WARM_UP):
                step(*inputs)
        current.wait_stream(self._stream)

    def _replay(
        self, graph: Any, inputs: tuple[torch.Tensor, ...], drawn: torch.Tensor, *given: torch.Tensor
    ) -> torch.Tensor:
        with self.lock, self._cuda.active():
            stream = self._cuda.current_stream()
            if self._copied is not None:
                stream.wait_event(self._copied)
            for place, one in zip(inputs, given, strict=True):
                place.copy_(one)
            graph.replay()
            answer = drawn.clone()
            self._copied = self._cuda.new_event()
            self._copied.record(stream)
        return answer


@contextmanager
def _true_cause() -> Iterator[None]:
    """If memory ran out in a capture, say so, even if torch then also fails to end the capture."""
    import torch

    try:
        yield
    except RuntimeError as problem:
        if isinstance(problem.__context__, torch.cuda.OutOfMemoryError):
            raise problem.__context__ from None
        raise


class Compiled:
    """A step under ``torch.compile``. Where that fails, the plain step runs, and ``notices`` gets a sentence."""

    def __init__(self, step: Step, notices: list[str], backend: str = "inductor") -> None:
        import torch

        self._step, self._notices = step, notices
        self._fast: Step | None = torch.compile(step, backend=backend, dynamic=False)

    def __call__(self, *given: torch.Tensor) -> torch.Tensor:
        """The step's result."""
        from torch._dynamo.exc import TorchDynamoException

        if self._fast is not None:
            try:
                return self._fast(*given)
            except TorchDynamoException as problem:
                self._fast = None
                self._notices.append(NOT_COMPILED.format(why=str(problem).splitlines()[0]))
        return self._step(*given)


__all__ = ["BUCKETS", "Compiled", "CudaGraphs", "GraphCache", "Graphs", "bucket"]
