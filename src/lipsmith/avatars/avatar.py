"""The plates of one avatar on disk: written once in order, read in any order, each checked when it is read.

Beside the manifest lies a folder with four files: ``pictures.roll`` and ``targets.roll`` hold one record per plate,
``shared.roll`` what many source_frames have in common, and ``index.safetensors`` where each record lies and its
checksum.
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
from .paths import FILES, INDEX, ROLLS
from .playback import PlaybackOrder
from .record_file import RecordFileReader, RecordFileWriter, RecordIndex, checksum, full
from .serialization import Kinds, keep, kinds_of, restore

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from ..media.chroma_key import Alpha
    from .intra_video import Pixels

FRAMES_KEPT = 3
"""Plates in memory: 6 MB each at 1080p. A turn of the walk needs the last two again."""
SHARED_BYTES = 32 << 20
"""Most bytes of shared records kept in memory."""
Records = Sequence["type[DataclassInstance]"]


def stored_types(material_types: Records) -> Kinds:
    """The classes that a plate may hold: our own two and the engine's."""
    return kinds_of([PreparedFace, Crop, *material_types])


class AvatarWriter:
    """Writes plates in order into an empty folder.

    Args:
        folder: is there, and empty.
        records: the engine's classes; see ``Engine.material_types``.
        pixels: how pictures are kept.
        size: width, height in px.
    """

    def __init__(self, folder: Path, material_types: Records, pixels: Pixels, size: tuple[int, int]) -> None:
        self._folder, self._kinds = folder, stored_types(material_types)
        self._coder = IntraVideoEncoder(pixels, size)
        self._reader = IntraVideoDecoder(self._coder.format)
        self._rolls = {name: RecordFileWriter(folder / f"{name}.roll") for name in ROLLS}
        self._pooled: dict[bytes, int] = {}  # checksum of a shared record -> its number
        self._last: tuple[Image, Image] | None = None
        self._alpha: Alpha | None = None  # of the last picture
        self.format = self._coder.format

    def picture(self, image: Image, alpha: Alpha | None = None) -> Image:
        """Keep the next plate's picture; the picture as it will be read: what its faces are to be prepared in.

        ``alpha`` (H, W) is the transparency that the source brings along; it is kept without loss.
        """
        self._alpha = alpha
        if self._last is not None and self._last[0] is image:
            self._rolls["pictures"].add_again()
            return self._last[1]
        packet = self._coder.code(image)
        self._rolls["pictures"].add(packet)
        self._last = image, sealed(self._reader.read(packet))
        return self._last[1]

    def faces(self, source_frame: SourceFrame, identities: Iterable[object]) -> None:
        """Keep the plate's targets. What they have in common with the ``identities`` is kept once for all plates."""
        common = _reachable(identities)

        def shared(value: object) -> int | None:
            return self._number(value) if id(value) in common else None

        kept = (source_frame.scene, source_frame.faces, *([] if self._alpha is None else [packed(self._alpha)]))
        self._rolls["targets"].add(keep(kept, self._kinds, source_frame.image, shared))

    def close(self) -> Mapping[str, StoredFile]:
        """Have everything on the disk; what lies there. Raises OutputError when the disk is full."""
        from safetensors.numpy import save

        indices = {name: roll.close() for name, roll in self._rolls.items()}
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
            raise full(self._folder, reason) from reason
        rolls = {f"{name}.roll": StoredFile(index.end, "") for name, index in indices.items()}
        return {INDEX: StoredFile(len(data), checksum(data).hex()), **rolls}

    def abandon(self) -> None:
        """Let go of the files."""
        for roll in self._rolls.values():
            roll.abandon()

    def _number(self, value: object) -> int:
        data = keep(value, self._kinds)
        key = checksum(data)
        if key not in self._pooled:
            self._pooled[key] = self._rolls["shared"].add(data)
        return self._pooled[key]


def _reachable(values: Iterable[object]) -> set[int]:
    """ids of the records and arrays that ``values`` are made of."""
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


def sealed(image: Image) -> Image:
    """The same array, not to be written to."""
    image.flags.writeable = False
    return image


