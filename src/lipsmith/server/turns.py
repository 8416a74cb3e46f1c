"""A worker that many callers share, one at a time, with few who may wait."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from .problems import Problem
from .process import COMMAND, WorkerLost, WorkerProcess

WAITING = 6
"""Callers at a time, the one at work among them: each holds one of the web framework's 40 threads."""


class SharedWorker:
    """One worker process; callers take turns."""

    def __init__(self, seconds: float, command: Sequence[str] = COMMAND) -> None:
        self._seconds = seconds
        self._worker = WorkerProcess(command)
        self._turn = threading.Lock()
        self._room = threading.BoundedSemaphore(WAITING)

    def call(self, task: dict[str, Any]) -> dict[str, Any]:
        """Do ``task``. Raises TaskFailed, or Problem: too-long, queue-full, or invalid if the upload kills workers."""
        if not self._room.acquire(blocking=False):
            raise Problem("queue-full", "Too many uploads are being looked at: try again in a moment.", retry_after=5)
        try:
            with self._turn:
                return self._worker.call(task, self._seconds)
        except WorkerLost as reason:
            raise Problem("invalid", "The upload broke the process that read it: export it again.") from reason
        finally:
            self._room.release()

    def close(self) -> None:
        """End the worker after its turn."""
        with self._turn:
            self._worker.kill()
