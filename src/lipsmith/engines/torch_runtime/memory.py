"""What to do when a GPU's memory is full: smaller batches, and an error if not even one row fits."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ...errors import EngineUnavailable

T = TypeVar("T")
GPU_BATCH = 8
_WITHOUT_GRAPHS = "the GPU's memory is too small for CUDA graphs beside the networks: drawn without them"
_HALVED = "the GPU's memory is too small for {batch} faces at once: {half} are drawn together"
_NO_ROOM = (
    "The GPU's memory is too small for the engine's networks and what else lies there ({why}). --set tiling=true needs "
    "less, --set device=cpu none of it; nvidia-smi shows who else uses it."
)


def out_of_memory_error(problem: Exception) -> EngineUnavailable:
    """The error to raise when torch finds the GPU's memory full."""
    return EngineUnavailable(_NO_ROOM.format(why=str(problem).partition(".")[0]))


def batch_size(asked: int, device: str) -> int:
    """Rows drawn together: as many as were asked for, or for 0 what suits the device."""
    return asked or (1 if device == "cpu" else GPU_BATCH)


class BatchRunner:
    """Draws rows batch after batch, each as large as the memory allows. A batch that does not fit is halved for good.

    A batch is begun before the one before it is waited for, so that a GPU always has work. Any thread may run it.

    Args:
        size: rows of a batch at first.
        notices: gets a sentence when a batch is halved.
    """

    def __init__(self, size: int, notices: list[str]) -> None:
        self.size, self._notices = size, notices

    def run(
        self, rows: int, begin: Callable[[slice], Callable[[], list[T]]], give_up: Callable[[int], bool]
    ) -> list[T]:
        """What is drawn of each of ``rows`` rows.

        Each time memory runs out, the batch is halved, or a single row goes on without captures, or the run ends: so
        it ends in any case.

        Args:
            begin: launches the drawing of one batch, given its slice, and returns what waits for its results.
            give_up: takes the rows that did not fit and gives memory back that is not needed, such as captured graphs;
                returns whether that changed anything.

        Raises:
            EngineUnavailable: the memory does not hold a single row.
        """
        import torch

        drawn: list[T] = []
        while len(drawn) < rows:
            size = self.size
            try:
                self._draw_rest(drawn, rows, size, begin)
                continue
            except torch.cuda.OutOfMemoryError as problem:
                full = out_of_memory_error(problem)
            # not before this: the problem holds on to what was being drawn
            self._make_room(min(size, rows - len(drawn)), full, give_up)
        return drawn

    def _draw_rest(self, drawn: list[T], rows: int, size: int, begin: Callable[[slice], Callable[[], list[T]]]) -> None:
        """Append to ``drawn`` until it has ``rows``; what is finished stays there if memory runs out."""
        import torch

        waiting: Callable[[], list[T]] = list
        for first in range(len(drawn), rows, size):
            try:
                begun = begin(slice(first, min(first + size, rows)))
            except torch.cuda.OutOfMemoryError:
                drawn += waiting()
                raise
            drawn += waiting()
            waiting = begun
        drawn += waiting()

    def _make_room(self, count: int, full: EngineUnavailable, give_up: Callable[[int], bool]) -> None:
        """``count`` rows at once were too many: draw fewer, or one without captures; else raise ``full``."""
        import torch

        changed = give_up(count)
        torch.cuda.empty_cache()
        if count > 1:
            self.size = min(self.size, count // 2)
            self._say(_HALVED.format(batch=count, half=count // 2))
        elif changed:
            self._say(_WITHOUT_GRAPHS)
        else:
            raise full

    def _say(self, notice: str) -> None:
        if notice not in self._notices:
            self._notices.append(notice)


__all__ = ["BatchRunner", "batch_size", "out_of_memory_error"]
