"""One avatar on disk: its frames are written once, in order, and read in any order; each is checked when it is read.

Beside the manifest lies a folder with four files. ``pictures.roll`` and ``targets.roll`` are record files with one
record per frame: its picture, and its prepared faces. ``shared.roll`` holds what many frames have in common.
``index.safetensors`` says where each record lies and what its checksum is.
"""

from __future__ import annotations

import contextlib
import os
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from ..engines.protocols import Engine
from ..errors import AvatarBroken
from ..types import Crop, Image, PreparedFace, SourceFrame
from .intra_video import IntraVideoDecoder, IntraVideoEncoder
from .manifest import AvatarInfo, Manifest, StoredFile
from .options import refuse_other
from .paths import FILES, INDEX, RECORD_FILES
from .playback import PlaybackOrder
from .record_file import RecordFileReader, RecordFileWriter, RecordIndex, checksum, write_failure
from .serialization import StoredClasses, deserialize, serialize, stored_classes

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from ..media.chroma_key import Alpha
    from .intra_video import Pixels

CACHED_FRAMES = 3
"""Frames kept in memory, 6 MB each at 1080p. Playback that turns back needs the last two again."""
SHARED_BYTES = 32 << 20
"""Most bytes of shared records kept in memory."""
MaterialTypes = Sequence["type[DataclassInstance]"]
"""What an engine lists as ``material_types``."""


def classes_of_frames(material_types: MaterialTypes) -> StoredClasses:
    """The classes that a stored frame may hold: our own two and the engine's."""
    return stored_classes([PreparedFace, Crop, *material_types])


class AvatarWriter:
    """Writes frames in order into an empty folder.

    For each frame call ``add_picture``, prepare the faces in the picture that it returns, then call ``add_faces``.

    Args:
        folder: exists, and is empty.
        material_types: the engine's classes; see ``Engine.material_types``.
        pixels: how pictures are stored.
        size: width, height in px.
    """

    def __init__(self, folder: Path, material_types: MaterialTypes, pixels: Pixels, size: tuple[int, int]) -> None:
        self._folder, self._classes = folder, classes_of_frames(material_types)
        self._encoder = IntraVideoEncoder(pixels, size)
        self._decoder = IntraVideoDecoder(self._encoder.format)
        self._files = {name: RecordFileWriter(folder / f"{name}.roll") for name in RECORD_FILES}
        self._shared: dict[bytes, int] = {}  # checksum of a shared record -> its number
        self._last: tuple[Image, Image] | None = None  # as it was given, as it will be read
        self._alpha: Alpha | None = None  # of the last picture
        self.format = self._encoder.format

    def add_picture(self, image: Image, alpha: Alpha | None = None) -> Image:
        """Store the next frame's picture and return it as it will be read, which coding has changed a little.

        ``alpha`` (H, W) is the source's own transparency, stored without loss.
        """
        self._alpha = alpha
        if self._last is not None and self._last[0] is image:
            self._files["pictures"].repeat()
            return self._last[1]
        packet = self._encoder.encode(image)
        self._files["pictures"].add(packet)
        self._last = image, read_only(self._decoder.decode(packet))
        return self._last[1]

    def add_faces(self, source_frame: SourceFrame, identities: Iterable[object]) -> None:
        """Store the frame's prepared faces. What they share with the ``identities`` is stored once for all frames."""
        common = _reachable(identities)

        def shared_number(value: object) -> int | None:
            return self._add_shared(value) if id(value) in common else None

        alpha = [] if self._alpha is None else [compress_alpha(self._alpha)]
        record = (source_frame.scene, source_frame.faces, *alpha)
        self._files["targets"].add(serialize(record, self._classes, source_frame.image, shared_number))

    def close(self) -> Mapping[str, StoredFile]:
        """Sync everything to disk and return the files. Raises OutputError when the disk is full."""
        from safetensors.numpy import save

        indices = {name: file.close() for name, file in self._files.items()}
        arrays = {
            f"{name}.{part}": getattr(index, part) for name, index in indices.items() for part in ("spans", "sums")
        }
        data = save(arrays)
        try:
            with (self._folder / INDEX).open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except OSError as reason:
            raise write_failure(self._folder, reason) from reason
        record_files = {f"{name}.roll": StoredFile(index.size, "") for name, index in indices.items()}
        return {INDEX: StoredFile(len(data), checksum(data).hex()), **record_files}

    def abort(self) -> None:
        """Close the files without finishing them."""
        for file in self._files.values():
            file.abort()

    def _add_shared(self, value: object) -> int:
        data = serialize(value, self._classes)
        key = checksum(data)
        if key not in self._shared:
            self._shared[key] = self._files["shared"].add(data)
        return self._shared[key]


