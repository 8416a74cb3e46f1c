"""Avatars that others prepared for MuseTalk: its realtime script's folders, and the C# service's pickles.

Both hold five rows of the same length: pictures, boxes of faces, latents, masks, and where the masks lie; and both hold
every row twice, the second time backwards. The second half is recognised and dropped: our own loop goes back by itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..engines.musetalk.blend import Patch
from ..engines.musetalk.mask import PasteMask
from ..engines.musetalk.options import REALTIME_FEATHER
from ..engines.musetalk.prepare import HIDDEN, MuseTalkMaterial, left_alone
from ..errors import InputError
from ..types import Array, Image, PreparedFace
from .safe_pickle.reader import read_pickle, read_tensors

LATENTS = (8, 32, 32)
FPS = Fraction(25)
"""What upstream shows its plates at; its files do not say."""
_FOLDER = ("full_imgs", "mask", "coords.pkl", "mask_coords.pkl", "latents.pt")
_INFO = ("avator_info.json", "avatar_info.json")  # upstream's own spelling first
_KEYS = {
    "pictures": ("frame_list_cycle", "frame_list", "frames", "full_imgs"),
    "boxes": ("coord_list_cycle", "coord_list", "coords", "bboxes"),
    "latents": ("input_latent_list_cycle", "latent_list_cycle", "input_latent_list", "latent_list", "latents"),
    "masks": ("mask_list_cycle", "mask_list", "masks"),
    "boxes of masks": ("mask_coords_list_cycle", "mask_coords_list", "mask_coords", "mask_crop_boxes"),
}
_PICTURES = (".png", ".jpg", ".jpeg")
Box = tuple[int, int, int, int]
T = TypeVar("T")


class Gallery(Protocol):
    """Pictures and masks, read when they are needed."""

    def __len__(self) -> int: ...

    def image(self, index: int) -> Image:
        """(H, W, 3) RGB."""
        ...

    def mask(self, index: int) -> NDArray[np.uint8]:
        """(h, w) 0..255."""
        ...

    def same(self, one: int, other: int) -> bool:
        """Whether two pictures, and their masks, are the same."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class UpstreamAvatar:
    """An avatar as somebody else keeps it; ``targets`` makes ours of it."""

    name: str
    path: Path
    frames: int  # without the half that runs backwards
    options: Mapping[str, Any]  # of our MuseTalk, as far as the files tell
    fps: Fraction
    gallery: Gallery = field(repr=False)
    boxes: Sequence[Box | None] = field(repr=False)  # None: no face
    places: Sequence[Box | None] = field(repr=False)  # of the masks
    latents: Sequence[Array | None] = field(repr=False)  # (8, 32, 32)
    notices: tuple[str, ...] = ()

    def targets(self, index: int, image: Image) -> tuple[PreparedFace, ...]:
        """The face in picture ``index``, which is ``image``, or none.

        Raises:
            InputError: its mask is damaged, or of another size than its box.
        """
        box, place, latents = self.boxes[index], self.places[index], self.latents[index]
        if box is None or place is None or latents is None:
            return ()
        height, width = image.shape[:2]
        if max(box[2] - box[0], box[3] - box[1]) > 4 * max(width, height):
            raise InputError(f"{self.path}: plate {index} is {width} x {height} px, but its face is at {box}.")
        mask = self.gallery.mask(index)
        if mask.shape != (place[3] - place[1], place[2] - place[0]):
            raise InputError(
                f"{self.path}: mask {index} has {mask.shape[1]} x {mask.shape[0]} px, but lies at {place}; "
                "upstream could not paste it either. Make the avatar anew."
            )
        patch = Patch.of(PasteMask(mask, place), box, width, height)
        if patch is None:
            return (left_alone(image, HIDDEN),)
        return (PreparedFace(patch.crop, patch.alpha, MuseTalkMaterial(latents, patch)),)


def read_upstream(path: Path) -> UpstreamAvatar:
    """An avatar folder of MuseTalk's realtime script, or a ``<id>_preprocessed.pkl`` of the C# service.

    Nothing in these files is ever run: see ``pickled``.

    Raises:
        InputError: something is missing, damaged, hostile or does not fit; says what was found.
    """
    if path.is_dir():
        pickles = sorted(path.glob("*_preprocessed.pkl"))
        if len(pickles) == 1 and not (path / "coords.pkl").exists():
            return _from_pickle(pickles[0])
        return _from_folder(path)
    return _from_pickle(path)


def is_upstream(path: Path) -> bool:
    """Whether ``path`` can only be one of them: our own avatars are exported to files of another name."""
    return path.is_dir() or path.suffix == ".pkl"


