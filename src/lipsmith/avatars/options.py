"""The options of an avatar, and which of them shape what is stored."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..engines import Engine, LoadedEngine, choose_engine, engine_table
from ..errors import AvatarStale, EngineUnavailable, OptionError
from ..options import check_picture, nearest, option_infos
from .manifest import VERSION, AvatarInfo, Fingerprint

FIRST_CLIP = "idle"
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class AvatarOptions:
    """How an avatar is made."""

    engine: str = "auto"  # a name from `lipsmith engines`; auto: the best one that can run here
    fps: str = "25"  # of its frames: a number, or "source" for the video's own
    faces: str = "largest"  # largest, all, left, right, or a number counted from the left
    still: bool = False  # a portrait without blinks and head motion
    seed: int | None = None  # of blinks and head motion; None: every picture has its own
    key: str = "none"  # the screen behind the people, for speaking: none, auto (look for it), alpha, or its colour
    engine_options: Mapping[str, Any] = field(default_factory=dict, metadata={"flag": False})  # the engine's own
    clips: Mapping[str, str | Path] = field(default_factory=dict, metadata={"flag": False})  # more films, by name

    def __post_init__(self) -> None:
        check_picture(self)
        for name in self.clips:
            if name == FIRST_CLIP or not name.isidentifier():
                raise OptionError(f"A clip cannot be called '{name}': give it a word that is not '{FIRST_CLIP}'.")

    def load(self) -> LoadedEngine:
        """The engine that these options ask for. Raises as ``choose_engine`` does."""
        return choose_engine(self.engine, {"idle": not self.still, "seed": self.seed, **self.engine_options})


def stored_options(engine: Engine) -> dict[str, Any]:
    """The options that an engine was built with and that an avatar keeps, to build it again."""
    kept = {one.name for one in option_infos(type(engine.options)) if one.kept}
    return {name: value for name, value in asdict(engine.options).items() if name in kept}


def shaping_options(engine: Engine) -> dict[str, Any]:
    """Those of them that shape what it prepares."""
    shaping = {one.name for one in option_infos(type(engine.options)) if one.prepares}
    return {name: value for name, value in stored_options(engine).items() if name in shaping}


def fingerprint_of(sources: Mapping[str, Path], engine: Engine, options: AvatarOptions) -> Fingerprint:
    """Everything that shapes an avatar of these clips.

    Raises:
        PictureError: a source cannot be read.
    """
    return Fingerprint(
        format=VERSION,
        engine=engine.info.name,
        engine_version=engine.info.version,
        options=shaping_options(engine),
        fps=options.fps,
        faces=options.faces,
        clips={name: hash_of(path) for name, path in sources.items()},
    )


def hash_of(source: Path) -> str:
    """SHA-256 of a file, or of the names and contents of a folder's files."""
    from ..errors import PictureError

    total = hashlib.sha256()
    try:
        paths = sorted(one for one in source.iterdir() if one.is_file()) if source.is_dir() else [source]
        for path in paths:
            if path is not source:
                total.update(path.name.encode() + b"\0" + path.stat().st_size.to_bytes(8, "big"))
            for block in _blocks(path):
                total.update(block)
    except FileNotFoundError:
        from ..media.demux import missing_sentence

        raise PictureError(missing_sentence(source, "a picture, a video or a folder")) from None
    except OSError as reason:
        raise PictureError(
            f"{source} cannot be read ({reason.strerror}): give a picture, a video or a folder."
        ) from reason
    return total.hexdigest()


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            yield block


def bare_engine(info: AvatarInfo) -> Engine:
    """The engine that an avatar was made by, for its ``material_types``; it need not be able to run here.

    Raises:
        EngineUnavailable: no such engine is installed.
        AvatarStale: the engine that is here does not know the avatar's options.
    """
    spec = engine_table().get(info.engine)
    if spec is None:
        raise EngineUnavailable(
            f"The avatar {info.id} was made by the engine '{info.engine}', which is not installed here: install it, "
            "or make the avatar again with another."
        )
    try:
        return spec.load(spec.build(info.options))
    except OptionError as problem:
        raise AvatarStale(
            f"The avatar {info.id} was made by another version of the engine '{info.engine}': {problem} Make it again "
            "with --refresh."
        ) from problem


def engine_of(info: AvatarInfo, changes: Mapping[str, Any] | None = None, *, still: bool = False) -> Engine:
    """The engine that an avatar was made by, with the options that it keeps.

    Args:
        info: of the avatar.
        changes: options to change; none may shape what was prepared.
        still: without idle motion.

    Raises:
        AvatarStale: the engine that is here is of another version.
        EngineUnavailable: it cannot run here.
        OptionError: an unknown option, an impossible value, or an option of what was prepared.
    """
    _refuse_prepared(info, changes or {})
    calm = {"idle": False} if still and "idle" in info.options else {}
    engine = choose_engine(info.engine, {**kept_options(info), **(changes or {}), **calm}).engine
    refuse_other(info, engine)
    return engine


def check_changes(info: AvatarInfo, changes: Mapping[str, Any]) -> None:
    """Raise OptionError for options that ``engine_of`` would refuse; nothing is loaded."""
    _refuse_prepared(info, changes)
    spec = engine_table().get(info.engine)
    for name in changes if spec else ():
        if spec and name not in spec.option_names():
            raise OptionError(f"The engine {spec.name} has no option '{name}'. {nearest(name, spec.option_names())}")
    if spec:
        spec.build({**kept_options(info), **changes})


def kept_options(info: AvatarInfo) -> dict[str, Any]:
    """The stored options without those that every film and session says anew, which older avatars hold too."""
    spec = engine_table().get(info.engine)
    anew = {one.name for one in option_infos(spec.options) if not one.kept} if spec else set()
    return {name: value for name, value in info.options.items() if name not in anew}


def _refuse_prepared(info: AvatarInfo, changes: Mapping[str, Any]) -> None:
    spec = engine_table().get(info.engine)
    shaping = {one.name for one in option_infos(spec.options) if one.prepares} if spec else set()
    for name in changes:
        if name in shaping and changes[name] != info.options.get(name):
            raise OptionError(
                f"The option '{name}' shapes the prepared faces of {info.id}: change it by 'lipsmith avatar create "
                f"{info.id} PICTURE --refresh'."
            )


def refuse_other(info: AvatarInfo, engine: Engine) -> None:
    """Raise AvatarStale unless ``engine`` can draw what is stored."""
    here, stored = (engine.info.name, engine.info.version), (info.engine, info.engine_version)
    if here != stored:
        raise AvatarStale(
            f"The avatar {info.id} was made by the engine {' '.join(stored)}, and {' '.join(here)} is to draw it: "
            f"make it again with 'lipsmith avatar create {info.id} PICTURE --refresh'."
        )


__all__ = [
    "AvatarOptions",
    "bare_engine",
    "check_changes",
    "engine_of",
    "fingerprint_of",
    "hash_of",
    "kept_options",
    "refuse_other",
    "stored_options",
]
