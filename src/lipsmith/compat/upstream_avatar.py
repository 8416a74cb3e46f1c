"""Read avatars that other programs prepared for MuseTalk: folders of its realtime script, pickles of the C# service.

Both hold five lists of the same length: pictures, face boxes, latents, masks, and mask boxes. Both hold every list
forward and then backward. The backward half is recognised and dropped, because our playback turns back by itself.
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
from ..engines.musetalk.prepare import HIDDEN, MuseTalkMaterial, unchanged_face
from ..errors import InputError
from ..types import Array, Image, PreparedFace
from .safe_pickle.reader import read_pickle, read_tensors

LATENTS = (8, 32, 32)
FPS = Fraction(25)
"""The rate at which MuseTalk's script plays its frames, where the files name none."""
_FOLDER = ("full_imgs", "mask", "coords.pkl", "mask_coords.pkl", "latents.pt")
_INFO = ("avator_info.json", "avatar_info.json")  # upstream's own spelling first
_KEYS = {  # list -> its names in pickles of different versions, the usual one first
    "pictures": ("frame_list_cycle", "frame_list", "frames", "full_imgs"),
    "boxes": ("coord_list_cycle", "coord_list", "coords", "bboxes"),
    "latents": ("input_latent_list_cycle", "latent_list_cycle", "input_latent_list", "latent_list", "latents"),
    "masks": ("mask_list_cycle", "mask_list", "masks"),
    "mask boxes": ("mask_coords_list_cycle", "mask_coords_list", "mask_coords", "mask_crop_boxes"),
}
_PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg")
Box = tuple[int, int, int, int]
T = TypeVar("T")


