"""What an avatar says of itself: one small JSON file that names everything else, checked before it is believed."""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

from ..errors import AvatarBroken, OutputError
from .intra_video import PictureFormat
from .paths import DATA
from .playback import Clip, PlaybackOrder, Transition
from .record_file import checksum
from .serialization import fits

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

FORMAT = "lipsmith avatar"
VERSION = 1
"""Of the layout on disk. A store of another version is refused, not guessed at."""
NAME = "manifest.json"
_RATE = re.compile(r"\d{1,12}(/\d{1,12})?")
LARGEST = 16 << 20
"""Bytes: a manifest of hours with a cut in every second is smaller."""
T = TypeVar("T", bound="DataclassInstance")


@dataclass(frozen=True, slots=True)
class AvatarInfo:
    """What is known of an avatar without opening its plates."""

    id: str
    size: tuple[int, int]  # width, height in px
    fps: Fraction
    frames: int  # plates, in all clips
    engine: str
    engine_version: str
    options: Mapping[str, Any]  # the engine's
    source: str  # name of the first clip's file or folder
    source_hash: str  # SHA-256 of what it held
    faces: int  # people who speak
    bytes: int  # on disk
    created: str  # ISO 8601, UTC
    clips: tuple[str, ...]  # names
    notices: tuple[str, ...] = ()
    key: str = "none"  # how people are told from the screen behind them, unless somebody says otherwise


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file of the avatar's data."""

    bytes: int
    sum: str  # of an index: BLAKE2b in hex; empty for a roll, whose records have their own in the index


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Everything that shaped an avatar: if any of it differs, the avatar is another."""

    format: int
    engine: str
    engine_version: str
    options: Mapping[str, Any]  # of the engine, those that shape what it prepares
    fps: str
    faces: str
    clips: Mapping[str, str]  # clip name -> SHA-256 of its source


@dataclass(frozen=True, slots=True)
class Manifest:
    """The whole file. ``data`` is the name of the folder beside it that holds the rolls."""

    data: str
    size: tuple[int, int]
    fps: str
    engine: str
    engine_version: str
    options: Mapping[str, Any]
    source: str
    faces: int
    created: str
    pixels: str
    header: str  # hex
    clips: tuple[Clip, ...]
    bridges: tuple[Transition, ...]
    fingerprint: Fingerprint
    files: Mapping[str, StoredFile]
    notices: tuple[str, ...] = field(default=())
    key: str = "none"

    def info(self, name: str) -> AvatarInfo:
        """For people and callers."""
        return AvatarInfo(
            id=name,
            size=self.size,
            fps=Fraction(self.fps),
            frames=self.clips[-1].stop,
            engine=self.engine,
            engine_version=self.engine_version,
            options=self.options,
            source=self.source,
            source_hash=self.fingerprint.clips[self.clips[0].name],
            faces=self.faces,
            bytes=sum(file.bytes for file in self.files.values()),
            created=self.created,
            clips=tuple(clip.name for clip in self.clips),
            notices=self.notices,
            key=self.key,
        )

    @property
    def pictures(self) -> PictureFormat:
        """How the plates' pictures are kept."""
        if self.pixels not in ("yuv420p", "rgb"):
            raise ValueError(f"pictures of '{self.pixels}'")
        return PictureFormat(self.pixels, self.size, bytes.fromhex(self.header))  # type: ignore[arg-type]

    def loop(self, fps: Fraction | None = None) -> PlaybackOrder:
        """The order of the plates in a film at ``fps``; None: at their own rate. An engine made strict turns as
        MuseTalk does.
        """
        pace = Fraction(self.fps) / (fps or Fraction(self.fps))
        return PlaybackOrder(self.clips, self.bridges, doubled=self.options.get("strict") is True, pace=pace)


