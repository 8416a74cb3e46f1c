"""What to do when a GPU's memory is full: smaller batches, and an error if not even one row fits."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ...errors import EngineUnavailable

T = TypeVar("T")
GPU_BATCH = 8
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

    Args:
        size: rows of a batch at first.
        notices: gets a sentence when a batch is halved.
        forget: gives memory back that is not needed, such as captured graphs; returns whether there was any.
    """

    def __init__(self, size: int, notices: list[str], forget: Callable[[], bool]) -> None:
        self.size, self._notices, self._forget = size, notices, forget

    def run(self, rows: int, draw: Callable[[slice], list[T]]) -> list[T]:
        """What ``draw`` returns for each of ``rows`` rows; it is called with the slice of one batch.

        Raises:
            EngineUnavailable: the memory does not hold a single row.
        """
        import torch

        drawn: list[T] = []
        while len(drawn) < rows:
            part = slice(len(drawn), min(len(drawn) + self.size, rows))
            try:
                drawn += draw(part)
                continue
            except torch.cuda.OutOfMemoryError as problem:
                full = out_of_memory_error(problem)
            self._make_room(part.stop - part.start, full)  # not before: the problem holds on to what was being drawn
        return drawn

    def _make_room(self, count: int, full: EngineUnavailable) -> None:
        """``count`` rows at once were too many: draw fewer, or one without captures; else raise ``full``."""
        import torch

        forgot = self._forget()
        torch.cuda.empty_cache()
        if count > 1:
            self.size = count // 2
            notice = _HALVED.format(batch=count, half=self.size)
            if notice not in self._notices:
                self._notices.append(notice)
        elif not forgot:
            raise full


__all__ = ["BatchRunner", "batch_size", "out_of_memory_error"]
