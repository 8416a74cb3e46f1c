"""The files of a job: its uploads by their names, the report beside its result, and sizes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..whole_file import whole_file

if TYPE_CHECKING:
    from pathlib import Path

PICTURE, SPEECH, CLIP_PREFIX = "picture", "speech", "clip-"
"""Names of uploads. Behind the prefix stands the name of a clip."""
REPORT, RESULT = "report.json", "result"
"""Name of the report, and of the folder with the result and the report of a job that is done."""


@dataclass(frozen=True, slots=True)
class Uploads:
    """The uploads in a folder."""

    picture: Path | None
    speech: Path | None
    clips: dict[str, Path]  # by name


def uploads_in(folder: Path) -> Uploads:
    """Find the uploads in ``folder``."""
    picture, speech = (path if (path := folder / name).exists() else None for name in (PICTURE, SPEECH))
    clips = {path.name.removeprefix(CLIP_PREFIX): path for path in sorted(folder.glob(f"{CLIP_PREFIX}*"))}
    return Uploads(picture, speech, clips)


def size_of(folder: Path) -> int:
    """Bytes of all files below ``folder``."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def write_report(folder: Path, report: dict[str, Any]) -> None:
    """Write a job's report beside its result, whole or not at all."""
    with whole_file(folder / REPORT) as path:
        path.write_text(json.dumps(report), encoding="utf-8")


def read_report(folder: Path) -> dict[str, Any] | None:
    """The report in ``folder``; ``{}`` if it is damaged, None if there is none."""
    try:
        report: dict[str, Any] = json.loads((folder / REPORT).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError:
        return {}
    return report


__all__ = [
    "CLIP_PREFIX",
    "PICTURE",
    "REPORT",
    "RESULT",
    "SPEECH",
    "Uploads",
    "read_report",
    "size_of",
    "uploads_in",
    "write_report",
]
