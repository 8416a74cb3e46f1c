"""Uploads that came in: moved to where they are used under our own names, and read by worker processes alone."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import UploadFile
from starlette.concurrency import run_in_threadpool

from ..errors import JobTimeout
from ..jobs.folders import size_of
from ..jobs.limits import TaskLimits
from ..jobs.worker import task_request
from ..workers.pool import WorkerBusy, WorkerPool
from ..workers.process import WorkerLost
from ..workers.supervised import WorkerTimeout
from .forms import StoredUpload
from .problems import Problem
from .state import AppState

SHOWN = 120
"""Letters kept of an upload's name."""
PROBE_SECONDS, MINUTE_SECONDS, READ_RATE = 5.0, 0.1, 50e6
"""Processor time of every probe, what it gets more for each minute that media may last, and the bytes for which it gets
a second more: some four times what films need."""
DECODE_SECONDS = 20.0
"""Processor time of ten minutes of speech; most take one."""
PREVIEW_SECONDS = 120.0
"""What a preview may take. Engines differ."""
PROBE_BYTES = 2 << 30
"""Memory of a worker that probes or decodes."""
WAIT_FACTOR = 4
"""How much longer than its processor time a task may take: others are at work too."""


def shown_name(upload: UploadFile | None) -> str | None:
    """The upload's own name, to be shown and never used as a path: its last part, without unprintable letters."""
    if upload is None:
        return None
    last = (upload.filename or "upload").replace("\\", "/").rpartition("/")[2]
    return "".join(letter for letter in last if letter.isprintable())[:SHOWN] or "upload"


def save(upload: UploadFile | None, path: Path) -> int:
    """Move the upload to ``path``; returns its bytes."""
    if upload is None:
        return 0
    assert isinstance(upload, StoredUpload)  # see UploadRoute
    upload.path.rename(path)
    return upload.size or 0


@asynccontextmanager
async def fresh_folder(path: Path) -> AsyncIterator[Path]:
    """A new folder at ``path``; removed after an error."""
    path.mkdir(mode=0o700)
    try:
        yield path
    except BaseException:
        await run_in_threadpool(shutil.rmtree, path, ignore_errors=True)
        raise


async def measure(state: AppState, owner: str, folder: Path, minutes: float | None = None) -> dict[str, Any]:
    """What the uploads in ``folder`` are, see the task ``measure``. Raises the problem with them.

    Args:
        minutes: the longest upload, if less than the server's own limit.
    """
    longest = min(state.settings.media_minutes, minutes or state.settings.media_minutes)
    options = {"megapixels": state.settings.megapixels, "seconds": longest * 60}
    seconds = PROBE_SECONDS + longest * MINUTE_SECONDS + size_of(folder) / READ_RATE
    limits = TaskLimits(seconds, PROBE_BYTES)
    return await _probe(state, owner, task_request("measure", options, *_folders(state, folder), limits=limits))


async def decode(state: AppState, owner: str, folder: Path, most: int) -> int:
    """Write the speech in ``folder`` as at most so many samples, see the task ``decode``; returns their rate in Hz."""
    limits = TaskLimits(DECODE_SECONDS, PROBE_BYTES)
    request = task_request("decode", {"samples": most}, *_folders(state, folder), limits=limits)
    report = await _probe(state, owner, request)
    return int(report["rate"])


async def preview(state: AppState, owner: str, folder: Path, options: Mapping[str, Any]) -> dict[str, Any]:
    """Make a preview of the uploads in ``folder``, see the task ``preview``."""
    request = task_request("preview", {"options": options}, *_folders(state, folder))
    return await ask(state.previews, owner, request, PREVIEW_SECONDS)


async def ask(pool: WorkerPool, owner: str, request: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    """The report of a task that a worker of ``pool`` does for ``owner`` within ``seconds``.

    Raises:
        TaskFailed: the task's own problem.
        Problem: too-many-uploads or queue-full; or invalid if the upload crashed the worker.
        JobTimeout: the task took too long.
    """
    try:
        return (await pool.call(owner, request, seconds)).header
    except WorkerBusy as reason:
        if reason.own:
            text = "Too many of your uploads are being read: try again when one of them is answered."
            raise Problem("too-many-uploads", text, retry_after=5) from reason
        text = "Too many uploads are being read: try again in a moment."
        raise Problem("queue-full", text, retry_after=5) from reason
    except WorkerLost as reason:
        raise Problem("invalid", "The upload crashed the process that read it: export it again.") from reason
    except WorkerTimeout as reason:
        raise JobTimeout("The work was stopped: it took longer than this server allows.") from reason


async def _probe(state: AppState, owner: str, request: Mapping[str, Any]) -> dict[str, Any]:
    return await ask(state.probes, owner, request, request["limits"]["seconds"] * WAIT_FACTOR)


def _folders(state: AppState, folder: Path) -> tuple[Path, Path, Path]:
    """The folders of a task on the uploads in ``folder``, where it also writes what it makes."""
    return state.settings.folder, folder, folder