class Avatar:
    """An opened avatar. ``source_frame`` may be called by several threads.

    What was opened stays readable until ``close``, also when the avatar is meanwhile made anew or deleted (on Windows,
    deleting waits until it is closed).
    """

    def __init__(self, info: AvatarInfo, manifest: Manifest, folder: Path, engine: Engine) -> None:
        """Open the ``manifest``'s files in ``folder``. The ``engine`` is only asked for its records.

        Raises:
            AvatarBroken: a file is missing or has another size, or the index is damaged.
        """
        self.info, self.loop = info, manifest.loop()
        self._manifest, self._engine = manifest, engine
        indices = _read_index(folder, manifest)
        self._rolls: dict[str, RecordFileReader] = {}
        try:
            for name, index in indices.items():
                self._rolls[name] = RecordFileReader(folder / f"{name}.roll", index)
        except OSError as reason:
            self.close()
            raise AvatarBroken(
                f"The avatar {info.id} is not whole ({reason}): make the avatar again, or delete it."
            ) from reason
        except AvatarBroken:
            self.close()
            raise
        self._lock = threading.Lock()
        self._plates: OrderedDict[int, tuple[SourceFrame, Alpha | None]] = OrderedDict()
        self._shared: OrderedDict[int, tuple[object, int]] = OrderedDict()

    loop: PlaybackOrder

    def source_frame(self, index: int) -> SourceFrame:
        """Plate ``index`` of all clips' plates.

        Raises:
            IndexError: there is no such plate.
            AvatarBroken: it is damaged.
        """
        return self._kept(index)[0]

    @property
    def alphas(self) -> Callable[[int], Alpha] | None:
        """From a plate's index to the (H, W) transparency that its source brought along; None: it brought none."""
        return None if self._kept(0)[1] is None else self._alpha

    def play_at(self, fps: Fraction) -> None:
        """Show it at another rate from now on: plates are repeated or left out, so that all moves as fast as it did."""
        self.info, self.loop = replace(self.info, fps=fps), self._manifest.loop(fps)

    def check(self) -> None:
        """Read every record.

        Raises:
            AvatarBroken: one is damaged.
        """
        for index in range(self.info.frames):
            self.source_frame(index)
        for number in range(len(self._rolls["shared"])):
            self._rolls["shared"].read(number)

    def close(self) -> None:
        """Let go of the files."""
        for roll in self._rolls.values():
            roll.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @cached_property
    def _reader(self) -> IntraVideoDecoder:
        return IntraVideoDecoder(self._manifest.pictures)

    @cached_property
    def _kinds(self) -> Kinds:
        return stored_types(self._engine.material_types)

    def _alpha(self, index: int) -> Alpha:
        source_frame, alpha = self._kept(index)
        return np.full(source_frame.image.shape[:2], 255, np.uint8) if alpha is None else alpha

    def _kept(self, index: int) -> tuple[SourceFrame, Alpha | None]:
        if not 0 <= index < self.info.frames:
            raise IndexError(f"there is no plate {index} of {self.info.frames}")
        with self._lock:
            kept = self._plates.pop(index, None) or self._read(index)
            self._plates[index] = kept
            if len(self._plates) > FRAMES_KEPT:
                self._plates.popitem(last=False)
        return kept

    def _read(self, index: int) -> tuple[SourceFrame, Alpha | None]:
        try:
            image = sealed(self._reader.read(self._rolls["pictures"].read(index)))
            kept = restore(self._rolls["targets"].read(index), self._kinds, image, self._common)
            scene, targets, alpha = _checked(kept, self.info.size)
        except AvatarBroken as problem:
            raise AvatarBroken(
                f"The avatar {self.info.id} is damaged at plate {index}: {problem} Make it again with --refresh."
            ) from problem
        return SourceFrame(index, image, targets, scene), alpha

    def _common(self, number: int) -> object:
        """Shared record ``number``: the very same object as long as it is remembered."""
        if number not in self._shared:
            if not 0 <= number < len(self._rolls["shared"]):
                raise AvatarBroken(f"There is no shared record {number}.")
            data = self._rolls["shared"].read(number)
            self._shared[number] = restore(data, self._kinds), len(data)
            while len(self._shared) > 1 and sum(size for _, size in self._shared.values()) > SHARED_BYTES:
                self._shared.popitem(last=False)
        self._shared.move_to_end(number)
        return self._shared[number][0]


def _read_index(folder: Path, manifest: Manifest) -> dict[str, RecordIndex]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        if set(manifest.files) != set(FILES):
            raise AvatarBroken(f"It should have the files {', '.join(FILES)}.")
        data = (folder / INDEX).read_bytes()
        if checksum(data).hex() != manifest.files[INDEX].sum:
            raise AvatarBroken(f"{INDEX} is damaged.")
        arrays: dict[str, NDArray[Any]] = load(data)
        indices = {name: RecordIndex(arrays[f"{name}.spans"], arrays[f"{name}.sums"]) for name in ROLLS}
    except (OSError, SafetensorError, KeyError) as problem:
        raise AvatarBroken(f"{folder} is not whole ({problem}): make the avatar again, or delete it.") from problem
    for name, index in indices.items():
        if index.end != manifest.files[f"{name}.roll"].bytes:
            raise AvatarBroken(f"{INDEX} and the manifest disagree about {name}.roll.")
        if name != "shared" and len(index.spans) != manifest.clips[-1].stop:
            raise AvatarBroken(f"{name}.roll holds {len(index.spans)} plates, the manifest {manifest.clips[-1].stop}.")
    return indices


def packed(alpha: Alpha) -> NDArray[np.uint8]:
    """(n,) bytes of (H, W), without loss."""
    return np.frombuffer(zlib.compress(alpha.tobytes(), 1), np.uint8)


def unpacked(data: object, size: tuple[int, int]) -> Alpha:
    """What ``packed`` made of a transparency of (width, height) px. Raises AvatarBroken for anything else."""
    if isinstance(data, np.ndarray) and data.dtype == np.uint8:
        with contextlib.suppress(zlib.error):
            plain = zlib.decompressobj().decompress(data.tobytes(), size[0] * size[1] + 1)
            if len(plain) == size[0] * size[1]:
                return np.frombuffer(plain, np.uint8).reshape(size[::-1])
    raise AvatarBroken("A transparency is not of its picture's size.")


def _checked(kept: object, size: tuple[int, int]) -> tuple[int, tuple[PreparedFace, ...], Alpha | None]:
    """Scene, targets and transparency of a plate of (width, height) px."""
    scene, targets, *more = kept if isinstance(kept, tuple) and len(kept) in (2, 3) else (None, None)
    if (
        type(scene) is not int
        or not isinstance(targets, tuple)
        or any(type(one) is not PreparedFace for one in targets)
    ):
        raise AvatarBroken("A record holds no targets.")
    limit = max(4096, 4 * max(size))
    for target in targets:
        crop = target.crop
        if crop.matrix.shape != (2, 3) or not all(0 < side <= limit for side in crop.size):
            raise AvatarBroken("A crop is no crop.")
        if target.mask is not None and target.mask.shape != crop.size[::-1]:
            raise AvatarBroken("A mask is not of its crop's size.")
    return scene, targets, unpacked(more[0], size) if more else None


__all__ = ["Avatar", "AvatarInfo", "AvatarWriter"]
