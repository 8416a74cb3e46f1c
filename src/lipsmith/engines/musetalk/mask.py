"""The mask through which a drawn face is pasted: the parsed region below the middle of its box, with a soft edge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import FaceError
from ...types import Image
from .box import Box

EXPAND = 1.5
"""Side of the square around a face / longer side of its box."""
UPPER = 0.5
"""Share of that square, from its top, in which nothing is pasted."""


@dataclass(frozen=True, slots=True, eq=False)
class PasteMask:
    """A mask over the square around a face."""

    alpha: NDArray[np.uint8]  # (side, side) 0..255
    square: Box


def square_around(box: Box, expand: float = EXPAND) -> Box:
    """The square in which a face is parsed and pasted; it may leave the image.

    Raises:
        FaceError: the box is too small to paste anything.
    """
    x0, y0, x1, y1 = box
    half = int(max(x1 - x0, y1 - y0) // 2 * expand)
    if half < 1:
        raise FaceError(f"The face's box is {x1 - x0} x {y1 - y0} px; a face of at least 2 px is needed to paste one.")
    x, y = (x0 + x1) // 2, (y0 + y1) // 2
    return x - half, y - half, x + half, y + half


def cut_out(image: Image, square: Box) -> Image:
    """(side, side, 3) of (H, W, 3): the square, black where it leaves the image."""
    x0, y0, x1, y1 = square
    height, width = image.shape[:2]
    left, top, right, bottom = max(0, x0), max(0, y0), min(width, x1), min(height, y1)
    seen = np.zeros((y1 - y0, x1 - x0, 3), np.uint8)
    if right > left and bottom > top:
        seen[top - y0 : bottom - y0, left - x0 : right - x0] = image[top:bottom, left:right]
    return seen


def paste_mask(
    region: NDArray[np.bool_], box: Box, feather: float, upper: float = UPPER, expand: float = EXPAND
) -> PasteMask:
    """The mask of a face whose box is ``box``.

    The region is scaled to the square with Pillow's bicubic filter, kept inside the box and below ``upper``, and
    blurred over a share of ``feather`` of the square: .05 in upstream's offline script, .1 in its realtime one.

    Args:
        region: (512, 512) bool over the square: what belongs to the lower face.

    Raises:
        FaceError: the box is too small to paste anything.
    """
    from PIL import Image as Pillow

    square = square_around(box, expand)
    side = square[2] - square[0]
    grey = Pillow.fromarray(np.where(region, 255, 0).astype(np.uint8))
    scaled = np.asarray(grey.resize((side, side), Pillow.Resampling.BICUBIC))
    alpha = np.zeros((side, side), np.uint8)
    x0, y0, x1, y1 = (value - square[axis % 2] for axis, value in enumerate(box))
    inside = slice(max(0, y0), y1), slice(max(0, x0), x1)
    alpha[inside] = scaled[inside]
    alpha[: int(side * upper)] = 0
    return PasteMask(_blurred(alpha, blur_kernel(side, feather)), square)


def _blurred(alpha: NDArray[np.uint8], kernel: int) -> NDArray[np.uint8]:
    """Blur only what the kernel can reach from something: the rest stays zero."""
    import cv2

    rows, columns = np.flatnonzero(alpha.any(1)), np.flatnonzero(alpha.any(0))
    if not len(rows):
        return alpha
    reach = tuple(slice(max(0, int(one[0]) - kernel), int(one[-1]) + kernel + 1) for one in (rows, columns))
    alpha[reach] = cv2.GaussianBlur(alpha[reach], (kernel, kernel), 0)
    return alpha


def blur_kernel(side: int, feather: float) -> int:
    """px, odd: how wide the mask's edge is blurred in a square of ``side`` px."""
    return int(feather * side // 2 * 2) + 1
