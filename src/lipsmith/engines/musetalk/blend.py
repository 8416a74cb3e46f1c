"""Which part of a drawn face is pasted, and where: the rectangle in which its mask is not empty.

``compose`` then pastes it. If all mask values are n / 255, the result is that of Pillow's paste, level by level: both
round (below * (255 - mask) + picture * mask) / 255 to the nearest, and there are no ties, because 255 is odd.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...types import Array, Crop, Image
from .box import Box
from .mask import PasteMask


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """The part of a face's box that is pasted."""

    face: Box
    box: Box  # px of the image: the part, within the face's box and within the image
    alpha: Array  # (h, w) 0..1 over the part, in 255ths

    @classmethod
    def of(cls, mask: PasteMask, face: Box, width: int, height: int) -> Patch | None:
        """The part of ``face`` that shows through ``mask`` in an image of ``width`` x ``height`` px; None: nothing."""
        left, top = mask.square[:2]
        x0, y0 = max(0, left, face[0]), max(0, top, face[1])
        x1, y1 = min(width, mask.square[2], face[2]), min(height, mask.square[3], face[3])
        seen = mask.alpha[y0 - top : max(y0, y1) - top, x0 - left : max(x0, x1) - left]
        rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
        if not len(rows):
            return None
        part = seen[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        x, y = x0 + int(columns[0]), y0 + int(rows[0])
        return cls(face, (x, y, x + part.shape[1], y + part.shape[0]), part.astype(np.float32) / np.float32(255))

    @property
    def crop(self) -> Crop:
        """Where the part goes, pixel for pixel."""
        return Crop.from_box(self.box)

    def fitted(self, picture: Image) -> Image:
        """(h, w, 3) of the part, from the (256, 256, 3) picture of the whole face scaled to its box."""
        import cv2

        x0, y0, x1, y1 = self.face
        whole = cv2.resize(picture, (x1 - x0, y1 - y0))
        left, top, right, bottom = self.box
        return np.asarray(whole[top - y0 : bottom - y0, left - x0 : right - x0], np.uint8)


__all__ = ["Patch"]
