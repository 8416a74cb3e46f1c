"""Teeth: two drawn rows where the source shows none, or the source's own teeth laid over the opening.

The upper row is fixed to the skull, the lower one turns with the jaw. Rows of the drawn teeth are (h, w, 2) sprites:
shade and alpha, both 0..1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from ...face.canonical import Points
from ...types import Array, Image
from .image_ops import as_float32, polygon_mask
from .lip_opening import Opening
from .palette import Palette
from .rig import MAX_JAW_ANGLE, jaw_displacement

SPRITE_SCALE = 400
"""px per eye distance of the drawn teeth."""
UPPER_EDGE = 0.030
"""How far below the closed lip line the upper teeth end, eye distances."""
LOWER_EDGE = -0.004
"""How far below the closed lip line the lower teeth begin, eye distances."""
_HALF_WIDTH, _HEIGHT = 0.30, 0.16  # of a sprite, eye distances
# Of each row, in eye distances: the teeth's widths and lengths, from the middle to the side, and the arch's radius.
_UPPER_ROW = ((0.094, 0.074, 0.082, 0.074, 0.070, 0.09), (0.112, 0.098, 0.108, 0.092, 0.085, 0.08), 0.30)
_LOWER_ROW = ((0.060, 0.064, 0.074, 0.074, 0.074, 0.09), (0.095, 0.096, 0.102, 0.092, 0.085, 0.08), 0.27)
_ARCH_DEPTH = 1.2  # the teeth lie on z = 1.2 x^2
_UPPER_LENGTH = 0.112
_LOWER_LENGTH = 0.096
_CANINE = 2


@dataclass(frozen=True, slots=True, eq=False)
class Teeth:
    """The source's own teeth: a picture placed in the head's frame."""

    picture: Array  # (h, w, 3) RGB 0..255
    alpha: Array  # (h, w) 0..1
    corners: Points  # (3, 3) eye distances, head's frame: where the picture's (0, 0), (w, 0) and (0, h) lie

    def colour(self) -> Array:
        """(3,) RGB 0..255 of well-lit teeth."""
        return as_float32(np.percentile(self.picture[self.alpha >= 0.8 * self.alpha.max()], 65, axis=0))

    def picture_corners(self) -> Array:
        """(3, 2) px in the picture of what ``corners`` places."""
        height, width = self.alpha.shape
        return np.array([[0, 0], [width, 0], [0, height]], np.float32)


@cache
def teeth_sprite(upper: bool) -> Array:
    """(h, w, 2) shade and alpha of the upper or lower row, SPRITE_SCALE px per eye distance, gums at the top."""
    widths, lengths, arch_radius = _UPPER_ROW if upper else _LOWER_ROW
    width, height = int(2 * _HALF_WIDTH * SPRITE_SCALE), int(_HEIGHT * SPRITE_SCALE)
    down, across = (np.mgrid[0:height, 0:width].astype(np.float32) + 0.5) / SPRITE_SCALE
    across = across - _HALF_WIDTH
    alpha, shade = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
    begin = 0.0
    for rank, (tooth_width, length) in enumerate(zip(widths, lengths, strict=True)):
        ends = (begin, begin + tooth_width)
        inner, outer = (arch_radius * np.sin(min(end / arch_radius, 1.5)) for end in ends)
        begin += tooth_width
        for side in (-1, 1):
            from_middle = np.abs(across - side * (inner + outer) / 2) / ((outer - inner) / 2 * 1.02)
            tooth_alpha, tooth_shade = _tooth(from_middle, down, (outer - inner) * 0.51, length, rank)
            shade = np.where(tooth_alpha > 0, tooth_shade, shade)
            alpha = np.maximum(alpha, tooth_alpha)
    return np.dstack([shade, alpha]).astype(np.float32)


def _tooth(from_middle: Array, down: Array, half_width: float, length: float, rank: int) -> tuple[Array, Array]:
    """Alpha and shade, each (h, w), of one tooth.

    ``from_middle`` is 0 at the tooth's middle and 1 at its side; ``rank`` counts teeth from the middle of the row.
    """
    edge = length - 0.007 * np.minimum(from_middle, 1) ** 5 - (0.010 * from_middle**2 if rank == _CANINE else 0)
    gum = 0.010 + 0.012 * from_middle**2
    alpha = np.clip((1 - from_middle) * half_width * SPRITE_SCALE + 0.5, 0, 1)
    alpha = alpha * np.clip((edge - down) * SPRITE_SCALE + 0.5, 0, 1)
    shade = (1 - 0.20 * np.minimum(from_middle, 1) ** 6) * (1 - 0.10 * rank)
    shade = shade * (0.86 + 0.14 * np.clip((down - gum) / 0.05, 0, 1))
    shade = shade * (1 - 0.10 * np.clip((down - edge + 0.02) / 0.02, 0, 1))
    return as_float32(alpha), as_float32(shade)


def row_corners(lip_middle: Points, upper: bool, jaw: float) -> Points:
    """(3, 3) head's frame: where a drawn row's left end, right end (both at the gums) and lower middle lie.

    ``lip_middle`` (3,) is the middle of the closed lip line in the head's frame; ``jaw`` is the control, 0..1.
    """
    x = np.array([-0.2, 0.2, 0.0])
    y = np.array([0.0, 0.0, _HEIGHT])
    points = lip_middle + np.stack([x, y * 0, _ARCH_DEPTH * x**2], 1)
    if upper:
        points[:, 1] += UPPER_EDGE - _UPPER_LENGTH + y
        return np.asarray(points)
    points[:, 1] += LOWER_EDGE + _LOWER_LENGTH - y
    return np.asarray(points + jaw_displacement(points, np.ones(3), MAX_JAW_ANGLE * jaw))


def sprite_corners(sprite: Array) -> Array:
    """(3, 2) px in the sprite of the points that ``row_corners`` places."""
    height, width = sprite.shape[:2]
    return np.array([[width / 6, 0], [width * 5 / 6, 0], [width / 2, height]], np.float32)


def draw_teeth(picture: Array, opening: Opening, palette: Palette, light: Array, rows: tuple[Array, Array]) -> None:
    """Draw the upper and lower row, each warped to (h, w, 2), onto an (h, w, 3) RGB 0..255 picture in place.

    ``light`` (h, w) is the relative light from the side. Teeth darken under the lips and towards the corners.
    """
    below = opening.down - opening.top
    towards_corner = np.abs((opening.across - opening.centre) / max(1e-3, opening.half_width)) ** 3
    lit = np.clip(1 - 0.70 * towards_corner, 0, 1) * light * (1 - 0.45 * opening.pucker)
    visible = np.clip(1.25 - 0.5 * towards_corner, 0, 1) * (1 - 0.75 * opening.pucker)
    upper_shadow = 0.72 + 0.28 * np.clip(below / 0.03, 0, 1)
    lower_shadow = 0.26 + 0.50 * np.clip(below / 0.14, 0, 1)
    for row, shadow in ((rows[1], lower_shadow), (rows[0], upper_shadow)):
        alpha = (row[..., 1] * visible)[..., None]
        bright = (row[..., 0] * shadow * lit)[..., None]
        picture += alpha * (palette.shadow + bright * (palette.teeth - palette.shadow) - picture)


def lay_source_teeth(picture: Array, opening: Opening, teeth: Array, alpha: Array) -> None:
    """Lay the source's teeth, (h, w, 3) RGB 0..255 and (h, w) alpha warped to the frame, onto a picture in place."""
    shadow = np.clip(0.7 + 0.3 * (opening.down - opening.top) / 0.03, 0, 1) * (1 - 0.3 * opening.pucker)
    picture += alpha[..., None] * (teeth * shadow[..., None] - picture)


def open_mouth_mask(image: Image, upper: Points, lower: Points, scale: float) -> Array:
    """(H, W) 0..1: the inside of an open mouth between (11, 2) px lip contours, shrunk and feathered.

    ``scale`` is px per eye distance.
    """
    mask = polygon_mask(image.shape[:2], np.vstack([upper, lower[::-1]]))
    reach = max(1, round(0.010 * scale))
    mask = np.asarray(cv2.erode(mask, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)), np.uint8)
    return as_float32(cv2.GaussianBlur(mask, (0, 0), max(0.6, 0.008 * scale))) / 255
