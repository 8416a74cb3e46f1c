"""The manifest: one small JSON file that describes an avatar and names its data; it is checked before it is used."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, asdict, dataclass, field, fields
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

from ..errors import AvatarBroken, OutputError
from ..whole_file import whole_file
from .intra_video import PictureFormat
from .paths import DATA_FOLDER
from .playback import Clip, PlaybackOrder, Transition
from .record_file import checksum
from .serialization import fits

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

FORMAT = "lipsmith avatar"
VERSION = 1
"""Of the layout on disk. An avatar of another version is refused."""
NAME = "manifest.json"
LARGEST = 16 << 20
"""Bytes. The manifest of hours of video with a cut in every second is smaller."""
_RATE = re.compile(r"\d{1,12}(/\d{1,12})?")
T = TypeVar("T", bound="DataclassInstance")


@dataclass(frozen=True, slots=True)
class AvatarInfo:
    """What is known of an avatar without opening its frames."""

    id: str
    size: tuple[int, int]  # width, height in px
    fps: Fraction
    frames: int  # in all clips
    engine: str
    engine_version: str
    options: Mapping[str, Any]  # the engine's
    source: str  # name of the first clip's file or folder
    source_hash: str  # SHA-256 of its content
    faces: int  # people who speak
    bytes: int  # on disk
    created: str  # ISO 8601, UTC
    clips: tuple[str, ...]  # names
    notices: tuple[str, ...] = ()
    key: str = "none"  # default way to tell people from the screen behind them; see AvatarOptions
    title: str = ""  # what people call it; empty: its id


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file of an avatar's data folder."""

    bytes: int
    sum: str  # BLAKE2b in hex; empty for a record file, whose records have checksums in the index


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Everything that shaped an avatar. If any of it differs, the avatar is a different one."""

    format: int
    engine: str
    engine_version: str
    options: Mapping[str, Any]  # the engine's, as far as they shape what it prepares
    fps: str
    faces: str
    clips: Mapping[str, str]  # clip name -> SHA-256 of its source


@dataclass(frozen=True, slots=True)
class Manifest:
    """The whole file, except its format, version and checksum.

    A field whose metadata says ``stored_as`` has that name on disk, which it had before it was renamed.
    """

    data: str  # name of the data folder beside the manifest
    size: tuple[int, int]
    fps: str
    engine: str
    engine_version: str
    options: Mapping[str, Any]
    source: str
    faces: int
    created: str
    pixels: str  # see ``PictureFormat``
    header: str  # hex
    clips: tuple[Clip, ...]
    transitions: tuple[Transition, ...] = field(metadata={"stored_as": "bridges"})
    fingerprint: Fingerprint
    files: Mapping[str, StoredFile]
    notices: tuple[str, ...] = field(default=())
    key: str = "none"
    title: str = ""

    def info(self, name: str) -> AvatarInfo:
        """The same, as callers see it."""
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
            title=self.title,
        )

    @property
    def picture_format(self) -> PictureFormat:
        """How the pictures are stored. Raises ValueError if they cannot be."""
        if self.pixels not in ("yuv420p", "rgb"):
            raise ValueError(f"pictures of '{self.pixels}'")
        return PictureFormat(self.pixels, self.size, bytes.fromhex(self.header))  # type: ignore[arg-type]

    def playback_order(self, fps: Fraction | None = None) -> PlaybackOrder:
        """The order of the frames in a film at ``fps``; None: at the avatar's own rate.

        An engine with the option ``strict`` turns at the ends of a clip as MuseTalk does.
        """
        pace = Fraction(self.fps) / (fps or Fraction(self.fps))
        strict = self.options.get("strict") is True
        return PlaybackOrder(self.clips, self.transitions, repeat_ends=strict, pace=pace)


def changes(old: Fingerprint, new: Fingerprint) -> list[str]:
    """What differs, one sentence each. The options of two different engines are not compared."""
    found = [
        f"{one.name.replace('_', ' ')} was {getattr(old, one.name)}, now {getattr(new, one.name)}"
        for one in fields(Fingerprint)
        if one.name not in ("options", "clips") and getattr(old, one.name) != getattr(new, one.name)
    ]
    for name in sorted({*old.options, *new.options}) if old.engine == new.engine else ():
        before, now = old.options.get(name), new.options.get(name)
        if before != now:
            found.append(f"{name} was {before}, now {now}")
    for name in sorted({*old.clips, *new.clips}):
        if name not in new.clips:
            found.append(f"the clip {name} is no longer asked for")
        elif old.clips.get(name) != new.clips[name]:
            found.append(
                f"the source of the clip {name} has changed" if name in old.clips else f"the clip {name} is new"
            )
    return found


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Make ``manifest`` the one in ``folder``, by one atomic rename.

    Raises:
        OutputError: it cannot be written.
    """
    body = json.loads(json.dumps({"format": FORMAT, "version": VERSION, **_by_stored_name(manifest)}))
    try:
        with whole_file(folder / NAME) as temporary, temporary.open("xb") as file:
            file.write(json.dumps({**body, "sum": _sum(body)}, indent=1, ensure_ascii=False).encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as reason:
        raise OutputError(f"The avatar cannot be written to {folder} ({reason.strerror}): make room there.") from reason


def read_manifest(path: Path) -> Manifest:
    """Read and check the manifest at ``path``.

    Raises:
        AvatarBroken: damaged, or of another version.
        FileNotFoundError: there is none.
    """
    with path.open("rb") as file:
        data = file.read(LARGEST + 1)
    return parse_manifest(data, str(path))


def missing_file(home: Path, manifest: Manifest) -> str | None:
    """A sentence on the first file of the avatar in ``home`` that is missing or has the wrong size; none is read."""
    for name, stored in manifest.files.items():
        path = home / manifest.data / name
        try:
            size = path.stat().st_size
        except OSError:
            return f"{path} is missing"
        if size != stored.bytes:
            return f"{path} has {size} bytes, it should have {stored.bytes}"
    return None


def parse_manifest(data: bytes, where: str) -> Manifest:
    """Check and read the bytes of a manifest that came from ``where``.

    Raises:
        AvatarBroken: damaged, or of another version.
    """
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
    if body.pop("sum", None) != _sum(body):
        raise AvatarBroken(f"{where} is damaged: its checksum does not match its content. Make the avatar again.")
    del body["format"], body["version"]
    try:
        return _checked(_dataclass(Manifest, body))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError) as problem:
        raise AvatarBroken(f"{where} is not a valid manifest ({problem}): make the avatar again.") from problem


