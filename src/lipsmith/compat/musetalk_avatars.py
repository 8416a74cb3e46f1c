"""The avatars of a realtime.yaml: prepared once per entry and stored beside MuseTalk's own folders."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..avatars.avatar import Avatar
from ..avatars.store import AvatarOptions, AvatarStore
from ..engines import Engine
from ..errors import AvatarMissing, AvatarStale
from ..stopwatch import Progress

PREPARED = ".prepared"
"""Our own folder below MuseTalk's folder of avatars, so that MuseTalk's are left alone."""


@dataclass(frozen=True, slots=True)
class Task:
    """One film to make."""

    picture: Path
    speech: Path
    output: Path
    bbox_shift: int
    avatar: str = ""  # name of an entry in a realtime.yaml
    preparation: bool = True  # the entry's own flag; False: the avatar must exist already


def open_prepared(task: Task, folder: Path, engine: Engine, fps: str, progress: Progress | None) -> Avatar:
    """Open the avatar of an entry. It is made first, unless it exists and has the same picture and settings.

    Args:
        task: of the entry.
        folder: MuseTalk's folder of avatars.
        engine: prepares the faces.
        fps: of the avatar's frames; "source" for a video's own.

    Raises:
        AvatarMissing: the entry says ``preparation: false``, and the avatar was never made.
        AvatarStale: the entry says ``preparation: false``, and the avatar was made of something else.
        LipsmithError: as ``AvatarStore.create``.
    """
    store = AvatarStore(folder / PREPARED)
    if not task.preparation and task.avatar not in {info.id for info in store.list()}:
        raise AvatarMissing(
            f"The avatar {task.avatar} was not prepared in {store.root}: write `preparation: true` in its entry."
        )
    if task.preparation or task.picture.exists():
        _make(task, store, engine, AvatarOptions(engine="musetalk", fps=fps, still=True), progress)
    return store.open(task.avatar)


def _make(task: Task, store: AvatarStore, engine: Engine, options: AvatarOptions, progress: Progress | None) -> None:
    try:
        store.create(task.avatar, task.picture, engine, options, progress=progress)
    except AvatarStale as stale:
        if not task.preparation:
            changed = str(stale).removesuffix(" --refresh makes it again.")
            raise AvatarStale(f"{changed} Write `preparation: true` in its entry to make it again.") from stale
        store.create(task.avatar, task.picture, engine, options, refresh=True, progress=progress)


__all__ = ["Task", "open_prepared"]
