"""One worker for many threads: their calls take turns, and few may wait."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from .messages import Message
from .supervised import SupervisedWorker

RETRY_SECONDS = 0.1
"""How long ``close`` waits for a call that was ended, before it ends it again."""


class WorkerBusy(Exception):
    """Too many callers wait for the worker, or it is closed."""


class SharedWorker:
    """A worker whose calls take turns.

    Args:
        worker: what works; this object closes it.
        seconds: how long one call may take.
        callers: threads that may call at a time, the one at work among them; more get a WorkerBusy.
    """

    def __init__(self, worker: SupervisedWorker, seconds: float, callers: int) -> None:
        self._worker, self._seconds = worker, seconds
        self._turn = threading.Lock()
        self._room = threading.BoundedSemaphore(callers)
        self._closed = False

    def call(self, request: Mapping[str, Any]) -> Message:
        """Wait for a turn, then as ``SupervisedWorker.call``. Raises WorkerBusy instead of waiting behind many."""
        if not self._room.acquire(blocking=False):
            raise WorkerBusy
        try:
            with self._turn:
                if self._closed:
                    raise WorkerBusy
                return self._worker.call(request, self._seconds)
        finally:
            self._room.release()

    def close(self) -> None:
        """End the process at once: the call that runs raises WorkerLost, those behind it WorkerBusy."""
        self._closed = True
        while not self._turn.acquire(timeout=RETRY_SECONDS):
            self._worker.kill()  # once more, as the call may have started its process just now
        try:
            self._worker.close()
        finally:
            self._turn.release()


__all__ = ["SharedWorker", "WorkerBusy"]
