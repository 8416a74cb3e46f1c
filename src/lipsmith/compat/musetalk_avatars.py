"""The avatars of a realtime.yaml: prepared once per entry, kept beside upstream's folders, never asked about."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..avatars.avatar import Avatar
from ..avatars.store import AvatarOptions, AvatarStore
from ..engines import Engine
from ..errors import AvatarMissing, AvatarStale
from ..stopwatch import Progress

KEPT = ".prepared"
"""Below upstream's folder of avatars: a folder of ours, so that upstream's own are left alone."""


Told = Progress | None


@dataclass(frozen=True, slots=True)
class Task:
    """One film to make."""

    picture: Path
    speech: Path
    output: Path
    bbox_shift: int
    avatar: str = ""  # a realtime.yaml's entry
    preparation: bool = True  # ... and its own word: False, it was made before


def prepared(task: Task, place: Path, engine: Engine, fps: str, progress: Told) -> Avatar:
    """The avatar of an entry, open: made, unless it is there of just this picture and these settings.

    Args:
        place: upstream's folder of avatars.
        fps: of the plates; "source" for a video's own.

    Raises:
        AvatarMissing, AvatarStale: the entry says ``preparation: false``, and it was never made, or of something else.
        LipsmithError: as ``AvatarStore.create``.
    """
    store = AvatarStore(place / KEPT)
    if not task.preparation and task.avatar not in {info.id for info in store.list()}:
        raise AvatarMissing(
            f"The avatar {task.avatar} was not prepared in {store.root}: write `preparation: true` in its entry."
        )
    if task.preparation or task.picture.exists():
        _make(task, store, engine, AvatarOptions(engine="musetalk", fps=fps, still=True), progress)
    return store.open(task.avatar)


def _make(task: Task, store: AvatarStore, engine: Engine, options: AvatarOptions, progress: Told) -> None:
    try:
        store.create(task.avatar, task.picture, engine, options, progress=progress)
    except AvatarStale as stale:
        if not task.preparation:
            told = str(stale).removesuffix(" --refresh makes it again.")
            raise AvatarStale(f"{told} Write `preparation: true` in its entry to make it again.") from stale
        store.create(task.avatar, task.picture, engine, options, refresh=True, progress=progress)


__all__ = ["Task", "Told", "prepared"]
