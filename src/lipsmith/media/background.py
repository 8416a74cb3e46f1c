"""What stands behind a person whose own background is taken away: a colour, a picture, a film, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ..errors import OptionError, PictureError
from ..options import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from fractions import Fraction

    from ..types import AVFrame, Image, SourceFrame
    from .chroma_key import Alpha, Key, Matte
    from .video import VideoSource

LIMIT_SIDE = 3840  # px, as of every picture that is opened
TILE = 16  # px of the checkerboard that stands for nothing
LIGHT, DARK = 204, 153  # its greys
Alphas = Callable[[int], "Alpha"]
"""From a plate's index to its own (H, W) transparency."""


@dataclass(frozen=True, slots=True)
class BackgroundOptions:
    """What the user wants behind the person, and how the person is told from what is there now."""

    background: str = "keep"  # keep, transparent, a colour (#rrggbb or a name), or the path of a picture or video
    key: str = "auto"  # auto, alpha (the picture's own transparency), or the screen's colour


class Background(Protocol):
    """What lies behind, frame by frame."""

    def at(self, index: int) -> Image:
        """(H, W, 3) behind the film's frame ``index``, which never goes down."""
        ...


class StillBackground:
    """The same behind every frame."""

    def __init__(self, image: Image) -> None:
        self._image = image

    def at(self, index: int) -> Image:
        """The one image."""
        return self._image


class VideoBackground:
    """A film at its own beat, begun again when it is over; one frame in memory."""

    def __init__(self, footage: VideoSource, size: tuple[int, int]) -> None:
        self._frames: Iterator[Image] = chain.from_iterable(footage.frames() for _ in repeat(None))
        self._size, self._next = size, 0
        self._image: Image | None = None

    def at(self, index: int) -> Image:
        """The frame that plays at ``index``."""
        for _ in range(self._next, index):
            next(self._frames)
        if self._image is None or index >= self._next:
            self._image, self._next = cover(next(self._frames), self._size), index + 1
        return self._image


class Matting(Protocol):
    """How people are told from what is behind them."""

    def matte(self, source_frame: SourceFrame, image: Image) -> Matte:
        """What to keep of ``image`` (H, W, 3), the finished picture over ``source_frame``."""
        ...


class ScreenMatting:
    """Keys the finished picture, as its head may have moved; what is deep inside the plate's person stays whole."""

    def __init__(self, key: Key) -> None:
        self._key = key
        self._last: tuple[Image, Alpha] | None = None

    def matte(self, source_frame: SourceFrame, image: Image) -> Matte:
        """The matte of ``image``, in which no drawn mouth can be a hole."""
        from .chroma_key import key_matte, solid_core

        if self._last is None or self._last[0] is not source_frame.image:
            self._last = source_frame.image, solid_core(source_frame.image, self._key)
        return key_matte(image, self._key, self._last[1])


class OwnMatting:
    """Takes the transparency that the picture brings along."""

    def __init__(self, alphas: Alphas) -> None:
        self._alphas = alphas

    def matte(self, source_frame: SourceFrame, image: Image) -> Matte:
        """The matte of ``source_frame``."""
        from .chroma_key import matte_from_alpha

        return matte_from_alpha(self._alphas(source_frame.index))


@dataclass(frozen=True, slots=True)
class BackgroundReplacement:
    """People cut out of their pictures, frame by frame, and what is behind them. One per film."""

    matting: Matting
    ground: Background | None  # None: nothing, the film is transparent
    notices: tuple[str, ...] = ()

    def finish(self, source_frame: SourceFrame, frame: AVFrame) -> AVFrame:
        """``frame``, spoken over ``source_frame``, before the ground; or with its transparency."""
        from .chroma_key import composite, cut

        matte = self.matting.matte(source_frame, frame.image)
        if self.ground is None:
            return replace(frame, image=cut(frame.image, matte), alpha=matte.alpha)
        return replace(frame, image=composite(frame.image, matte, self.ground.at(frame.index)))


