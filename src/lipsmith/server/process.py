"""A worker process as the server sees it: one task at a time, with progress, a time limit, and a sure end."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import IO, Any

from ..errors import JobTimeout

COMMAND = (sys.executable, "-m", "lipsmith.server.worker")
BEGIN_SECONDS = 120  # until a fresh worker must say that it is ready
POLITE = 5  # how much less often than the server a worker may use the processor

Tell = Callable[[tuple[str, int, int]], bool]
"""Hears how far the work is, at least once a second; False stops it."""


class WorkerLost(Exception):
    """The worker ended before its task: it crashed, or was killed."""


class Stopped(Exception):
    """The work was stopped because ``tell`` said so."""


class TaskFailed(Exception):
    """The task ended with a problem, whose members ``body`` holds."""

    def __init__(self, body: dict[str, Any]) -> None:
        super().__init__(body["detail"])
        self.body = body


class WorkerProcess:
    """Begins its process at the first task and again when it was lost. For one thread at a time."""

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._command = command
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str | None] = queue.Queue()

    @property
    def pid(self) -> int | None:
        """Of the process, while there is one."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def call(self, task: dict[str, Any], seconds: float, tell: Tell = lambda _: True) -> dict[str, Any]:
        """Do ``task`` and return what it answers.

        Raises:
            TaskFailed: it ended with a problem.
            WorkerLost: the process ended first.
            Stopped: ``tell`` said so; the process is gone.
            JobTimeout: after ``seconds``; the process is gone.
        """
        try:
            self._begin(tell)
            return self._work(task, time.monotonic() + seconds, tell)
        except (WorkerLost, Stopped, JobTimeout):
            self.kill()
            raise

    def kill(self) -> None:
        """End the process at once; the next task begins another."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()
        self._process = None

    def _begin(self, tell: Tell) -> None:
        if self.pid is not None:
            return
        self.kill()
        self._lines = queue.Queue(1000)  # words of progress: a worker that says more waits
        self._process = subprocess.Popen(  # noqa: S603 - our own words
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C in the terminal is for the server, which decides
        )
        if hasattr(os, "setpriority"):
            os.setpriority(os.PRIO_PROCESS, self._process.pid, POLITE)
        assert self._process.stdout
        threading.Thread(target=_read, args=(self._process.stdout, self._lines), daemon=True).start()
        self._next(time.monotonic() + BEGIN_SECONDS, ("load", 0, 0), tell)

    def _work(self, task: dict[str, Any], deadline: float, tell: Tell) -> dict[str, Any]:
        self._say(task)
        stage = ("load", 0, 0)
        while True:
            word = self._next(deadline, stage, tell)
            if "done" in word:
                done: dict[str, Any] = word["done"]
                return done
            if "problem" in word:
                raise TaskFailed(word["problem"])
            name, done_frames, total = word["stage"]
            stage = (name, done_frames, total)
            if not tell(stage):
                raise Stopped

    def _say(self, task: dict[str, Any]) -> None:
        assert self._process
        assert self._process.stdin
        try:
            self._process.stdin.write(json.dumps(task) + "\n")
            self._process.stdin.flush()
        except OSError as reason:
            raise WorkerLost("the worker ended before its task") from reason

    def _next(self, deadline: float, stage: tuple[str, int, int], tell: Tell) -> dict[str, Any]:
        """The worker's next word; ``tell`` is asked every half second meanwhile."""
        while True:
            try:
                line = self._lines.get(timeout=0.5)
            except queue.Empty:
                if not tell(stage):
                    raise Stopped from None
                if time.monotonic() > deadline:
                    raise JobTimeout("The work was stopped: it took longer than this server allows.") from None
                continue
            if line is None:
                raise WorkerLost("the worker ended in the middle of its task")
            if time.monotonic() > deadline:
                raise JobTimeout("The work was stopped: it took longer than this server allows.")
            word: dict[str, Any] = json.loads(line)
            return word


def _read(pipe: IO[str], lines: queue.Queue[str | None]) -> None:
    """Hand over the worker's lines, and None when it is gone."""
    try:
        for line in pipe:
            lines.put(line)
    except ValueError:  # closed by kill
        pass
    lines.put(None)
