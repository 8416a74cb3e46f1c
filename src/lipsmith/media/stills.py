"""Still images: read into RGB uint8 with Pillow, one file or a folder of numbered files; written as PNG.

AVIF is read by Pillow itself, HEIC by pillow-heif. Both turn the image as its container says (irot, imir), once.
"""

from __future__ import annotations

import io
import re
import secrets
import warnings
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageCms, ImageOps

from ..errors import OutputError, PictureError
from ..whole_file import place
from .demux import check_file
from .pixels import convert_image
from .tone_map import BT709, colour_conversion

if TYPE_CHECKING:
    from pathlib import Path

    from ..types import Image

    ColourTags = tuple[int, int]

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".heic", ".heif", ".hif", ".avif")
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "PPM")
HEIF_FORMATS = ("AVIF", "HEIF")
ANIMATED_FORMATS = ("GIF", "WEBP", "PNG", "AVIF")
"""Formats in which several pictures are an animation."""
HEIF_BRANDS = tuple(b"mif1 msf1 heic heix heim heis hevc hevx hevm hevs avif avis".split())
"""Major brands of HEIC and AVIF files (ISO/IEC 23008-12)."""
UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, RuntimeError)
"""What Pillow and its plugins raise at damage."""
BOMB = (Pillow.DecompressionBombError, Pillow.DecompressionBombWarning)
TAGGED_BYTES = 1 << 16
"""Bytes at the beginning of an AVIF file in which its colour tags are searched."""
MAX_BOXES = 1000
"""Outermost boxes of a HEIC or AVIF file that are looked at; photographs have fewer than ten."""
WHITE_BACKGROUND_NOTICE = "its transparent parts are laid over white"
MIN_SIDE = 16
"""px: a smaller image cannot show a face."""


def is_still(path: Path) -> bool:
    """Whether the file's content is an image, or one of several that are no animation.

    True for every HEIC and AVIF image, even if it cannot be decoded: FFmpeg would take one of its tiles for a video.
    """
    try:
        with open_image(path) as picture:
            return not is_animation(picture)
    except BOMB:
        return True
    except OSError:
        return _is_heif(path)
    except UNREADABLE:  # damaged
        return True


def is_animated(path: Path) -> bool:
    """Whether the file is an animation that ``read_animation`` reads."""
    try:
        with open_image(path) as picture:
            return is_animation(picture)
    except (*UNREADABLE, *BOMB):
        return False


def is_animation(picture: Pillow.Image) -> bool:
    """Whether the opened image is to be played."""
    return picture.format in ANIMATED_FORMATS and getattr(picture, "n_frames", 1) > 1


def read_still(path: Path, max_side: int) -> tuple[Image, str, tuple[str, ...]]:
    """Read one image as RGB, the right way up.

    Applies the EXIF orientation, converts from the file's colour profile to sRGB, tone-maps HDR, blends transparent
    parts with white, and converts grey, palette, 16-bit and CMYK to RGB. An animation gives its first frame. An image
    whose longer side exceeds ``max_side`` px is scaled down to it.

    Returns:
        The image (H, W, 3), its format in lower case ("png"), and notices for the user.

    Raises:
        PictureError: unreadable, cut short, smaller than 16 px, or above 89 million pixels.
    """
    check_file(path, PictureError, "a picture")
    try:
        with open_image(path) as picture:
            is_jpeg = picture.format == "MPO"  # a camera's JPEG with additional pictures
            has_more_frames = getattr(picture, "n_frames", 1) > 1 and not is_jpeg
            which = "its main picture" if picture.format == "HEIF" else "the first"
            notices = [f"it holds several pictures: only {which} is used"] if has_more_frames else []
            format_name = (picture.format or "image").lower()
            image = to_rgb(picture, _tagged_colours(path, picture), max_side, notices)
    except BOMB as reason:
        raise PictureError(f"{path} has more than 89 million pixels: scale it down first.") from reason
    except UNREADABLE as reason:
        raise unreadable(path) from reason
    check_size(path, image.shape[1], image.shape[0])
    return image, format_name, tuple(f"{path.name}: {notice}." for notice in notices)


def to_rgb(picture: Pillow.Image, tags: ColourTags | None, max_side: int, notices: list[str]) -> Image:
    """(H, W, 3) of an opened image's present frame, as ``read_still`` describes; adds to ``notices``."""
    profile = picture.info.get("icc_profile")
    upright = _eight_bit(ImageOps.exif_transpose(picture))
    opaque = _over_white(_in_bt709(_in_srgb(upright, profile, notices), None if profile else tags, notices), notices)
    return np.asarray(_limited(opaque, max_side, notices), np.uint8)