def _from_folder(path: Path) -> UpstreamAvatar:
    missing = [name for name in _FOLDER if not (path / name).exists()]
    if missing:
        found = ", ".join(sorted(one.name for one in path.iterdir())[:12]) or "nothing"
        raise InputError(f"{path} is no avatar of MuseTalk's: {', '.join(missing)} not found, but {found}.")
    info = next((_json(path / name) for name in _INFO if (path / name).is_file()), {})
    gallery = _Files(_numbered(path / "full_imgs"), _numbered(path / "mask"))
    rows = _Rows(path, gallery, read_pickle(path / "coords.pkl"), read_pickle(path / "mask_coords.pkl"))
    latents = read_tensors(path / "latents.pt")
    version = "v1" if info.get("version") == "v1" else "v15" if info.get("version") or "v15" in path.parts else "v1"
    shift = info.get("bbox_shift")
    options = {"version": version, "bbox_shift": shift if type(shift) is int else 0, "feather": REALTIME_FEATHER}
    return rows.avatar(path.name, latents, options, info)


def _from_pickle(path: Path) -> UpstreamAvatar:
    held = read_pickle(path)
    if not isinstance(held, dict):
        raise InputError(f"{path} holds a {type(held).__name__}; a dict of five rows was expected.")
    found = {part: next((held[key] for key in keys if key in held), None) for part, keys in _KEYS.items()}
    missing = [f"{part} ({_KEYS[part][0]})" for part, value in found.items() if value is None]
    if missing:
        seen = ", ".join(str(key) for key in list(held)[:20]) or "nothing"
        raise InputError(f"{path} lacks {', '.join(missing)}; it holds {seen}. Run --preprocess on the picture again.")
    name = path.stem.removesuffix("_preprocessed")
    beside = path.with_name(f"{name}_metadata.json")
    info = {**held, **(_json(beside) if beside.is_file() else {})}
    gallery = _Arrays(path, found["pictures"], found["masks"])
    rows = _Rows(path, gallery, found["boxes"], found["boxes of masks"])
    shift, mode = info.get("bbox_shift"), info.get("parsing_mode")
    options = {"version": "v15" if info.get("musetalk_version") == "v15" else "v1", "feather": REALTIME_FEATHER}
    options |= {"bbox_shift": shift if type(shift) is int else 0}
    options |= {"parsing_mode": mode} if mode in ("jaw", "raw", "neck") else {}
    return rows.avatar(name, found["latents"], options, info)


@dataclass(frozen=True, slots=True)
class _Rows:
    """What both kinds have: pictures, and the boxes beside them."""

    path: Path
    gallery: Gallery
    coords: Any
    mask_coords: Any

    def avatar(self, name: str, latents: Any, options: Mapping[str, Any], info: Mapping[str, Any]) -> UpstreamAvatar:
        """Everything checked, numbered and without its second half."""
        count = len(self.gallery)
        boxes = [self._box(index, one) for index, one in enumerate(self._row("boxes", self.coords, count))]
        faces = [index for index, box in enumerate(boxes) if box is not None]
        places = self._beside("boxes of masks", self.mask_coords, faces, count, self._box)
        drawn = self._beside("latents", latents, faces, count, self._latents)
        fps, told = _rate(info)
        notices = [] if told else [f"its files tell no frame rate: {fps} is taken"]

        def alike(one: int, other: int) -> bool:
            return boxes[one] == boxes[other] and places[one] == places[other]

        frames = _first_half(count, alike, self.gallery.same)
        if frames < count:
            notices.append(f"{count - frames} of its {count} plates are the others backwards, and are left out")
        return UpstreamAvatar(
            name, self.path, frames, options, fps, self.gallery, boxes, places, drawn, tuple(notices)
        )  # fmt: skip

    def _row(self, what: str, values: Any, count: int) -> Any:
        if not isinstance(values, (list, tuple, np.ndarray)) or len(values) != count:
            seen = f"{len(values)} {what}" if hasattr(values, "__len__") else f"a {type(values).__name__} for {what}"
            raise InputError(f"{self.path} has {count} pictures, but {seen}: they do not belong together.")
        return values

    def _beside(
        self, what: str, values: Any, faces: Sequence[int], count: int, read: Callable[[int, Any], T | None]
    ) -> list[T | None]:
        """One for every picture; where there are fewer, one for every picture with a face, in order."""
        each = len(faces) if hasattr(values, "__len__") and len(values) == len(faces) else count
        given = self._row(what, values, each)
        made: list[T | None] = [None] * count
        for index, value in zip(faces if each == len(faces) else range(count), given, strict=True):
            made[index] = read(index, value)
        return made

    def _box(self, index: int, value: Any) -> Box | None:
        """Four whole numbers; upstream's mark for "no face" is four zeros."""
        if value is None:
            return None
        try:
            numbers = np.asarray(value, np.float64).reshape(-1)
        except (ValueError, TypeError):
            numbers = np.zeros(0)
        if numbers.size != 4 or not np.isfinite(numbers).all() or np.abs(numbers).max() > 1 << 20:
            raise InputError(
                f"{self.path}: box {index} is {str(value)[:60]!r}; four numbers x0 y0 x1 y1 were expected."
            )
        x0, y0, x1, y1 = (int(number) for number in numbers)
        if not any((x0, y0, x1, y1)):
            return None
        if x1 <= x0 or y1 <= y0:
            raise InputError(f"{self.path}: box {index} is {(x0, y0, x1, y1)}, which is empty.")
        return x0, y0, x1, y1

    def _latents(self, index: int, value: Any) -> Array:
        if not isinstance(value, np.ndarray) or value.size != np.prod(LATENTS) or value.shape[-3:] != LATENTS:
            seen = getattr(value, "shape", type(value).__name__)
            raise InputError(f"{self.path}: latents {index} are {seen}; (1, 8, 32, 32) was expected.")
        made = np.ascontiguousarray(value.reshape(LATENTS), np.float32)
        if not np.isfinite(made).all():
            raise InputError(f"{self.path}: latents {index} are not all numbers. Make the avatar anew.")
        return made


