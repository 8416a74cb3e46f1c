"""Uploads on their way from a form to files of our own names, measured before anything is spent on them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastapi import UploadFile

from .state import AppState
from .tasks import CLIP_FILE

SHOWN = 120  # letters kept of an upload's name


def shown_name(upload: UploadFile | None) -> str | None:
    """The upload's own name, to be shown and never used: its last part, without what cannot be printed."""
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
    """A new folder at ``path``; gone again after an error, or after all unless ``keep``."""
    path.mkdir(mode=0o700)
    try:
        yield path
    except BaseException:
        shutil.rmtree(path, ignore_errors=True)
        raise
    if not keep:
        shutil.rmtree(path, ignore_errors=True)


def measure(parts: AppState, folder: Path, minutes: float | None = None) -> dict[str, Any]:
    """What ``picture``, ``speech`` and clips in ``folder`` are; raises the problem with them. See tasks.measure.

    ``minutes``: the most that is taken, if less than the server's own limit.
    """
    files = {name: str(folder / name) for name in ("picture", "speech") if (folder / name).exists()}
    clips = {path.name.removeprefix(CLIP_FILE): str(path) for path in folder.glob(f"{CLIP_FILE}*")}
    longest = min(parts.settings.media_minutes, minutes or parts.settings.media_minutes)
    limits = {"megapixels": parts.settings.megapixels, "seconds": longest * 60}
    return parts.probe_worker.call(
        {"do": "measure", "home": str(parts.settings.folder), "clips": clips, **limits, **files}
    )
