"""Replaces the background of people: by a colour, a picture, a video, or transparency."""

from __future__ import annotations

import tempfile
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
    from .chroma_key import Alpha, ChromaKey, Matte
    from .video import VideoSource

MAX_SIDE = 3840  # px; larger pictures are scaled down, as ``open_video_source`` does
TILE = 16  # px: side of a square of the checkerboard that shows transparency
LIGHT, DARK = 204, 153  # its greys
AlphaByIndex = Callable[[int], "Alpha"]
"""From the index of a source frame to its alpha, (H, W) uint8."""


@dataclass(frozen=True, slots=True)
class BackgroundOptions:
    """What the user wants behind the person, and how to separate the person from the present background."""

    background: str = "keep"  # keep, transparent, a colour (#rrggbb or a name), or the path of a picture or video
    key: str = "auto"  # auto, alpha (the picture's own transparency), or the colour of the screen
    head_moves: bool = False  # the source is a single picture, whose head the engine may move


class Background(Protocol):
    """The new background, frame by frame."""

    def at(self, index: int) -> Image:
        """The image (H, W, 3) behind the film's frame ``index``, which never decreases from call to call."""
        ...


class StillBackground:
    """The same image behind every frame."""

    def __init__(self, image: Image) -> None:
        self._image = image

    def at(self, index: int) -> Image:
        """The image."""
        return self._image


class VideoBackground:
    """A video at the film's frame rate, repeated from its beginning; one frame in memory."""

    def __init__(self, source: VideoSource, size: tuple[int, int]) -> None:
        self._frames: Iterator[Image] = chain.from_iterable(source.frames() for _ in repeat(None))
        self._size, self._next = size, 0
        self._image: Image | None = None

    def at(self, index: int) -> Image:
        """The video's frame at ``index``, scaled to the film's size."""
        for _ in range(self._next, index):
            next(self._frames)
        if self._image is None or index >= self._next:
            self._image, self._next = resize_to_cover(next(self._frames), self._size), index + 1
        return self._image


class Matting(Protocol):
    """Separates people from the background."""

    def matte(self, source_frame: SourceFrame, image: Image) -> Matte:
        """The matte of ``image`` (H, W, 3), the finished picture made from ``source_frame``."""
        ...


class ChromaKeyMatting:
    """Keys the finished picture, whose head may have moved; the inner part of the source frame's person is kept."""

    def __init__(self, key: ChromaKey, head_moves: bool = False) -> None:
        self._key, self._head_moves = key, head_moves
        self._last: tuple[Image, Alpha] | None = None

    def matte(self, source_frame: SourceFrame, image: Image) -> Matte:
        """The matte of ``image``; a drawn mouth never becomes a hole."""
        from .chroma_key import key_matte, solid_core

        if self._last is None or self._last[0] is not source_frame.image:
            self._last = source_frame.image, solid_core(source_frame.image, self._key, self._head_moves)
        return key_matte(image, self._key, self._last[1])


class AlphaMatting:
    """Uses the alpha channel of the source picture."""

    def __init__(self, alphas: AlphaByIndex) -> None:
        self._alphas = alphas

    def matte(self, source_frame: SourceFrame, image: Image) -> Matte:
        """The matte of ``source_frame``."""
        from .chroma_key import matte_from_alpha

        return matte_from_alpha(self._alphas(source_frame.index))


@dataclass(frozen=True, slots=True)
class BackgroundReplacement:
    """Cuts people out of each frame and puts another background behind them. One object per film."""

    matting: Matting
    background: Background | None  # None: the film is transparent
    notices: tuple[str, ...] = ()

    def finish(self, source_frame: SourceFrame, frame: AVFrame) -> AVFrame:
        """Composite ``frame``, made from ``source_frame``, over the background; or give it an alpha channel."""
        from .chroma_key import composite, cut_out

        matte = self.matting.matte(source_frame, frame.image)
        if self.background is None:
            return replace(frame, image=cut_out(frame.image, matte), alpha=matte.alpha)
        return replace(frame, image=composite(frame.image, matte, self.background.at(frame.index)))