def _reachable(values: Iterable[object]) -> set[int]:
    """ids of the dataclass instances and arrays that ``values`` are made of."""
    found: set[int] = set()
    waiting = list(values)
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, (tuple, list)):
            waiting += value
        elif isinstance(value, np.ndarray):
            found.add(id(value))
        elif is_dataclass(value) and id(value) not in found:
            found.add(id(value))
            waiting += [getattr(value, one.name) for one in fields(value)]
    return found


def read_only(image: Image) -> Image:
    """The same array, made read-only."""
    image.flags.writeable = False
    return image


class Avatar:
    """An opened avatar. Several threads may call ``source_frame``.

    It stays readable until ``close``, even if the avatar is remade or deleted meanwhile (on Windows, deleting waits
    until it is closed). ``playback`` is the order in which its frames are shown.
    """

    playback: PlaybackOrder

    def __init__(self, info: AvatarInfo, manifest: Manifest, folder: Path, engine: Engine) -> None:
        """Open the ``manifest``'s files in ``folder``. The ``engine`` is only asked for its ``material_types``.

        Raises:
            AvatarBroken: a file is missing or has another size, or the index is damaged.
        """
        self.info, self.playback = info, manifest.playback_order()
        self._manifest, self._engine = manifest, engine
        indices = _read_index(folder, manifest)
        self._files: dict[str, RecordFileReader] = {}
        try:
            for name, index in indices.items():
                self._files[name] = RecordFileReader(folder / f"{name}.roll", index)
        except OSError as reason:
            self.close()
            raise AvatarBroken(
                f"The avatar {info.id} is not whole ({reason}): make the avatar again, or delete it."
            ) from reason
        except AvatarBroken:
            self.close()
            raise
        self._lock = threading.Lock()
        self._frames: OrderedDict[int, tuple[SourceFrame, Alpha | None]] = OrderedDict()
        self._shared: OrderedDict[int, tuple[object, int]] = OrderedDict()  # number -> object, its size in bytes

    def source_frame(self, index: int) -> SourceFrame:
        """Stored frame ``index``, counted through all clips.

        Raises:
            IndexError: there is no such frame.
            AvatarBroken: the frame is damaged.
            AvatarStale: another version of the engine made it, and stored it otherwise.
        """
        return self._load(index)[0]

    @property
    def alphas(self) -> Callable[[int], Alpha] | None:
        """From a frame's index to its (H, W) transparency; None if the avatar's source has none of its own."""
        return None if self._load(0)[1] is None else self._alpha

    def play_at(self, fps: Fraction) -> None:
        """Play at another frame rate from now on: frames are repeated or left out, so motion keeps its speed."""
        self.info, self.playback = replace(self.info, fps=fps), self._manifest.playback_order(fps)

    def check(self) -> None:
        """Read every record.

        Raises:
            AvatarBroken: one is damaged.
        """
        for index in range(self.info.frames):
            self.source_frame(index)
        for number in range(len(self._files["shared"])):
            self._files["shared"].read(number)

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @cached_property
    def _decoder(self) -> IntraVideoDecoder:
        return IntraVideoDecoder(self._manifest.picture_format)

    @cached_property
    def _classes(self) -> StoredClasses:
        return classes_of_frames(self._engine.material_types)

    def _alpha(self, index: int) -> Alpha:
        source_frame, alpha = self._load(index)
        return np.full(source_frame.image.shape[:2], 255, np.uint8) if alpha is None else alpha

    def _load(self, index: int) -> tuple[SourceFrame, Alpha | None]:
        """A frame and its transparency, from memory if it was read just now."""
        if not 0 <= index < self.info.frames:
            raise IndexError(f"there is no frame {index} of {self.info.frames}")
        with self._lock:
            frame = self._frames.pop(index, None) or self._read(index)
            self._frames[index] = frame
            if len(self._frames) > CACHED_FRAMES:
                self._frames.popitem(last=False)
        return frame

    def _read(self, index: int) -> tuple[SourceFrame, Alpha | None]:
        try:
            image = read_only(self._decoder.decode(self._files["pictures"].read(index)))
            record = deserialize(self._files["targets"].read(index), self._classes, image, self._read_shared)
            scene, faces, alpha = _checked(record, self.info.size)
        except AvatarBroken as problem:
            refuse_other(self.info, self._engine)  # another version stores other records, which is no damage
            raise AvatarBroken(
                f"The avatar {self.info.id} is damaged at frame {index}: {problem} Make it again with --refresh."
            ) from problem
        return SourceFrame(index, image, faces, scene), alpha

    def _read_shared(self, number: int) -> object:
        """Shared record ``number``: the very same object each time, as long as it stays in memory."""
        if number not in self._shared:
            if not 0 <= number < len(self._files["shared"]):
                raise AvatarBroken(f"There is no shared record {number}.")
            data = self._files["shared"].read(number)
            self._shared[number] = deserialize(data, self._classes), len(data)
            while len(self._shared) > 1 and sum(size for _, size in self._shared.values()) > SHARED_BYTES:
                self._shared.popitem(last=False)
        self._shared.move_to_end(number)
        return self._shared[number][0]


