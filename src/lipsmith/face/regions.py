"""The image regions that face networks read, and the conversion of coordinates to such a region and back.

Coordinates are px of the image, with pixel centres at whole numbers as in OpenCV.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..types import Array, Image

EYE_LEFT, EYE_RIGHT = 33, 263
"""Landmarks of the outer eye corners, as seen on the screen."""
MIN_SIDE = 32
"""px: in an image with a shorter side no face is searched."""

_FACE_MARGIN = 1.5  # region side / face box side; the landmark network was trained with it
_FINE_SIDE = 256  # px: a smaller region is enlarged to this side
_COARSE_SIDE = 320  # px: a larger region is shrunk by the whole number that brings it nearest to this side
_OVERVIEW_SIDE = 640  # px: the long side of the image that detectors see is at most this
_TILE = 0.6  # of the short side


@dataclass(frozen=True, slots=True)
class Region:
    """A rotated square in px of the image."""

    x: float  # centre
    y: float
    side: float
    angle: float = 0.0  # rad, clockwise on the screen

    @classmethod
    def around(cls, box: Array, eyes: Array | None = None, margin: float = _FACE_MARGIN) -> Region:
        """The square around a (4,) px box with ``margin`` times its longer side, rotated like the (2, 2) px eyes."""
        x0, y0, x1, y1 = (float(value) for value in box)
        dx, dy = (0.0, 0.0) if eyes is None else (float(value) for value in eyes[1] - eyes[0])
        return cls((x0 + x1) / 2, (y0 + y1) / 2, margin * max(x1 - x0, y1 - y0), float(np.arctan2(dy, dx)))

    @classmethod
    def of(cls, landmarks: Array) -> Region:
        """The region in which the face with (478, 3) px landmarks is upright and centred for the landmark network."""
        return cls.around(box_of(landmarks), landmarks[[EYE_LEFT, EYE_RIGHT], :2])

    def moved(self, right: float, down: float, growth: float) -> Region:
        """The region shifted by ``right`` and ``down``, in shares of its side, and scaled by ``growth``."""
        return Region(self.x + right * self.side, self.y + down * self.side, self.side * growth, self.angle)

    def distance(self, other: Region) -> float:
        """The largest difference in x, y and side to the other region, as a share of the other's side."""
        away = max(abs(self.x - other.x), abs(self.y - other.y), abs(self.side - other.side))
        return away / max(other.side, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class RegionView:
    """A part of an image, enlarged or shrunk."""

    picture: Image  # (h, w, 3)
    zoom: Array  # (2,) picture px per image px
    corner: Array  # (2,) px of the image

    @classmethod
    def of(cls, image: Image, region: Region) -> RegionView | None:
        """The upright box around a region, scaled for the landmark network; None if it is outside the image."""
        height, width = image.shape[:2]
        half = region.side / 2 * (abs(np.cos(region.angle)) + abs(np.sin(region.angle))) + 2
        x0, y0 = max(0, int(region.x - half)), max(0, int(region.y - half))
        x1, y1 = min(width, int(region.x + half) + 1), min(height, int(region.y + half) + 1)
        factor = max(1, round(region.side / _COARSE_SIDE))
        if region.side < 2 or min(x1 - x0, y1 - y0) < 2 * factor:
            return None
        part = image[y0:y1, x0:x1]
        if region.side < _FINE_SIDE:
            return cls._enlarged(part, _FINE_SIDE / region.side, (x0, y0))
        return cls._shrunk(part, factor, (x0, y0))

    @classmethod
    def overview(cls, image: Image, box: tuple[int, int, int, int] | None = None) -> RegionView:
        """The image, or a whole-px box of it, shrunk to at most 640 px: for the detectors."""
        x0, y0, x1, y1 = box or (0, 0, image.shape[1], image.shape[0])
        part = image[y0:y1, x0:x1]
        return cls._shrunk(part, -(-max(part.shape[:2]) // _OVERVIEW_SIDE), (x0, y0))

    @classmethod
    def tiles(cls, image: Image) -> Iterator[RegionView]:
        """Squares of .6 of the short side that cover the image, each overlapping the next by half or more."""
        height, width = image.shape[:2]
        side = max(MIN_SIDE, round(_TILE * min(height, width)))

        def starts(length: int) -> list[int]:
            return [round(at) for at in np.linspace(0, length - side, 1 - (-2 * (length - side) // side))]

        return (cls.overview(image, (x, y, x + side, y + side)) for y in starts(height) for x in starts(width))

    @classmethod
    def _enlarged(cls, part: Image, scale: float, corner: tuple[int, int]) -> RegionView:
        import cv2

        size = (round(part.shape[1] * scale), round(part.shape[0] * scale))
        picture = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_CUBIC), np.uint8)
        zoom = np.array([size[0] / part.shape[1], size[1] / part.shape[0]], np.float32)
        return cls(picture, zoom, np.array(corner, np.float32))

    @classmethod
    def _shrunk(cls, part: Image, factor: int, corner: tuple[int, int]) -> RegionView:
        """Shrink by a whole number: many times faster than by other factors, and without aliasing."""
        import cv2

        width, height = max(1, part.shape[1] // factor), max(1, part.shape[0] // factor)
        picture = np.ascontiguousarray(part[: height * factor, : width * factor])
        if factor > 1:
            picture = np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        return cls(picture, np.full(2, 1 / factor, np.float32), np.array(corner, np.float32))

    def to_view(self, region: Region) -> Region:
        """A region of the image -> a region of the picture."""
        x, y = (np.array([region.x, region.y]) - self.corner + 0.5) * self.zoom - 0.5
        return Region(float(x), float(y), region.side * float(self.zoom[0]), region.angle)

    def to_image(self, points: Array) -> Array:
        """(n, 2) px of the picture, or (n, 3) with depth -> px of the image."""
        plane = (points[:, :2] + 0.5) / self.zoom - 0.5 + self.corner
        return np.asarray(np.concatenate([plane, points[:, 2:] / self.zoom[0]], 1), np.float32)


def box_of(landmarks: Array) -> Array:
    """(4,) px around (478, 3) landmarks; it may lie partly outside the image."""
    return np.array([*landmarks[:, :2].min(0), *landmarks[:, :2].max(0)], np.float32)


def iou(a: Array, b: Array) -> float:
    """Intersection over union of two (4,) boxes, 0..1."""
    width = float(min(a[2], b[2]) - max(a[0], b[0]))
    height = float(min(a[3], b[3]) - max(a[1], b[1]))
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / (area(a) + area(b) - width * height)


def area(box: Array) -> float:
    """px^2 of a (4,) box."""
    return float((box[2] - box[0]) * (box[3] - box[1]))