class FrameFiles(Protocol):
    """The pictures and masks of an avatar, read one by one."""

    def __len__(self) -> int: ...

    def image(self, index: int) -> Image:
        """(H, W, 3) RGB."""
        ...

    def mask(self, index: int) -> NDArray[np.uint8]:
        """(h, w) 0..255."""
        ...

    def same(self, one: int, other: int) -> bool:
        """Whether two pictures and their masks are equal."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class UpstreamAvatar:
    """An avatar as another program stored it."""

    name: str
    path: Path
    frames: int  # without the backward half
    options: Mapping[str, Any]  # of our MuseTalk engine, as far as the files name them
    fps: Fraction
    gallery: FrameFiles = field(repr=False)
    boxes: Sequence[Box | None] = field(repr=False)  # of the faces; None: no face
    mask_boxes: Sequence[Box | None] = field(repr=False)
    latents: Sequence[Array | None] = field(repr=False)  # (8, 32, 32)
    notices: tuple[str, ...] = ()

    def faces(self, index: int, image: Image) -> tuple[PreparedFace, ...]:
        """The prepared face in picture ``index``, which is ``image``; empty if it shows none.

        Raises:
            InputError: the mask is damaged, or of another size than its box.
        """
        box, mask_box, latents = self.boxes[index], self.mask_boxes[index], self.latents[index]
        if box is None or mask_box is None or latents is None:
            return ()
        height, width = image.shape[:2]
        if max(box[2] - box[0], box[3] - box[1]) > 4 * max(width, height):
            raise InputError(f"{self.path}: frame {index} is {width} x {height} px, but its face is at {box}.")
        mask = self.gallery.mask(index)
        if mask.shape != (mask_box[3] - mask_box[1], mask_box[2] - mask_box[0]):
            raise InputError(
                f"{self.path}: mask {index} has {mask.shape[1]} x {mask.shape[0]} px, but lies at {mask_box}; "
                "MuseTalk could not paste it either. Prepare the avatar again."
            )
        patch = Patch.of(PasteMask(mask, mask_box), box, width, height)
        if patch is None:
            return (unchanged_face(image, HIDDEN),)
        return (PreparedFace(patch.crop, patch.alpha, MuseTalkMaterial(latents, patch)),)


def read_upstream(path: Path) -> UpstreamAvatar:
    """Read a folder of MuseTalk's realtime script, or a ``<id>_preprocessed.pkl`` of the C# service.

    No code in these files is ever run; see ``safe_pickle.reader``.

    Raises:
        InputError: something is missing, damaged or inconsistent, or a pickle is refused. The message says what was
            found.
    """
    if path.is_dir():
        pickles = sorted(path.glob("*_preprocessed.pkl"))
        if len(pickles) == 1 and not (path / "coords.pkl").exists():
            return _from_pickle(pickles[0])
        return _from_folder(path)
    return _from_pickle(path)


def is_upstream(path: Path) -> bool:
    """Whether ``path`` is a folder or a pickle, as our own exported avatars never are."""
    return path.is_dir() or path.suffix == ".pkl"


def _from_folder(path: Path) -> UpstreamAvatar:
    missing = [name for name in _FOLDER if not (path / name).exists()]
    if missing:
        found = ", ".join(sorted(one.name for one in path.iterdir())[:12]) or "nothing"
        raise InputError(f"{path} is no avatar of MuseTalk's: {', '.join(missing)} not found, but {found}.")
    info = next((_json(path / name) for name in _INFO if (path / name).is_file()), {})
    gallery = _FileGallery(_numbered(path / "full_imgs"), _numbered(path / "mask"))
    lists = _Lists(path, gallery, read_pickle(path / "coords.pkl"), read_pickle(path / "mask_coords.pkl"))
    latents = read_tensors(path / "latents.pt")
    version = "v1" if info.get("version") == "v1" else "v15" if info.get("version") or "v15" in path.parts else "v1"
    shift = info.get("bbox_shift")
    options = {"version": version, "bbox_shift": shift if type(shift) is int else 0, "feather": REALTIME_FEATHER}
    return lists.avatar(path.name, latents, options, info)


def _from_pickle(path: Path) -> UpstreamAvatar:
    stored = read_pickle(path)
    if not isinstance(stored, dict):
        raise InputError(f"{path} holds a {type(stored).__name__}; a dict of five lists was expected.")
    found = {part: next((stored[key] for key in keys if key in stored), None) for part, keys in _KEYS.items()}
    missing = [f"{part} ({_KEYS[part][0]})" for part, value in found.items() if value is None]
    if missing:
        seen = ", ".join(str(key) for key in list(stored)[:20]) or "nothing"
        raise InputError(f"{path} lacks {', '.join(missing)}; it holds {seen}. Run --preprocess on the picture again.")
    name = path.stem.removesuffix("_preprocessed")
    metadata = path.with_name(f"{name}_metadata.json")
    info = {**stored, **(_json(metadata) if metadata.is_file() else {})}
    gallery = _ArrayGallery(path, found["pictures"], found["masks"])
    lists = _Lists(path, gallery, found["boxes"], found["mask boxes"])
    shift, mode = info.get("bbox_shift"), info.get("parsing_mode")
    options = {"version": "v15" if info.get("musetalk_version") == "v15" else "v1", "feather": REALTIME_FEATHER}
    options |= {"bbox_shift": shift if type(shift) is int else 0}
    options |= {"parsing_mode": mode} if mode in ("jaw", "raw", "neck") else {}
    return lists.avatar(name, found["latents"], options, info)


@dataclass(frozen=True, slots=True)
class _Lists:
    """The lists of an avatar from a folder or a pickle, checked against each other."""

    path: Path
    gallery: FrameFiles
    coords: Any
    mask_coords: Any

    def avatar(self, name: str, latents: Any, options: Mapping[str, Any], info: Mapping[str, Any]) -> UpstreamAvatar:
        """The avatar, with everything checked and without the backward half."""
        count = len(self.gallery)
        boxes = [self._box(index, one) for index, one in enumerate(self._checked("boxes", self.coords, count))]
        faces = [index for index, box in enumerate(boxes) if box is not None]
        mask_boxes = self._per_picture("mask boxes", self.mask_coords, faces, count, self._box)
        checked_latents = self._per_picture("latents", latents, faces, count, self._latents)
        fps = _rate(info)
        notices = [] if fps else [f"its files name no frame rate: {FPS} is used"]

        def same_boxes(one: int, other: int) -> bool:
            return boxes[one] == boxes[other] and mask_boxes[one] == mask_boxes[other]

        frames = _forward_frames(count, same_boxes, self.gallery.same)
        if frames < count:
            notices.append(f"{count - frames} of its {count} frames repeat the others backwards, and are left out")
        return UpstreamAvatar(
            name, self.path, frames, options, fps or FPS, self.gallery, boxes, mask_boxes, checked_latents,
            tuple(notices),
        )  # fmt: skip

    def _checked(self, what: str, values: Any, count: int) -> Any:
        """``values``, which must be a list of ``count`` items; ``what`` names it in errors."""
        if not isinstance(values, (list, tuple, np.ndarray)) or len(values) != count:
            seen = f"{len(values)} {what}" if hasattr(values, "__len__") else f"a {type(values).__name__} for {what}"
            raise InputError(f"{self.path} has {count} pictures, but {seen}: they do not belong together.")
        return values

    def _per_picture(
        self, what: str, values: Any, faces: Sequence[int], count: int, read: Callable[[int, Any], T | None]
    ) -> list[T | None]:
        """One item per picture, read with ``read``. A list with items for pictures with faces only is spread out."""
        length = len(faces) if hasattr(values, "__len__") and len(values) == len(faces) else count
        items = self._checked(what, values, length)
        spread: list[T | None] = [None] * count
        for index, value in zip(faces if length == len(faces) else range(count), items, strict=True):
            spread[index] = read(index, value)
        return spread

    def _box(self, index: int, value: Any) -> Box | None:
        """Box ``index``: four numbers x0 y0 x1 y1. MuseTalk marks a frame without a face by four zeros: None."""
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
        """(8, 32, 32): VAE latents, masked and reference."""
        if not isinstance(value, np.ndarray) or value.size != np.prod(LATENTS) or value.shape[-3:] != LATENTS:
            seen = getattr(value, "shape", type(value).__name__)
            raise InputError(f"{self.path}: latents {index} are {seen}; (1, 8, 32, 32) was expected.")
        latents = np.ascontiguousarray(value.reshape(LATENTS), np.float32)
        if not np.isfinite(latents).all():
            raise InputError(f"{self.path}: latents {index} are not all numbers. Prepare the avatar again.")
        return latents


@dataclass(frozen=True, slots=True)
class _FileGallery:
    """Pictures and masks in files."""

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
        pairs = [(files[one], files[other]) for files in (self.pictures, self.masks) if max(one, other) < len(files)]
        return all(
            first.stat().st_size == second.stat().st_size and first.read_bytes() == second.read_bytes()
            for first, second in pairs
        )


@dataclass(frozen=True, slots=True)
class _ArrayGallery:
    """Pictures and masks in the arrays of a pickle; pictures are BGR, as OpenCV reads them."""

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
            arrays[one] is arrays[other] or np.array_equal(arrays[one], arrays[other])
            for arrays in (self.pictures, self.masks)
        )

    def _array(self, what: str, arrays: Any, index: int) -> NDArray[np.uint8]:
        value = arrays[index] if isinstance(arrays, (list, tuple, np.ndarray)) and index < len(arrays) else None
        if not isinstance(value, np.ndarray) or value.dtype != np.uint8 or not 2 <= value.ndim <= 3:
            seen = f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__
            raise InputError(f"{self.path}: {what} {index} is {seen}; an array of bytes was expected.")
        return value


def _forward_frames(
    count: int, same_boxes: Callable[[int, int], bool], same_pictures: Callable[[int, int], bool]
) -> int:
    """Number of frames without those that repeat the others backwards."""
    pairs = [(index, count - 1 - index) for index in range(count // 2)]
    mirrored = (
        count % 2 == 0 and all(same_boxes(*pair) for pair in pairs) and all(same_pictures(*pair) for pair in pairs)
    )
    return count // 2 if mirrored else count


def _rate(info: Mapping[str, Any]) -> Fraction | None:
    """Frames per second; None if the files do not name a valid rate."""
    fps = info.get("fps")
    if isinstance(fps, (int, float)) and not isinstance(fps, bool) and 1 <= fps <= 240:
        return Fraction(fps).limit_denominator(1001)
    return None


def _numbered(folder: Path) -> list[Path]:
    """The pictures in a folder, in the order of their numbers."""
    found = [path for path in folder.iterdir() if path.suffix.lower() in _PICTURE_SUFFIXES and path.stem.isdecimal()]
    if not found:
        raise InputError(f"{folder} holds no numbered pictures such as 00000000.png.")
    return sorted(found, key=lambda path: (int(path.stem), path.name))


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as problem:
        raise InputError(f"{path} is not JSON: {problem}.") from problem
    if not isinstance(content, dict):
        raise InputError(f"{path} holds a {type(content).__name__}; names with values were expected.")
    return content


__all__ = ["UpstreamAvatar", "is_upstream", "read_upstream"]