def to_alpha(picture: Pillow.Image, max_side: int) -> NDArray[np.uint8]:
    """The alpha channel, (H, W), of the image that ``to_rgb`` makes: 0 clear, 255 opaque."""
    upright = ImageOps.exif_transpose(picture)
    if not upright.has_transparency_data:
        return np.full(limit_size(upright.size, max_side)[::-1], 255, np.uint8)
    return np.asarray(_limited(upright.convert("RGBA").getchannel("A"), max_side, []), np.uint8)


def unreadable(path: Path) -> PictureError:
    """The error about an image that cannot be decoded."""
    if _is_heif(path):
        return PictureError(f"{path} is a HEIC or AVIF that cannot be decoded: save it as JPEG or PNG.")
    return PictureError(f"{path} is damaged or cut short: open it in a viewer and save it again.")


def read_alpha(path: Path, max_side: int) -> NDArray[np.uint8]:
    """The alpha channel, (H, W) uint8, of the image that ``read_still`` reads: 0 clear, 255 opaque.

    Raises:
        PictureError: as ``read_still``.
    """
    check_file(path, PictureError, "a picture")
    try:
        with open_image(path) as picture:
            return to_alpha(picture, max_side)
    except (*UNREADABLE, *BOMB) as reason:
        raise unreadable(path) from reason


def write_png(path: Path, image: Image, overwrite: bool = True) -> Path:
    """Write (H, W, 3) RGB or (H, W, 4) RGBA uint8 as PNG, which appears whole or not at all; return its path.

    Without ``overwrite`` a file that is there stays, and the picture gets a name beside it. Raises OutputError.
    """
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        Pillow.fromarray(image).save(partial, format="PNG")
        return place(partial, path, overwrite)
    except OSError as reason:
        raise OutputError(
            f"{path} cannot be written ({reason.strerror or reason}): choose a folder that exists and has room."
        ) from reason
    finally:
        partial.unlink(missing_ok=True)


def check_size(path: Path, width: int, height: int) -> None:
    """Raise PictureError when a picture of ``width`` x ``height`` px is too small to show a face."""
    if min(width, height) < MIN_SIDE:
        raise PictureError(
            f"{path} is {width}x{height} pixels, too small to show a face: give a picture of at least "
            f"{MIN_SIDE}x{MIN_SIDE}, better 256x256."
        )


def list_images(folder: Path) -> list[Path]:
    """The images of ``folder`` in natural order (2 before 10).

    Raises:
        PictureError: no images, or images of different sizes (names the first that differs).
    """
    try:
        found = [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.name[0] != "."]
    except OSError as reason:
        raise PictureError(f"{folder} cannot be read ({reason.strerror}): give a folder that you may read.") from reason
    paths = sorted(found, key=_natural_order)
    if not paths:
        raise PictureError(f"{folder} holds no images: put numbered png, jpg, heic, avif, webp, bmp or tiff files in.")
    sizes = ((path, _displayed_size(path)) for path in paths)
    _, first = next(sizes)
    for path, size in sizes:
        if size != first:
            raise PictureError(
                f"{path} is {size[0]}x{size[1]} pixels but {paths[0].name} is {first[0]}x{first[1]}: "
                "all images of a folder must have one size."
            )
    return paths


def _natural_order(path: Path) -> list[str | int]:
    """A sort key: numbers within names by their value. ``isdecimal`` matches what ``\\d`` does, no superscripts."""
    return [int(part) if part.isdecimal() else part.lower() for part in re.split(r"(\d+)", path.name)]


def open_image(path: Path) -> Pillow.Image:
    """Open an image without decoding it. Raises what is in ``UNREADABLE`` and ``BOMB``."""
    Pillow.init()
    formats: tuple[str, ...] = FORMATS
    if _is_heif(path):
        _register_heif()
        formats = HEIF_FORMATS
        if _outer_boxes(path)[1] > path.stat().st_size:  # libheif would leave parts of the image empty
            raise OSError("the file is cut short")
    with warnings.catch_warnings():
        warnings.simplefilter("error", Pillow.DecompressionBombWarning)
        return Pillow.open(path, formats=formats)


@cache
def _register_heif() -> None:
    from pillow_heif import register_heif_opener

    register_heif_opener()


def _is_heif(path: Path) -> bool:
    """Whether the file is a HEIC or AVIF image. A sequence without any image of its own is a video."""
    with path.open("rb") as file:
        head = file.read(12)
    return head[4:8] == b"ftyp" and head[8:12] in HEIF_BRANDS and b"meta" in _outer_boxes(path)[0]


