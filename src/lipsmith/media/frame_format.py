"""What a decoded frame needs to be shown right: size, pixel aspect, orientation, colour matrix and range.

A video may change any of these midway: a recorded call whose phone is turned, a broadcast that goes from 4:3 to 16:9.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from av.video.reformatter import Colorspace

from .demux import tagged
from .orientation import Orientation, orientation_of
from .tone_map import ColourConversion, colour_conversion

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..types import Image

HD_LINES = 720
"""Without a colour matrix tag, a video with at least this many lines is BT.709, a smaller one BT.601."""
UNSPECIFIED = 2
HAIRLINE = 0.01
"""Bars narrower than this part of a side are left out; the picture is stretched over them instead."""


@dataclass(frozen=True, slots=True)
class FrameFormat:
    """The format of the frames of one part of a video."""

    size: tuple[int, int]  # width, height in px, as decoded
    aspect: Fraction  # width / height of a pixel
    orientation: Orientation
    matrix: int  # of the colours, as ITU-T H.273 numbers them
    range: int | None  # of the values, as FFmpeg numbers them; None: the pixel format's own
    conversion: ColourConversion | None  # to BT.709; None: none is needed

    @property
    def shown_size(self) -> tuple[int, int]:
        """Width and height in px after the pixels are made square and the picture is turned."""
        return self.orientation.turned((max(1, round(self.size[0] * self.aspect)), self.size[1]))


def with_formats(frames: Iterable[Any], stream: Any) -> Iterator[Any]:
    """Attach its format to every decoded frame, for ``format_of``, before a filter loses what it is read from.

    The aspect of a pixel is the bit stream's, which may change midway, unless the container states another one: then it
    is the container's until the bit stream's changes.
    """
    context, first, seen, now = stream.codec_context, None, None, None
    stated, probed = _ratio(stream.sample_aspect_ratio), _ratio(context.sample_aspect_ratio)
    for frame in frames:
        coded = _ratio(context.sample_aspect_ratio)
        first = first or coded
        aspect = stated if stated != probed and coded == first else coded
        source = tagged(frame)
        orientation, matrix = orientation_of(source), _colour_tags(frame)
        colours = int(source.color_primaries), int(source.color_trc)
        key = (frame.width, frame.height, aspect, orientation, matrix, colours)
        if key != seen:
            conversion = colour_conversion(*colours)
            seen, now = key, FrameFormat((frame.width, frame.height), aspect, orientation, *matrix, conversion)
        frame.opaque = (now,)  # a new tuple for each, as PyAV forgets an object when the first frame that has it ends
        yield frame


def format_of(frame: Any) -> FrameFormat:
    """The format that ``with_formats`` attached to a decoded frame. Filters keep it."""
    (form,) = frame.opaque
    assert isinstance(form, FrameFormat)
    return form


def _ratio(value: Fraction | None) -> Fraction:
    """A pixel aspect; what is not stated means square."""
    return Fraction(value or 1)


def _colour_tags(frame: Any) -> tuple[int, int | None]:
    """Colour matrix and range of a decoded frame; None: its default range."""
    matrix = frame.colorspace
    if matrix == UNSPECIFIED:
        matrix = Colorspace.ITU709 if min(frame.width, frame.height) >= HD_LINES else Colorspace.ITU601
    return matrix, frame.color_range or None


def fitted_size(size: tuple[int, int], frame: tuple[int, int]) -> tuple[int, int]:
    """The largest size with the aspect ratio of ``size`` that fits into ``frame``; both are width, height in px."""
    scale = min(Fraction(frame[0], size[0]), Fraction(frame[1], size[1]))
    inner = [max(1, round(side * scale)) for side in size]
    full = [full if full - side <= max(1, HAIRLINE * full) else side for side, full in zip(inner, frame, strict=True)]
    return full[0], full[1]


def with_bars(image: Image, size: tuple[int, int]) -> Image:
    """``image`` (H, W, 3) in the middle of a black picture of ``size`` (width, height in px, at least the image's).

    An alpha (H, W) stands in a clear one.
    """
    height, width = image.shape[:2]
    if (width, height) == size:
        return image
    framed = np.zeros((size[1], size[0], *image.shape[2:]), np.uint8)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    framed[top : top + height, left : left + width] = image
    return framed


__all__ = ["FrameFormat", "fitted_size", "format_of", "with_bars", "with_formats"]
