"""Pictures that stand still: one image, or a folder of numbered images, read with Pillow into RGB uint8."""

from __future__ import annotations

import io
import re
import warnings
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageCms, ImageOps

from ..errors import PictureError
from .demux import check_file

if TYPE_CHECKING:
    from pathlib import Path

    from ..types import Image

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "PPM")
LAID_OVER_WHITE = "its transparent parts are laid over white"
SMALLEST_SIDE = 16
"""px: below this no face can be meant."""


def is_still(path: Path) -> bool:
    """Whether the bytes of ``path`` are an image that Pillow knows. Moving GIFs and WebPs count: see ``read_still``."""
    try:
        with _opened(path):
            return True
    except OSError:
        return False
    except (Pillow.DecompressionBombError, Pillow.DecompressionBombWarning, ValueError):  # an image, but a bad one
        return True


def read_still(path: Path, limit_side: int) -> tuple[Image, str, tuple[str, ...]]:
    """Read one image the right way up.

    EXIF orientation is applied; colours come through the picture's own profile into sRGB; transparent parts are laid
    over white; grey, palette, 16-bit and CMYK become RGB; of a moving image the first frame is taken; a longer side
    above ``limit_side`` px is scaled down to it.

    Returns:
        The image, its format in lower case ("png"), and notices for the user.

    Raises:
        PictureError: unreadable, cut short, smaller than 16 px or of monstrous size.
    """
    check_file(path, PictureError, "a picture")
    try:
        with _opened(path) as picture:
            several = getattr(picture, "n_frames", 1) > 1 and picture.format != "MPO"  # a camera's JPEG with extras
            notices = ["it holds several pictures: only the first is used"] if several else []
            kind = (picture.format or "image").lower()
            upright = _eight_bit(ImageOps.exif_transpose(picture))
            flat = _over_white(_in_srgb(upright, picture.info.get("icc_profile"), notices), notices)
            image = np.asarray(_within(flat, limit_side, notices), np.uint8)
    except (Pillow.DecompressionBombError, Pillow.DecompressionBombWarning) as reason:
        raise PictureError(f"{path} has more than 89 million pixels: scale it down first.") from reason
    except (OSError, SyntaxError, ValueError) as reason:
        raise PictureError(f"{path} is damaged or cut short: open it in a viewer and save it again.") from reason
    check_size(path, image.shape[1], image.shape[0])
    return image, kind, tuple(f"{path.name}: {notice}." for notice in notices)


def opacity(path: Path, limit_side: int) -> NDArray[np.uint8]:
    """How opaque each pixel is of the image that ``read_still`` reads: (H, W) 0..255. Raises PictureError as that."""
    return np.asarray(_within(_alpha(path), limit_side, []), np.uint8)


def is_opaque(path: Path) -> bool:
    """Whether nothing of the image is transparent. Raises PictureError as ``read_still``."""
    return _alpha(path).getextrema() == (255, 255)


def _alpha(path: Path) -> Pillow.Image:
    check_file(path, PictureError, "a picture")
    try:
        with _opened(path) as picture:
            if not picture.has_transparency_data:
                return Pillow.new("L", _size(path), 255)
            return ImageOps.exif_transpose(picture).convert("RGBA").getchannel("A")
    except (OSError, SyntaxError, ValueError, Pillow.DecompressionBombError, Pillow.DecompressionBombWarning) as reason:
        raise PictureError(f"{path} is damaged or cut short: open it in a viewer and save it again.") from reason


def check_size(path: Path, width: int, height: int) -> None:
    """Raise PictureError when a picture of ``width`` x ``height`` px is too small to show a face."""
    if min(width, height) < SMALLEST_SIDE:
        raise PictureError(
            f"{path} is {width}x{height} pixels, too small to show a face: give a picture of at least "
            f"{SMALLEST_SIDE}x{SMALLEST_SIDE}, better 256x256."
        )


def list_folder(folder: Path) -> list[Path]:
    """The images of ``folder`` in natural order (2 before 10).

    Raises:
        PictureError: no images, or images of different sizes (names the first that differs).
    """
    try:
        inside = [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.name[0] != "."]
    except OSError as reason:
        raise PictureError(f"{folder} cannot be read ({reason.strerror}): give a folder that you may read.") from reason
    paths = sorted(inside, key=_natural)
    if not paths:
        raise PictureError(f"{folder} holds no images: put numbered png, jpg, webp, bmp or tiff files into it.")
    sizes = ((path, _size(path)) for path in paths)
    _, first = next(sizes)
    for path, size in sizes:
        if size != first:
            raise PictureError(
                f"{path} is {size[0]}x{size[1]} pixels but {paths[0].name} is {first[0]}x{first[1]}: "
                "all images of a folder must have one size."
            )
    return paths


def _natural(path: Path) -> list[str | int]:
    """Sorts numbers within names by their value. ``isdecimal`` is what ``\\d`` finds; a superscript is neither."""
    return [int(part) if part.isdecimal() else part.lower() for part in re.split(r"(\d+)", path.name)]


def _opened(path: Path) -> Pillow.Image:
    Pillow.init()
    with warnings.catch_warnings():
        warnings.simplefilter("error", Pillow.DecompressionBombWarning)
        return Pillow.open(path, formats=FORMATS)


def _size(path: Path) -> tuple[int, int]:
    """Width and height in px as the image is meant to be seen, without decoding it."""
    check_file(path, PictureError, "a picture")
    try:
        with _opened(path) as picture:
            turned = picture.getexif().get(0x0112, 1) >= 5
            return (picture.height, picture.width) if turned else picture.size
    except (OSError, SyntaxError, ValueError, Pillow.DecompressionBombError, Pillow.DecompressionBombWarning) as reason:
        raise PictureError(f"{path} is not a picture that can be read: take it out of the folder.") from reason


def _eight_bit(picture: Pillow.Image) -> Pillow.Image:
    """16-bit and float grey become 8-bit grey; Pillow would clip them."""
    if picture.mode not in ("I", "F") and not picture.mode.startswith("I;16"):
        return picture
    values = np.asarray(picture, np.float64)
    top = 65535.0 if values.max(initial=0) > 255 else 255.0
    return Pillow.fromarray(np.clip(values * (255.0 / top), 0, 255).round().astype(np.uint8))


def _in_srgb(picture: Pillow.Image, profile: bytes | None, notices: list[str]) -> Pillow.Image:
    """RGB, or RGBA where something is transparent, in the colours that ``profile`` means; as it is without one."""
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
        notices.append(LAID_OVER_WHITE)
    white = Pillow.new("RGBA", clear.size, (255, 255, 255, 255))
    return Pillow.alpha_composite(white, clear).convert("RGB")


def _within(picture: Pillow.Image, limit_side: int, notices: list[str]) -> Pillow.Image:
    width, height = fit(picture.size, limit_side)
    if (width, height) == picture.size:
        return picture
    notices.append(f"scaled down from {picture.width}x{picture.height} to {width}x{height} pixels")
    return picture.resize((width, height), Pillow.Resampling.LANCZOS, reducing_gap=3.0)


def fit(size: tuple[int, int], limit_side: int) -> tuple[int, int]:
    """``size`` (width, height) in px, made smaller if needed so that no side is above ``limit_side``."""
    longest = max(size)
    if longest <= limit_side:
        return size
    return max(1, round(size[0] * limit_side / longest)), max(1, round(size[1] * limit_side / longest))
