"""The job kind ``avatar``: an uploaded picture becomes an avatar of its owner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ...avatars.manifest import AvatarInfo
from ...avatars.options import AvatarOptions
from ...avatars.store import AvatarStore
from ...options import build
from ..folders import uploads_in
from ..registry import JobPolicy, TaskContext, TaskSpec


@dataclass(frozen=True, slots=True)
class AvatarTask:
    """Which avatar is made."""

    avatar: str  # its id
    options: Mapping[str, Any] = field(default_factory=dict)  # of AvatarOptions
    clips: Sequence[str] = ()  # names of the further clips that were uploaded
    title: str = ""  # what people call it; empty: its id


def create_avatar(task: AvatarTask, context: TaskContext) -> AvatarInfo:
    """Put the avatar into its owner's store. Started again after a crash, it finds what was made already."""
    uploads = uploads_in(context.uploads)
    assert uploads.picture
    clips = {name: str(uploads.clips[name]) for name in task.clips}
    options = build(AvatarOptions, {**task.options, "clips": clips})
    engine, store = options.load().engine, AvatarStore(context.avatars)
    info = store.create(task.avatar, uploads.picture, engine, options, progress=context.progress)
    info = store.set_title(task.avatar, task.title) if task.title else info
    return replace(info, source="")


TASK = TaskSpec("avatar", AvatarTask, create_avatar, JobPolicy())