def _read_index(folder: Path, manifest: Manifest) -> dict[str, RecordIndex]:
    """The index of each record file, checked against the manifest."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        if set(manifest.files) != set(FILES):
            raise AvatarBroken(f"It should have the files {', '.join(FILES)}.")
        data = (folder / INDEX).read_bytes()
        if checksum(data).hex() != manifest.files[INDEX].sum:
            raise AvatarBroken(f"{INDEX} is damaged.")
        arrays: dict[str, NDArray[Any]] = load(data)
        indices = {name: RecordIndex(arrays[f"{name}.spans"], arrays[f"{name}.sums"]) for name in RECORD_FILES}
    except (OSError, SafetensorError, KeyError) as problem:
        raise AvatarBroken(f"{folder} is not whole ({problem}): make the avatar again, or delete it.") from problem
    for name, index in indices.items():
        if index.size != manifest.files[f"{name}.roll"].bytes:
            raise AvatarBroken(f"{INDEX} and the manifest disagree about {name}.roll.")
        if name != "shared" and len(index.spans) != manifest.clips[-1].stop:
            raise AvatarBroken(f"{name}.roll holds {len(index.spans)} frames, the manifest {manifest.clips[-1].stop}.")
    return indices


def compress_alpha(alpha: Alpha) -> NDArray[np.uint8]:
    """(n,) bytes of (H, W), without loss."""
    return np.frombuffer(zlib.compress(alpha.tobytes(), 1), np.uint8)


def decompress_alpha(data: object, size: tuple[int, int]) -> Alpha:
    """The (H, W) that ``compress_alpha`` was given, of ``size`` (width, height) px.

    Raises:
        AvatarBroken: ``data`` is anything else.
    """
    if isinstance(data, np.ndarray) and data.dtype == np.uint8:
        with contextlib.suppress(zlib.error):
            plain = zlib.decompressobj().decompress(data.tobytes(), size[0] * size[1] + 1)
            if len(plain) == size[0] * size[1]:
                return np.frombuffer(plain, np.uint8).reshape(size[::-1])
    raise AvatarBroken("A transparency is not of its picture's size.")


def _checked(record: object, size: tuple[int, int]) -> tuple[int, tuple[PreparedFace, ...], Alpha | None]:
    """Scene, prepared faces and transparency from the record of a frame of ``size`` (width, height) px."""
    scene, faces, *more = record if isinstance(record, tuple) and len(record) in (2, 3) else (None, None)
    if type(scene) is not int or not isinstance(faces, tuple) or any(type(one) is not PreparedFace for one in faces):
        raise AvatarBroken("A record holds no prepared faces.")
    limit = max(4096, 4 * max(size))
    for face in faces:
        crop = face.crop
        if crop.matrix.shape != (2, 3) or not all(0 < side <= limit for side in crop.size):
            raise AvatarBroken("A crop has no valid matrix or size.")
        if face.mask is not None and face.mask.shape != crop.size[::-1]:
            raise AvatarBroken("A mask is not of its crop's size.")
    return scene, faces, decompress_alpha(more[0], size) if more else None


__all__ = ["Avatar", "AvatarInfo", "AvatarWriter"]