@dataclass(frozen=True, slots=True)
class _Files:
    """Pictures and masks as files."""

    pictures: Sequence[Path]
    masks: Sequence[Path]

    def __len__(self) -> int:
        return len(self.pictures)

    def image(self, index: int) -> Image:
        from ..media.stills import read_still

        return read_still(self.pictures[index], 1 << 15)[0]

    def mask(self, index: int) -> NDArray[np.uint8]:
        from PIL import Image as Pillow

        if index >= len(self.masks):
            raise InputError(
                f"{self.pictures[0].parent.parent} has {len(self.masks)} masks: number {index} is missing."
            )
        try:
            with Pillow.open(self.masks[index]) as picture:
                return np.asarray(picture.convert("L"), np.uint8)
        except (OSError, ValueError, Pillow.DecompressionBombError) as problem:
            raise InputError(f"{self.masks[index]} cannot be read as a mask: {problem}.") from problem

    def same(self, one: int, other: int) -> bool:
        pairs = [(row[one], row[other]) for row in (self.pictures, self.masks) if max(one, other) < len(row)]
        return all(
            first.stat().st_size == second.stat().st_size and first.read_bytes() == second.read_bytes()
            for first, second in pairs
        )


@dataclass(frozen=True, slots=True)
class _Arrays:
    """Pictures and masks as arrays of a pickle: BGR, as OpenCV reads."""

    path: Path
    pictures: Any
    masks: Any

    def __len__(self) -> int:
        if not isinstance(self.pictures, (list, tuple, np.ndarray)) or not len(self.pictures):
            raise InputError(f"{self.path} holds no pictures.")
        return len(self.pictures)

    def image(self, index: int) -> Image:
        image = self._array("picture", self.pictures, index)
        if image.ndim != 3 or image.shape[2] != 3 or not image.size:
            raise InputError(f"{self.path}: picture {index} is {image.shape}; (H, W, 3) was expected.")
        return np.ascontiguousarray(image[..., ::-1])

    def mask(self, index: int) -> NDArray[np.uint8]:
        mask = self._array("mask", self.masks, index)
        return mask[..., 0] if mask.ndim == 3 else mask

    def same(self, one: int, other: int) -> bool:
        return all(
            row[one] is row[other] or np.array_equal(row[one], row[other]) for row in (self.pictures, self.masks)
        )

    def _array(self, what: str, row: Any, index: int) -> NDArray[np.uint8]:
        value = row[index] if isinstance(row, (list, tuple, np.ndarray)) and index < len(row) else None
        if not isinstance(value, np.ndarray) or value.dtype != np.uint8 or not 2 <= value.ndim <= 3:
            seen = f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__
            raise InputError(f"{self.path}: {what} {index} is {seen}; an array of bytes was expected.")
        return value


def _first_half(count: int, alike: Callable[[int, int], bool], same: Callable[[int, int], bool]) -> int:
    """How many of ``count`` plates are left when those that repeat the others backwards go."""
    pairs = [(index, count - 1 - index) for index in range(count // 2)]
    mirrored = count % 2 == 0 and all(alike(*pair) for pair in pairs) and all(same(*pair) for pair in pairs)
    return count // 2 if mirrored else count


def _rate(info: Mapping[str, Any]) -> tuple[Fraction, bool]:
    """Frames per second, and whether the files tell it."""
    told = info.get("fps")
    if isinstance(told, (int, float)) and not isinstance(told, bool) and 1 <= told <= 240:
        return Fraction(told).limit_denominator(1001), True
    return FPS, False


def _numbered(folder: Path) -> list[Path]:
    """The folder's pictures in the order of their numbers."""
    found = [path for path in folder.iterdir() if path.suffix.lower() in _PICTURES and path.stem.isdecimal()]
    if not found:
        raise InputError(f"{folder} holds no numbered pictures such as 00000000.png.")
    return sorted(found, key=lambda path: (int(path.stem), path.name))


def _json(path: Path) -> dict[str, Any]:
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as problem:
        raise InputError(f"{path} is not JSON: {problem}.") from problem
    if not isinstance(held, dict):
        raise InputError(f"{path} holds a {type(held).__name__}; names with values were expected.")
    return held


__all__ = ["UpstreamAvatar", "is_upstream", "read_upstream"]
