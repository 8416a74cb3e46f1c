"""The job kind ``recording``: a live session recorded as a film.

The server that plays the session runs the job and holds its lease; no worker does. The process that writes the film
outlives its server, so a whole film may be there though nobody holds the lease.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..registry import JobPolicy, TaskSpec

FILM = "film.mp4"


@dataclass(frozen=True, slots=True)
class RecordingOptions:
    """What is recorded."""

    format: Literal["mp4"] = "mp4"


POLICY = JobPolicy(lambda _: FILM, retry=False, is_whole=lambda folder: (folder / FILM).exists())
TASK = TaskSpec("recording", RecordingOptions, None, POLICY)
