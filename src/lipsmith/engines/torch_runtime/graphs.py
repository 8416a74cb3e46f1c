"""Optional wrappers that make a network's step faster: CUDA graphs for batches of a few sizes, and torch.compile.

A *step* is a function of tensors with one row per picture, whose row b does not depend on other rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    Step = Callable[..., torch.Tensor]
    """(B, ...) tensors -> (B, ...)."""
    Capture = Callable[[Step, tuple[torch.Tensor, ...]], Step]
    """(step, inputs of the shapes to come) -> the same step for these shapes alone."""
    Key = tuple[tuple[tuple[int, ...], torch.dtype], ...]

BUCKETS = (1, 2, 4, 8, 16)
"""Rows that are captured; more rows go in pieces of the last."""
WARM_UP = 3  # runs before a capture: libraries choose their kernels and take their memory in these
NOT_COMPILED = "torch.compile failed ({why}): drawn without it"


def bucket(rows: int) -> int:
    """The smallest bucket that holds ``rows``, which are at most the largest."""
    return next(size for size in BUCKETS if size >= rows)


class GraphCache:
    """A step that is captured once for each batch size in ``BUCKETS``; a smaller batch is filled up by its last row.

    Args:
        step: the function to run.
        capture: makes the step for one batch's shapes; ``cuda_graph`` on a GPU.
    """

    def __init__(self, step: Step, capture: Capture) -> None:
        self._step, self._capture = step, capture
        self._captured: dict[Key, Step] = {}

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
        if key not in self._captured:
            self._captured[key] = self._capture(self._step, full)
        return self._captured[key](*full)[:rows]

    def forget(self) -> bool:
        """Give the captures' memory back. Also needed when weights moved or changed their precision.

        Returns:
            Whether there were any.
        """
        any_captured = bool(self._captured)
        self._captured.clear()
        return any_captured


def _filled(rows: torch.Tensor, size: int) -> torch.Tensor:
    """(B, ...) with its last row again and again, up to ``size`` rows."""
    import torch

    missing = size - len(rows)
    return torch.cat([rows, rows[-1:].expand(missing, *rows.shape[1:])]) if missing else rows


def cuda_graph(step: Step, example: tuple[torch.Tensor, ...]) -> Step:
    """Record the step's kernels for the shapes of ``example`` as one CUDA graph. A ``Capture``.

    Raises:
        torch.cuda.OutOfMemoryError: there is no room for it.
    """
    import torch

    inputs = tuple(one.clone() for one in example)
    stream = torch.cuda.Stream(inputs[0].device)  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream(inputs[0].device))
    with torch.cuda.stream(stream):
        for _ in range(WARM_UP):
            step(*inputs)
    torch.cuda.current_stream(inputs[0].device).wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        drawn = step(*inputs)

    def replay(*given: torch.Tensor) -> torch.Tensor:
        for place, one in zip(inputs, given, strict=True):
            place.copy_(one)
        graph.replay()
        return drawn.clone()

    return replay


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


__all__ = ["BUCKETS", "Compiled", "GraphCache", "bucket", "cuda_graph"]
