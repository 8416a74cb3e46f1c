"""How a video's pictures are turned and mirrored before they are shown: the display matrix of mp4, mov and mkv.

The matrix is ISO 14496-12's: with x to the right and y down, a pixel at (p, q) is shown at (a p + c q, b p + d q), and
FFmpeg keeps it as nine native 32-bit integers (a, b, u, c, d, v, x, y, w). Cameras write eight of them: four turns,
each plain or mirrored. Any other is replaced by the nearest of the eight.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from av.sidedata.sidedata import Type

if TYPE_CHECKING:
    from ..types import Image

MAX_SKEW = 0.02
"""A matrix within this of one of the eight counts as equal to it; about one degree."""


@dataclass(frozen=True, slots=True)
class Orientation:
    """One of the eight orientations: rows and columns change places first, then each axis may run backward."""

    transposed: bool = False
    flipped_x: bool = False
    flipped_y: bool = False
    exact: bool = True  # False: the file asks for another angle, and this is the nearest

    def turned(self, size: tuple[int, int]) -> tuple[int, int]:
        """Width and height in px after the turn. It is its own inverse."""
        return size[::-1] if self.transposed else size

    def apply(self, image: Image) -> Image:
        """The image (H, W, 3) as it is shown; the same array if nothing changes."""
        if self.transposed:
            image = image.swapaxes(0, 1)
        return np.ascontiguousarray(image[:: -1 if self.flipped_y else 1, :: -1 if self.flipped_x else 1])


def orientation_of(frame: Any) -> Orientation:
    """The orientation of a decoded frame, which carries the matrix of its file or of its own bit stream."""
    data = frame.side_data.get(Type.DISPLAYMATRIX)
    return Orientation() if data is None else orientation_of_matrix(bytes(data))


def orientation_of_matrix(data: bytes) -> Orientation:
    """The orientation nearest to the display matrix ``data`` (36 bytes). An impossible matrix counts as upright."""
    values = np.frombuffer(data, np.int32, 9).astype(float)
    a, b, c, d = values[[0, 1, 3, 4]]
    scale = np.hypot(np.hypot(a, b), np.hypot(c, d)) / np.sqrt(2)
    if not scale or not abs(a * d - b * c) > 1e-6 * scale**2:
        return Orientation()
    transposed = abs(b) + abs(c) > abs(a) + abs(d)
    x, y, aside = (c, b, (a, d)) if transposed else (a, d, (b, c))
    return Orientation(transposed, bool(x < 0), bool(y < 0), max(map(abs, aside)) <= MAX_SKEW * scale)


__all__ = ["Orientation", "orientation_of", "orientation_of_matrix"]