def open_replacement(
    wish: BackgroundOptions, first: Image, fps: Fraction, alphas: Alphas | None = None, sheet: bool = False
) -> BackgroundReplacement | None:
    """The scene of a film, or None where the background stays as it is.

    Args:
        wish: what the user wants.
        first: (H, W, 3) the first plate: its size is the film's, and its border shows the screen.
        fps: of the film; a video behind is brought to it.
        alphas: the transparency that the pictures bring along, if they do; see ``alphas_of``.
        sheet: for a contact sheet: a checkerboard stands for nothing.

    Raises:
        OptionError: the background or the key is no such thing.
        PictureError: no screen is seen, the picture has no transparency, or the background cannot be read.
    """
    if wish.background == "keep":
        return None
    matting = _matting(wish.key, first, alphas)
    size = (first.shape[1], first.shape[0])
    if wish.background == "transparent":
        return BackgroundReplacement(matting, StillBackground(checkerboard(size)) if sheet else None)
    colour = colour_of(wish.background)
    if colour is not None:
        return BackgroundReplacement(matting, StillBackground(np.full(first.shape, colour, np.uint8)))
    footage = _open_background(wish.background, fps)
    if footage.info.frames == 1:
        return BackgroundReplacement(
            matting, StillBackground(cover(next(iter(footage.frames())), size)), footage.info.notices
        )
    return BackgroundReplacement(matting, VideoBackground(footage, size), footage.info.notices)


def check_key(key: str, first: Image, alphas: Alphas | None) -> None:
    """Raise as ``open_replacement`` does unless ``key`` tells the people of ``first`` (H, W, 3) from what is behind
    them.
    """
    _matting(key, first, alphas)


def alphas_of(picture: Path) -> Alphas | None:
    """The transparency of an image, or of a folder's images, by their index; None: there is none, or it is a video."""
    from .demux import is_folder
    from .stills import is_opaque, is_still, list_folder, opacity

    if is_folder(picture):
        paths = list_folder(picture)
        if is_opaque(paths[0]):
            return None
        return lambda index: opacity(paths[index], LIMIT_SIDE)
    if not is_still(picture) or is_opaque(picture):
        return None
    alpha = opacity(picture, LIMIT_SIDE)
    return lambda _: alpha


def colour_of(words: str) -> tuple[int, int, int] | None:
    """RGB, 0..255, of "#rrggbb", "#rgb" or a CSS name, else None. Raises OptionError for a wrong "#..."."""
    from PIL import ImageColor

    if words.startswith("#"):
        if len(words) not in (4, 7) or not all(digit in "0123456789abcdefABCDEF" for digit in words[1:]):
            raise OptionError(f"'{words}' is no colour: write it as #rrggbb, such as #00b140.")
    elif words.lower() not in ImageColor.colormap:
        return None
    red, green, blue = ImageColor.getrgb(words)[:3]
    return red, green, blue


def cover(image: Image, size: tuple[int, int]) -> Image:
    """``image`` scaled to fill ``size`` (width, height in px) and cut evenly on two sides; its shape is kept."""
    import cv2

    height, width = image.shape[:2]
    scale = max(size[0] / width, size[1] / height)
    grown = max(size[0], round(width * scale)), max(size[1], round(height * scale))
    if grown != (width, height):
        smooth = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        image = np.asarray(cv2.resize(image, grown, interpolation=smooth), np.uint8)
    left, top = (grown[0] - size[0]) // 2, (grown[1] - size[1]) // 2
    return np.ascontiguousarray(image[top : top + size[1], left : left + size[0]])


def checkerboard(size: tuple[int, int]) -> Image:
    """(H, W, 3) grey squares, as image editors draw nothing."""
    rows, columns = np.mgrid[: size[1], : size[0]] // TILE
    return np.repeat(np.where((rows + columns) % 2, DARK, LIGHT).astype(np.uint8)[..., None], 3, axis=2)


def _matting(key: str, first: Image, alphas: Alphas | None) -> Matting:
    from .chroma_key import find_key, named_key

    if key == "alpha" and alphas is None:
        raise PictureError(
            "The picture has no transparent parts of its own: give a PNG or WebP that has, or use --key auto."
        )
    if alphas is not None and key in ("alpha", "auto"):
        return OwnMatting(alphas)
    colour = None if key == "auto" else colour_of(key)
    if key != "auto" and colour is None:
        raise OptionError(f"key is '{key}'; it can be auto, alpha, or the screen's colour such as #00b140.")
    return ScreenMatting(find_key(first) if colour is None else named_key(colour))


def _open_background(words: str, fps: Fraction) -> VideoSource:
    from PIL import ImageColor

    from .video import open_picture

    path = Path(words)
    if not path.exists():
        close = nearest(words, ["keep", "transparent", *ImageColor.colormap]).partition("Known")[0]
        raise OptionError(
            f"background is '{words}': no such file, and no colour. It can be keep, transparent, a colour (#rrggbb or "
            f"a name), or the path of a picture or video. {close}".strip()
        )
    return open_picture(path, fps, LIMIT_SIDE)
