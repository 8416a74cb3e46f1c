"""Still images: read into RGB uint8 with Pillow, one file or a folder of numbered files; written as PNG."""

from __future__ import annotations

import io
import re
import secrets
import warnings
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageCms, ImageOps

from ..errors import OutputError, PictureError
from .demux import check_file

if TYPE_CHECKING:
    from pathlib import Path

    from ..types import Image

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "PPM")
WHITE_BACKGROUND_NOTICE = "its transparent parts are laid over white"
MIN_SIDE = 16
"""px: a smaller image cannot show a face."""


def is_still(path: Path) -> bool:
    """Whether the file's content is an image that Pillow reads. Animated GIF and WebP count: see ``read_still``."""
    try:
        with _open(path):
            return True
    except OSError:
        return False
    except (Pillow.DecompressionBombError, Pillow.DecompressionBombWarning, ValueError):  # too large, or damaged
        return True


def read_still(path: Path, max_side: int) -> tuple[Image, str, tuple[str, ...]]:
    """Read one image as RGB, the right way up.

    Applies the EXIF orientation, converts from the file's colour profile to sRGB, blends transparent parts with white,
    and converts grey, palette, 16-bit and CMYK to RGB. An animation gives its first frame. An image whose longer side
    exceeds ``max_side`` px is scaled down to it.

    Returns:
        The image (H, W, 3), its format in lower case ("png"), and notices for the user.

    Raises:
        PictureError: unreadable, cut short, smaller than 16 px, or above 89 million pixels.
    """
    check_file(path, PictureError, "a picture")
    try:
        with _open(path) as picture:
            is_jpeg = picture.format == "MPO"  # a camera's JPEG with additional pictures
            has_more_frames = getattr(picture, "n_frames", 1) > 1 and not is_jpeg
            notices = ["it holds several pictures: only the first is used"] if has_more_frames else []
            format_name = (picture.format or "image").lower()
            upright = _eight_bit(ImageOps.exif_transpose(picture))
            opaque = _over_white(_in_srgb(upright, picture.info.get("icc_profile"), notices), notices)
            image = np.asarray(_limited(opaque, max_side, notices), np.uint8)
    except (Pillow.DecompressionBombError, Pillow.DecompressionBombWarning) as reason:
        raise PictureError(f"{path} has more than 89 million pixels: scale it down first.") from reason
    except (OSError, SyntaxError, ValueError) as reason:
        raise PictureError(f"{path} is damaged or cut short: open it in a viewer and save it again.") from reason
    check_size(path, image.shape[1], image.shape[0])
    return image, format_name, tuple(f"{path.name}: {notice}." for notice in notices)


def read_alpha(path: Path, max_side: int) -> NDArray[np.uint8]:
    """The alpha channel, (H, W) uint8, of the image that ``read_still`` reads: 0 clear, 255 opaque.

    Raises:
        PictureError: as ``read_still``.
    """
    return np.asarray(_limited(_alpha_image(path), max_side, []), np.uint8)


def is_opaque(path: Path) -> bool:
    """Whether no pixel of the image is transparent. Raises PictureError like ``read_still``."""
    return _alpha_image(path).getextrema() == (255, 255)


def _alpha_image(path: Path) -> Pillow.Image:
    check_file(path, PictureError, "a picture")
    try:
        with _open(path) as picture:
            if not picture.has_transparency_data:
                return Pillow.new("L", _displayed_size(path), 255)
            return ImageOps.exif_transpose(picture).convert("RGBA").getchannel("A")
    except (OSError, SyntaxError, ValueError, Pillow.DecompressionBombError, Pillow.DecompressionBombWarning) as reason:
        raise PictureError(f"{path} is damaged or cut short: open it in a viewer and save it again.") from reason


def write_png(path: Path, image: Image) -> None:
    """Write (H, W, 3) RGB uint8 as PNG; ``path`` appears whole or not at all. Raises OutputError."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        Pillow.fromarray(image).save(partial, format="PNG")
        partial.replace(path)
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
        raise PictureError(f"{folder} holds no images: put numbered png, jpg, webp, bmp or tiff files into it.")
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


def _open(path: Path) -> Pillow.Image:
    Pillow.init()
    with warnings.catch_warnings():
        warnings.simplefilter("error", Pillow.DecompressionBombWarning)
        return Pillow.open(path, formats=FORMATS)


def _displayed_size(path: Path) -> tuple[int, int]:
    """Width and height in px after the EXIF orientation, read without decoding the image."""
    check_file(path, PictureError, "a picture")
    try:
        with _open(path) as picture:
            turned = picture.getexif().get(0x0112, 1) >= 5
            return (picture.height, picture.width) if turned else picture.size
    except (OSError, SyntaxError, ValueError, Pillow.DecompressionBombError, Pillow.DecompressionBombWarning) as reason:
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