def open_replacement(
    options: BackgroundOptions, first: Image, fps: Fraction, alphas: AlphaByIndex | None = None, sheet: bool = False
) -> BackgroundReplacement | None:
    """The background replacement of a film, or None if the background is kept.

    Args:
        options: what the user wants.
        first: (H, W, 3) the first source frame: it has the film's size, and its border shows the screen.
        fps: of the film; a background video is converted to it.
        alphas: the source's own alpha channels, if it has any; see ``open_alpha``.
        sheet: whether it is for a contact sheet, where a checkerboard shows transparency.

    Raises:
        OptionError: the background or the key is unknown.
        PictureError: no screen is found, the picture has no transparency, or the background cannot be read.
    """
    if options.background == "keep":
        return None
    clear, colour = options.background == "transparent", parse_colour(options.background)
    source = None if clear or colour is not None else _open_background(options.background, fps)
    matting = _open_matting(options.key, first, alphas, options.head_moves)
    size = (first.shape[1], first.shape[0])
    if clear:
        return BackgroundReplacement(matting, StillBackground(checkerboard(size)) if sheet else None)
    if source is None:
        return BackgroundReplacement(matting, StillBackground(np.full(first.shape, colour, np.uint8)))
    if source.info.frames == 1:
        return BackgroundReplacement(
            matting, StillBackground(resize_to_cover(next(iter(source.frames())), size)), source.info.notices
        )
    return BackgroundReplacement(matting, VideoBackground(source, size), source.info.notices)


def check_key(key: str, first: Image, alphas: AlphaByIndex | None) -> None:
    """Raise as ``open_replacement`` does unless ``key`` works on the first source frame, ``first`` (H, W, 3)."""
    _open_matting(key, first, alphas)


def open_alpha(source: VideoSource) -> AlphaByIndex | None:
    """The transparency of each frame of ``source`` by its index; None if every pixel of every frame is opaque."""
    if all(alpha.min() == 255 for alpha in source.alphas()):
        return None
    if source.info.frames == 1:
        alpha = next(iter(source.alphas()))
        return lambda _: alpha
    return _SpooledAlphas(source)


class _SpooledAlphas:
    """The transparency of a video's frames, in any order: each is decoded once and kept in a temporary file."""

    def __init__(self, source: VideoSource) -> None:
        from .spool import AlphaSpool

        self._coming, self._kept, self._spool = source.alphas(), 0, AlphaSpool(Path(tempfile.gettempdir()))

    def __call__(self, index: int) -> Alpha:
        while self._kept <= index:
            alpha = next(self._coming)
            self._spool.put(alpha)
            self._kept += 1
            if self._kept > index:
                return alpha
        return self._spool.get(index)


def parse_colour(text: str) -> tuple[int, int, int] | None:
    """RGB, 0..255, of "#rrggbb", "#rgb" or a CSS colour name; None for other text. Raises OptionError for a bad "#"."""
    from PIL import ImageColor

    if text.startswith("#"):
        if len(text) not in (4, 7) or not all(digit in "0123456789abcdefABCDEF" for digit in text[1:]):
            raise OptionError(f"'{text}' is no colour: write it as #rrggbb, such as #00b140.")
    elif text.lower() not in ImageColor.colormap:
        return None
    red, green, blue = ImageColor.getrgb(text)[:3]
    return red, green, blue


def resize_to_cover(image: Image, size: tuple[int, int]) -> Image:
    """Scale ``image`` to cover ``size`` (width, height in px), keeping its aspect ratio, and crop it centrally."""
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
    """(H, W, 3) grey squares, as image editors show transparency."""
    rows, columns = np.mgrid[: size[1], : size[0]] // TILE
    return np.repeat(np.where((rows + columns) % 2, DARK, LIGHT).astype(np.uint8)[..., None], 3, axis=2)


def _open_matting(key: str, first: Image, alphas: AlphaByIndex | None, head_moves: bool = False) -> Matting:
    from .chroma_key import find_key, named_key

    if key == "alpha" and alphas is None:
        raise PictureError(
            "The picture has no transparent parts of its own: give a PNG, WebP or video that has, or use --key auto."
        )
    if alphas is not None and key in ("alpha", "auto"):
        return AlphaMatting(alphas)
    colour = None if key == "auto" else parse_colour(key)
    if key != "auto" and colour is None:
        raise OptionError(f"key is '{key}'; it can be auto, alpha, or the screen's colour such as #00b140.")
    return ChromaKeyMatting(find_key(first) if colour is None else named_key(colour), head_moves)


def _open_background(text: str, fps: Fraction) -> VideoSource:
    from PIL import ImageColor

    from .demux import url_of
    from .video import open_video_source

    path = Path(text)
    if not path.exists() and not url_of(path):
        close = nearest(text, ["keep", "transparent", *ImageColor.colormap]).partition("Known")[0]
        raise OptionError(
            f"background is '{text}': no such file, and no colour. It can be keep, transparent, a colour (#rrggbb or "
            f"a name), or the path of a picture or video. {close}".strip()
        )
    return open_video_source(path, fps, MAX_SIDE)