def _sum(body: Mapping[str, Any]) -> str:
    return checksum(json.dumps(body, sort_keys=True, ensure_ascii=False).encode()).hex()


def _checked(manifest: Manifest) -> Manifest:
    """Raise ValueError for values that ``write_manifest`` never writes."""
    width, height = manifest.size
    if not (0 < width <= 16_384 and 0 < height <= 16_384):
        raise ValueError(f"pictures of {width}x{height} px")
    if (
        not DATA_FOLDER.fullmatch(manifest.data)
        or not _RATE.fullmatch(manifest.fps)
        or not 0 < Fraction(manifest.fps) <= 1000
    ):
        raise ValueError("an invalid folder or frame rate")
    datetime.fromisoformat(manifest.created)
    if any(one.bytes < 0 for one in manifest.files.values()):
        raise ValueError("a file of negative size")
    _check_clips(manifest.clips)
    manifest.playback_order()
    manifest.info("")
    manifest.picture_format  # noqa: B018 - raises now rather than later
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


def _stored_name(one: Field[Any]) -> str:
    return str(one.metadata.get("stored_as", one.name))


def _by_stored_name(manifest: Manifest) -> dict[str, Any]:
    """The manifest's fields by their names on disk."""
    values = asdict(manifest)
    return {_stored_name(one): values[one.name] for one in fields(manifest)}


def _dataclass(cls: type[T], given: Any) -> T:
    """A dataclass from JSON, field by field. Fields with a default were added later and may be missing."""
    hints, known = get_type_hints(cls), {_stored_name(one): one for one in fields(cls)}
    needed = {name for name, one in known.items() if one.default is MISSING and one.default_factory is MISSING}
    if not isinstance(given, dict) or not needed <= set(given) <= set(known):
        raise ValueError(f"{cls.__name__} has the fields {', '.join(known)}")
    values = {known[name].name: _value(item, hints[known[name].name]) for name, item in given.items()}
    for name, value in values.items():
        if not fits(value, hints[name]):
            raise ValueError(f"{cls.__name__}.{name} is {value!r}")
    return cls(**values)


def _value(item: Any, hint: Any) -> Any:
    """Tuples and dataclasses, as ``hint`` wants them, where JSON has lists and objects."""
    if hint == tuple[Clip, ...]:
        return tuple(_dataclass(Clip, one) for one in item)
    if hint == tuple[Transition, ...]:
        return tuple(_dataclass(Transition, one) for one in item)
    if hint is Fingerprint:
        return _dataclass(Fingerprint, item)
    if hint == Mapping[str, StoredFile]:
        return {str(name): _dataclass(StoredFile, one) for name, one in item.items()}
    return _nested_tuple(item) if isinstance(item, list) else item


def _nested_tuple(item: Any) -> Any:
    return tuple(_nested_tuple(one) for one in item) if isinstance(item, list) else item


__all__ = [
    "AvatarInfo",
    "Fingerprint",
    "Manifest",
    "StoredFile",
    "changes",
    "missing_file",
    "parse_manifest",
    "read_manifest",
    "write_manifest",
]
