"""A worker that survives crashes: its process is started with the first call, and again after a crash."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import LipsmithError
from .messages import Buffer, Message
from .process import WorkerLost, WorkerProcess

READY_SECONDS = 120.0
"""How long a fresh process may take to say that it is ready."""
POLL = 0.5
"""Seconds between two questions whether a call shall go on."""

Watch = Callable[[Mapping[str, Any]], bool]
"""Gets the header of the last progress message, ``{}`` before the first; False stops the call."""


class WorkerStopped(Exception):
    """The call was stopped because ``watch`` said so."""


class WorkerTimeout(Exception):
    """The call took longer than it may."""


class TaskFailed(LipsmithError):
    """A task in a worker process failed.

    ``body`` holds the members of the worker's problem. They are those of this error too, see ``errors.problem_of``.
    """

    def __init__(self, body: dict[str, Any]) -> None:
        super().__init__(body["detail"])
        self.body = body
        self.http_status, self.retry_after = body["status"], body.get("retry_after")

    @property
    def kind(self) -> str:
        """That of the problem."""
        return str(self.body["type"])

    @property
    def title(self) -> str:
        """That of the problem."""
        return str(self.body["title"])


class SupervisedWorker:
    """One process at a time, for one thread at a time.

    A call that ends with anything but an answer or a problem ends the process too; the next call starts another.

    Args:
        start: starts a process.
    """

    def __init__(self, start: Callable[[], WorkerProcess]) -> None:
        self._start = start
        self._process: WorkerProcess | None = None

    @property
    def pid(self) -> int | None:
        """The number of the process, while one runs."""
        process = self._process
        return process.pid if process is not None and process.alive else None

    def call(
        self, request: Mapping[str, Any], seconds: float, watch: Watch = lambda _: True, payload: Buffer = b""
    ) -> Message:
        """Send a request and wait for its answer: the header is what the worker's handler returned.

        Args:
            request: header of the request, JSON.
            seconds: how long the answer may take, counted from the moment when the process is ready.
            watch: asked with every progress message, and every half second; may stop the call.
            payload: bytes behind the header.

        Raises:
            TaskFailed: the worker answered with a problem.
            WorkerLost: the process ended first.
            WorkerStopped: ``watch`` returned False.
            WorkerTimeout: the answer did not come in time.
        """
        try:
            process = self._ready_process(watch)
            deadline = time.monotonic() + seconds
            _send(process, request, payload, seconds)
            return _answer(process, deadline, watch)
        except TaskFailed:
            raise
        except BaseException:  # also one of ``watch``: an answer that comes late is not for the next call
            self.close()
            raise

    def warm(self) -> None:
        """Start the process, if none runs, and wait until it is ready; as ``call`` without a request."""
        try:
            self._ready_process(lambda _: True)
        except BaseException:
            self.close()
            raise

    def kill(self) -> None:
        """End the process at once. Any thread may call; a call that runs raises WorkerLost."""
        process = self._process
        if process is not None:
            process.kill()

    def close(self) -> None:
        """End the process at once and give its pipes back, between two calls."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.finish(0)

    def _ready_process(self, watch: Watch) -> WorkerProcess:
        if self._process is not None and self._process.alive:
            return self._process
        self.close()
        self._process = process = self._start()
        deadline = time.monotonic() + READY_SECONDS
        while not process.wait_ready(POLL):
            if process.over:
                raise process.lost()
            _check(watch({}), deadline)
        return process


def _send(process: WorkerProcess, request: Mapping[str, Any], payload: Buffer, seconds: float) -> None:
    """Send the request to a process that may not read."""
    deadline = time.monotonic() + seconds
    timer = threading.Timer(min(seconds, threading.TIMEOUT_MAX), process.kill)
    timer.daemon = True
    timer.start()
    try:
        process.send(request, payload)
    except WorkerLost:
        if time.monotonic() >= deadline:
            raise WorkerTimeout from None
        raise
    finally:
        timer.cancel()


def _answer(process: WorkerProcess, deadline: float, watch: Watch) -> Message:
    progress: Mapping[str, Any] = {}
    while True:
        message = process.receive(POLL)
        if message is not None and "done" in message.header:
            return Message(message.header["done"], message.payload)
        if message is not None and "problem" in message.header:
            raise TaskFailed(message.header["problem"])
        progress = progress if message is None else message.header
        _check(watch(progress), deadline)


def _check(goes_on: bool, deadline: float) -> None:
    if not goes_on:
        raise WorkerStopped
    if time.monotonic() > deadline:
        raise WorkerTimeout


__all__ = ["SupervisedWorker", "TaskFailed", "WorkerStopped", "WorkerTimeout"]
