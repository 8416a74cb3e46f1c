"""The C# program's templates, wherever they came from: prepared by us, or by the service that came before.

Beside the avatars of ``--cache_dir`` may lie that service's ``<id>_preprocessed.pkl``: it is imported when it is first
asked for. A template that only MuseTalk can draw speaks with the default engine where MuseTalk is not there: it is then
prepared once more, from its own plates, on a shelf of its own.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from ...avatars.options import AvatarOptions
from ...avatars.store import AvatarStore
from ...engines import load_engine
from ...errors import AvatarBroken, AvatarMissing
from .engine import DEFAULT
from .flags import ServiceFlags
from .names import avatar_name
from .output import Pipe

if TYPE_CHECKING:
    from ...avatars.avatar import Avatar
    from ...types import Image

STAND_INS = ".stand-ins"


def shelf_of(flags: ServiceFlags) -> AvatarStore:
    """The shelf at ``--cache_dir``."""
    return AvatarStore(Path(flags.cache_dir))


def open_template(flags: ServiceFlags, pipe: Pipe) -> Avatar:
    """The template's avatar; one of the older service is taken over first.

    Raises:
        AvatarMissing: there is neither.
        AvatarBroken, InputError: it is damaged, or what the older service left cannot be used.
    """
    store, name = shelf_of(flags), avatar_name(flags.template_id)
    try:
        return store.open(name)
    except AvatarMissing:
        older = older_cache(flags)
        if older is None:
            raise
    from ..upstream_import import bring_upstream

    pipe.say(f"📦 导入旧缓存 (importing): {older.name}")
    bring_upstream(store, older, name, refresh=True, progress=pipe.progress)
    return store.open(name)


def older_cache(flags: ServiceFlags) -> Path | None:
    """What the older service left of this template, at either of its places."""
    name = f"{flags.template_id}_preprocessed.pkl"
    if Path(name).name != name:
        return None
    folder = Path(flags.cache_dir)
    return next((path for path in (folder / name, folder / flags.template_id / name) if path.is_file()), None)


def stand_in(avatar: Avatar, flags: ServiceFlags, pipe: Pipe) -> Avatar:
    """The same plates, prepared for the default engine; made when it is first needed.

    Raises:
        FaceError: no plate shows a face that it can draw.
    """
    store, info = AvatarStore(Path(flags.cache_dir) / STAND_INS), avatar.info
    try:
        there = store.open(info.id)
    except (AvatarMissing, AvatarBroken):
        pass
    else:
        if there.info.created >= info.created:
            return there
        there.close()
    _prepare_again(store, info.id, (avatar.source_frame(index).image for index in range(info.frames)), info.fps, pipe)
    return store.open(info.id)


def _prepare_again(store: AvatarStore, name: str, images: Iterable[Image], fps: Fraction, pipe: Pipe) -> None:
    """An avatar for the default engine from pictures alone."""
    from ...media.stills import write_png

    with tempfile.TemporaryDirectory(prefix="lipsmith-") as folder:
        count = 0
        for image in images:
            write_png(Path(folder) / f"{count:08d}.png", image)
            count += 1
        source = Path(folder) if count > 1 else Path(folder) / f"{0:08d}.png"
        options = AvatarOptions(fps=str(fps))
        store.create(name, source, load_engine(DEFAULT), options, refresh=True, progress=pipe.progress)


__all__ = ["older_cache", "open_template", "shelf_of", "stand_in"]
