"""The task ``measure``: kind, size and length of uploads, before any other work."""

from __future__ import annotations

from ..folders import PICTURE, SPEECH, uploads_in
from ..probe import ProbeLimits, UploadProbe, probe_picture, probe_speech
from ..registry import TaskContext, TaskSpec


def measure(limits: ProbeLimits, context: TaskContext) -> dict[str, UploadProbe]:
    """Measure all uploads; they are named as their files, clips by their own names."""
    uploads = uploads_in(context.uploads)
    found = {PICTURE: probe_picture(uploads.picture, limits)} if uploads.picture else {}
    found |= {name: probe_picture(clip, limits) for name, clip in uploads.clips.items()}
    return found | ({SPEECH: probe_speech(uploads.speech, limits)} if uploads.speech else {})


TASK = TaskSpec("measure", ProbeLimits, measure)