def changes(old: Fingerprint, new: Fingerprint) -> list[str]:
    """What differs, in words; empty: nothing. Two engines' options are not compared."""
    told = [
        f"{one.name.replace('_', ' ')} was {getattr(old, one.name)}, now {getattr(new, one.name)}"
        for one in fields(Fingerprint)
        if one.name not in ("options", "clips") and getattr(old, one.name) != getattr(new, one.name)
    ]
    for name in sorted({*old.options, *new.options}) if old.engine == new.engine else ():
        was, now = old.options.get(name), new.options.get(name)
        if was != now:
            told.append(f"{name} was {was}, now {now}")
    for name in sorted({*old.clips, *new.clips}):
        if name not in new.clips:
            told.append(f"the clip {name} is no longer asked for")
        elif old.clips.get(name) != new.clips[name]:
            told.append(
                f"the source of the clip {name} has changed" if name in old.clips else f"the clip {name} is new"
            )
    return told


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Make it the avatar's, at once: before, the avatar is what it was; after, it is this.

    Raises:
        OutputError: it cannot be written.
    """
    body = json.loads(json.dumps({"format": FORMAT, "version": VERSION, **asdict(manifest)}))
    hidden = folder / f".{secrets.token_hex(6)}.part"
    try:
        with hidden.open("xb") as file:
            file.write(json.dumps({**body, "sum": _sum(body)}, indent=1, ensure_ascii=False).encode())
            file.flush()
            os.fsync(file.fileno())
        hidden.replace(folder / NAME)
    except OSError as reason:
        hidden.unlink(missing_ok=True)
        raise OutputError(f"The avatar cannot be written to {folder} ({reason.strerror}): make room there.") from reason


def read_manifest(path: Path) -> Manifest:
    """Check and read it.

    Raises:
        AvatarBroken: damaged, or of another version.
        FileNotFoundError: it is not there.
    """
    with path.open("rb") as file:
        data = file.read(LARGEST + 1)
    return parse_manifest(data, str(path))


def what_lacks(home: Path, manifest: Manifest) -> str | None:
    """The first file of the avatar in ``home`` that is missing or not of its size, in words; none of it is read."""
    for name, known in manifest.files.items():
        path = home / manifest.data / name
        try:
            size = path.stat().st_size
        except OSError:
            return f"{path} is missing"
        if size != known.bytes:
            return f"{path} has {size} bytes, it should have {known.bytes}"
    return None


def parse_manifest(data: bytes, where: str) -> Manifest:
    """The same for bytes that were found at ``where``."""
    try:
        body = json.loads(data) if len(data) <= LARGEST else None
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict) or body.get("format") != FORMAT:
        raise AvatarBroken(f"{where} is no avatar's manifest, or damaged: make the avatar again, or delete it.")
    if body.get("version") != VERSION:
        raise AvatarBroken(
            f"{where} is of version {body.get('version')}; this Lipsmith reads version {VERSION}: make the avatar "
            "again, or use the Lipsmith that made it."
        )
    told = body.pop("sum", None)
    if told != _sum(body):
        raise AvatarBroken(f"{where} is damaged: its checksum is not that of what it says. Make the avatar again.")
    del body["format"], body["version"]
    try:
        return _checked(_record(Manifest, body))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError) as problem:
        raise AvatarBroken(
            f"{where} does not say what a manifest says ({problem}): make the avatar again."
        ) from problem


def _sum(body: Mapping[str, Any]) -> str:
    return checksum(json.dumps(body, sort_keys=True, ensure_ascii=False).encode()).hex()


def _checked(manifest: Manifest) -> Manifest:
    """Raise ValueError for what no writer of ours writes."""
    width, height = manifest.size
    if not (0 < width <= 16_384 and 0 < height <= 16_384):
        raise ValueError(f"pictures of {width}x{height} px")
    if not DATA.fullmatch(manifest.data) or not _RATE.fullmatch(manifest.fps) or not 0 < Fraction(manifest.fps) <= 1000:
        raise ValueError("a strange folder or frame rate")
    datetime.fromisoformat(manifest.created)
    if any(one.bytes < 0 for one in manifest.files.values()):
        raise ValueError("a file of less than nothing")
    _check_clips(manifest.clips)
    manifest.loop()
    manifest.info("")
    manifest.pictures  # noqa: B018 - what cannot be is told now
    return manifest


def _check_clips(clips: tuple[Clip, ...]) -> None:
    """Raise ValueError for cuts or idle ranges that leave their clip or its scenes."""
    for clip in clips:
        if list(clip.cuts) != sorted(set(clip.cuts)) or any(not clip.start < cut < clip.stop for cut in clip.cuts):
            raise ValueError(f"cuts {clip.cuts} in the clip {clip.name}")
        for begin, end in clip.idle:
            scene = clip.scene(begin) if clip.start <= begin < clip.stop else (0, 0)
            if not scene[0] <= begin < end <= scene[1]:
                raise ValueError(f"an idle range {begin} to {end} in the clip {clip.name}")


def _record(kind: type[T], given: Any) -> T:
    """A dataclass from JSON's types, field by field; what came later has a default, and may be missing."""
    hints = get_type_hints(kind)
    needed = {one.name for one in fields(kind) if one.default is MISSING and one.default_factory is MISSING}
    if not isinstance(given, dict) or not needed <= set(given) <= set(hints):
        raise ValueError(f"{kind.__name__} has the fields {', '.join(hints)}")
    values = {name: _value(name, item, hints[name]) for name, item in given.items()}
    for name, value in values.items():
        if not fits(value, hints[name]):
            raise ValueError(f"{kind.__name__}.{name} is {value!r}")
    return kind(**values)


def _value(name: str, item: Any, hint: Any) -> Any:
    """Tuples and records where JSON has lists and objects."""
    if name in ("clips", "bridges") and hint in (tuple[Clip, ...], tuple[Transition, ...]):
        return tuple(_record(Clip if name == "clips" else Transition, one) for one in item)
    if name == "fingerprint":
        return _record(Fingerprint, item)
    if name == "files":
        return {str(file): _record(StoredFile, one) for file, one in item.items()}
    return _tupled(item) if isinstance(item, list) else item


def _tupled(item: Any) -> Any:
    return tuple(_tupled(one) for one in item) if isinstance(item, list) else item


__all__ = [
    "AvatarInfo",
    "Fingerprint",
    "Manifest",
    "StoredFile",
    "changes",
    "parse_manifest",
    "read_manifest",
    "what_lacks",
    "write_manifest",
]
