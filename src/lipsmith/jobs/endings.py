"""Writes into the queue how jobs ended: again and again while it cannot be written, as on a full disk."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .queue import QUEUE_ERRORS

if TYPE_CHECKING:
    from pathlib import Path

    from .queue import JobQueue, JobRecord

log = logging.getLogger(__name__)
OnFinished = Callable[["JobRecord", float], None]
"""Called on a runner's thread with every job whose work ended there, and the seconds that it took; and with every job
that was cancelled before any work on it, on the thread that cancelled it.

The job stands as it does afterwards: done, failed (with its problem), cancelled, or queued, that is given back. A job
that was deleted meanwhile counts as cancelled.
"""


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of the work on one job."""

    job: JobRecord  # as it was when the work began
    write: Callable[[], bool]
    """Changes the queue; may be called again after an error. False: the lease was lost, so nothing was changed."""
    attempt: Path  # the folder of the work, which is removed afterwards
    started: float  # of time.monotonic


class Endings:
    """The ends of the jobs of one runner.

    Args:
        settled: called with the id of a job when its end is written.
    """

    def __init__(self, queue: JobQueue, on_finished: OnFinished, settled: Callable[[str], None]) -> None:
        self._queue, self._on_finished, self._settled = queue, on_finished, settled
        self._waiting: dict[str, Ending] = {}  # by the job's id
        self._writing = threading.Lock()

    @property
    def waiting(self) -> int:
        """How many ends could not be written yet."""
        return len(self._waiting)

    def add(self, ending: Ending) -> None:
        """Write it now, or as soon as that is possible."""
        with self._writing:
            self._waiting[ending.job.id] = ending
            self._try(ending, logging.WARNING)

    def write_waiting(self) -> None:
        """Try once more."""
        with self._writing:
            for ending in list(self._waiting.values()):
                self._try(ending, logging.DEBUG)

    def tell(self, job: JobRecord, seconds: float) -> None:
        """Call ``OnFinished``, whatever becomes of it."""
        try:
            self._on_finished(job, seconds)
        except Exception:  # a border: what others do with it ends no thread of ours
            log.exception("the end of job %s could not be told", job.id)

    def _try(self, ending: Ending, level: int) -> None:
        try:
            written = ending.write()
            row = self._queue.get(ending.job.id)
        except QUEUE_ERRORS as error:
            log.log(level, "the end of job %s cannot be written yet: %s", ending.job.id, error)
            return
        del self._waiting[ending.job.id]
        shutil.rmtree(ending.attempt, ignore_errors=True)
        if row is None:
            shutil.rmtree(ending.attempt.parent, ignore_errors=True)
        self._settled(ending.job.id)
        if written or row is None or row.state == "cancelled":
            self.tell(row or replace(ending.job, state="cancelled"), time.monotonic() - ending.started)


__all__ = ["Ending", "Endings", "OnFinished"]