def _outer_boxes(path: Path) -> tuple[set[bytes], int]:
    """Names of the outermost boxes of an ISO file (ISO/IEC 14496-12), and where the last ends, in bytes.

    The first ``MAX_BOXES`` are read: a file of empty boxes would take minutes.
    """
    names, start, end = set[bytes](), 0, path.stat().st_size
    with path.open("rb") as file:
        for _ in range(MAX_BOXES):
            head = file.read(16)
            if len(head) < 8:
                break
            size = int.from_bytes(head[:4], "big")
            size = int.from_bytes(head[8:], "big") if size == 1 else size
            names.add(head[4:8])
            if size < 8:  # 0: to the end of the file
                break
            start += size
            file.seek(min(start, end))  # a box may state more bytes than a file can have
    return names, start


def _displayed_size(path: Path) -> tuple[int, int]:
    """Width and height in px after the EXIF orientation, read without decoding the image."""
    check_file(path, PictureError, "a picture")
    try:
        with open_image(path) as picture:
            turned = picture.getexif().get(0x0112, 1) >= 5
            return (picture.height, picture.width) if turned else picture.size
    except (*UNREADABLE, *BOMB) as reason:
        raise PictureError(f"{path} is not a picture that can be read: take it out of the folder.") from reason


def _eight_bit(picture: Pillow.Image) -> Pillow.Image:
    """Scale 16-bit and float grey to 8 bits; Pillow's own conversion would clip them."""
    if picture.mode not in ("I", "F") and not picture.mode.startswith("I;16"):
        return picture
    values = np.asarray(picture, np.float64)
    top = 65535.0 if values.max(initial=0) > 255 else 255.0
    return Pillow.fromarray(np.clip(values * (255.0 / top), 0, 255).round().astype(np.uint8))


def _in_srgb(picture: Pillow.Image, profile: bytes | None, notices: list[str]) -> Pillow.Image:
    """Convert from the ICC ``profile`` to sRGB, as RGB or RGBA; without a profile return the image unchanged."""
    if not profile:
        return picture
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
    elif picture.mode not in ("L", "RGB", "CMYK"):
        picture = picture.convert("RGB")
    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if ImageCms.getProfileDescription(own).startswith("sRGB"):
            return picture
        converted = ImageCms.profileToProfile(
            picture,
            own,
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGBA" if picture.mode == "RGBA" else "RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError):
        converted = None
    if converted is None:
        notices.append("its colour profile cannot be used, so its colours may be off")
    return converted or picture


def _tagged_colours(path: Path, picture: Pillow.Image) -> ColourTags:
    """Colour primaries and transfer (ITU-T H.273) that a HEIC or AVIF states; BT.709 for others."""
    if picture.format == "HEIF":
        tags = picture.info.get("nclx_profile") or {}
        return tags.get("color_primaries", BT709), tags.get("transfer_characteristics", BT709)
    if picture.format == "AVIF":  # Pillow does not tell
        with path.open("rb") as file:
            _, found, after = file.read(TAGGED_BYTES).partition(b"colrnclx")
        if found and len(after) >= 4:
            return int.from_bytes(after[:2], "big"), int.from_bytes(after[2:4], "big")
    return BT709, BT709


def _in_bt709(picture: Pillow.Image, tags: ColourTags | None, notices: list[str]) -> Pillow.Image:
    """Convert colours with these tags to BT.709, as RGB or RGBA; return others unchanged."""
    conversion = colour_conversion(*tags) if tags else None
    if conversion is None:
        return picture
    notices.append(conversion.notice)
    converted = Pillow.fromarray(convert_image(np.asarray(picture.convert("RGB")), conversion))
    if picture.has_transparency_data:
        converted.putalpha(picture.convert("RGBA").getchannel("A"))
    return converted


def _over_white(picture: Pillow.Image, notices: list[str]) -> Pillow.Image:
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    clear = picture.convert("RGBA")
    if clear.getchannel("A").getextrema() != (255, 255):
        notices.append(WHITE_BACKGROUND_NOTICE)
    white = Pillow.new("RGBA", clear.size, (255, 255, 255, 255))
    return Pillow.alpha_composite(white, clear).convert("RGB")


def _limited(picture: Pillow.Image, max_side: int, notices: list[str]) -> Pillow.Image:
    width, height = limit_size(picture.size, max_side)
    if (width, height) == picture.size:
        return picture
    notices.append(f"scaled down from {picture.width}x{picture.height} to {width}x{height} pixels")
    return picture.resize((width, height), Pillow.Resampling.LANCZOS, reducing_gap=3.0)


def limit_size(size: tuple[int, int], max_side: int) -> tuple[int, int]:
    """Shrink ``size`` (width, height) in px, if needed, until no side exceeds ``max_side``; keep its aspect ratio."""
    longest = max(size)
    if longest <= max_side:
        return size
    return max(1, round(size[0] * max_side / longest)), max(1, round(size[1] * max_side / longest))
