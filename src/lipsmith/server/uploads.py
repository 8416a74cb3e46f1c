"""Uploads: stored as files with our own names, and measured before any other work."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastapi import UploadFile

from ..errors import JobTimeout
from ..jobs.worker import task_request
from ..workers.process import WorkerLost
from ..workers.shared import SharedWorker, WorkerBusy
from ..workers.supervised import WorkerTimeout
from .problems import Problem
from .state import AppState

SHOWN = 120
"""Letters kept of an upload's name."""


def shown_name(upload: UploadFile | None) -> str | None:
    """The upload's own name, to be shown and never used as a path: its last part, without unprintable letters."""
    if upload is None:
        return None
    last = (upload.filename or "upload").replace("\\", "/").rpartition("/")[2]
    return "".join(letter for letter in last if letter.isprintable())[:SHOWN] or "upload"


def save(upload: UploadFile | None, path: Path) -> int:
    """Write the upload to ``path``; returns its bytes."""
    if upload is None:
        return 0
    with path.open("xb") as file:
        shutil.copyfileobj(upload.file, file, 1 << 20)
    return path.stat().st_size


def size_of(*uploads: UploadFile | None) -> int:
    """Bytes of the uploads together."""
    return sum(upload.size or 0 for upload in uploads if upload is not None)


@contextmanager
def fresh_folder(path: Path, *, keep: bool) -> Iterator[Path]:
    """A new folder at ``path``; removed after an error, and unless ``keep`` at the end."""
    path.mkdir(mode=0o700)
    try:
        yield path
    except BaseException:
        shutil.rmtree(path, ignore_errors=True)
        raise
    if not keep:
        shutil.rmtree(path, ignore_errors=True)


def measure(state: AppState, folder: Path, minutes: float | None = None) -> dict[str, Any]:
    """What the uploads in ``folder`` are, see the task ``measure``. Raises the problem with them.

    Args:
        minutes: the longest upload, if less than the server's own limit.
    """
    longest = min(state.settings.media_minutes, minutes or state.settings.media_minutes)
    limits = {"megapixels": state.settings.megapixels, "seconds": longest * 60}
    return ask(state, state.probe_worker, "measure", limits, folder)


def ask(state: AppState, worker: SharedWorker, task: str, options: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The report of a task on the uploads in ``folder``, where it also writes what it makes.

    Raises:
        TaskFailed: the task's own problem.
        Problem: queue-full, or invalid if the upload crashed the worker.
        JobTimeout: the task took too long.
    """
    try:
        return worker.call(task_request(task, options, state.settings.folder, folder, folder)).header
    except WorkerBusy as reason:
        text = "Too many uploads are being read: try again in a moment."
        raise Problem("queue-full", text, retry_after=5) from reason
    except WorkerLost as reason:
        raise Problem("invalid", "The upload crashed the process that read it: export it again.") from reason
    except WorkerTimeout as reason:
        raise JobTimeout("The work was stopped: it took longer than this server allows.") from reason
