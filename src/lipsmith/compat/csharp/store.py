"""The C# program's templates: avatars in ``--cache_dir``, prepared by us or by the service that came before.

That service left files ``<id>_preprocessed.pkl`` in ``--cache_dir``; each is imported when it is first needed. Where
MuseTalk cannot run, a template that was prepared for MuseTalk is prepared once more for the default engine, from its
own frames, and stored below ``--cache_dir`` in a store of its own.
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
from ...whole_file import whole_file
from .engine import DEFAULT
from .flags import ServiceFlags
from .names import avatar_name
from .output import LineOutput

if TYPE_CHECKING:
    from ...avatars.avatar import Avatar
    from ...avatars.manifest import AvatarInfo
    from ...types import Image

SOURCES = ".sources"
"""Folder below ``--cache_dir`` with the path of each template's picture, as ``--preprocess`` was given it."""
FALLBACKS = ".stand-ins"
"""Folder below ``--cache_dir`` of the templates that were prepared again for the default engine."""


def template_store(flags: ServiceFlags) -> AvatarStore:
    """The avatar store in ``--cache_dir``."""
    return AvatarStore(Path(flags.cache_dir))


def open_template(flags: ServiceFlags, pipe: LineOutput) -> Avatar:
    """Open the template's avatar. If only the older service prepared it, it is imported first.

    Raises:
        AvatarMissing: the template was never prepared.
        AvatarBroken: the avatar is damaged.
        InputError: the older service's file cannot be used.
    """
    store, name = template_store(flags), avatar_name(flags.template_id)
    try:
        return store.open(name)
    except AvatarMissing:
        pickled = legacy_pickle(flags)
        if pickled is None:
            raise
    from ..upstream_import import import_upstream

    pipe.write_line(f"📦 导入旧缓存 (importing): {pickled.name}")
    import_upstream(store, pickled, name, refresh=True, progress=pipe.progress)
    return store.open(name)


def remember_source(flags: ServiceFlags) -> None:
    """Keep the path of the template's picture: an avatar keeps the file's name alone."""
    path = Path(flags.cache_dir) / SOURCES / avatar_name(flags.template_id)
    path.parent.mkdir(exist_ok=True)
    with whole_file(path) as partial:
        partial.write_text(flags.template_image_path, encoding="utf-8")


def source_path(flags: ServiceFlags, info: AvatarInfo) -> str:
    """The path of a template's picture as ``--preprocess`` was given it, or the file's name where it was not."""
    try:
        kept = (Path(flags.cache_dir) / SOURCES / info.id).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return info.source
    return kept if Path(kept).name == info.source else info.source


def legacy_pickle(flags: ServiceFlags) -> Path | None:
    """The older service's file of this template, in either folder that the service used."""
    name = f"{flags.template_id}_preprocessed.pkl"
    if Path(name).name != name:
        return None
    folder = Path(flags.cache_dir)
    return next((path for path in (folder / name, folder / flags.template_id / name) if path.is_file()), None)


def fallback_avatar(avatar: Avatar, flags: ServiceFlags, pipe: LineOutput) -> Avatar:
    """The same frames prepared for the default engine; made when first needed.

    Raises:
        FaceError: no frame shows a face that the default engine can draw.
    """
    store, info = AvatarStore(Path(flags.cache_dir) / FALLBACKS), avatar.info
    try:
        fallback = store.open(info.id)
    except (AvatarMissing, AvatarBroken):
        pass
    else:
        if fallback.info.created >= info.created:
            return fallback
        fallback.close()
    _prepare_again(store, info.id, (avatar.source_frame(index).image for index in range(info.frames)), info.fps, pipe)
    return store.open(info.id)


def _prepare_again(store: AvatarStore, name: str, images: Iterable[Image], fps: Fraction, pipe: LineOutput) -> None:
    """Make an avatar for the default engine from ``images``."""
    from ...media.stills import write_png

    with tempfile.TemporaryDirectory(prefix="lipsmith-") as folder:
        count = 0
        for image in images:
            write_png(Path(folder) / f"{count:08d}.png", image)
            count += 1
        source = Path(folder) if count > 1 else Path(folder) / f"{0:08d}.png"
        options = AvatarOptions(fps=str(fps))
        store.create(name, source, load_engine(DEFAULT), options, refresh=True, progress=pipe.progress)


__all__ = [
    "fallback_avatar",
    "legacy_pickle",
    "open_template",
    "remember_source",
    "source_path",
    "template_store",
]
