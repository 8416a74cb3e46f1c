"""What shows between the lips: a cavity, a tongue, teeth drawn, kept or harvested."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from ...face.canonical import Points
from ...types import Array, Image
from .geometry import WIDEST, jaw_turn
from .palette import Palette
from .pixels import fill, single

SPRITE_SCALE = 400
"""px per eye distance of the drawn teeth."""
_HALF, _TALL = 0.30, 0.16
_UPPER = ((0.094, 0.074, 0.082, 0.074, 0.070, 0.09), (0.112, 0.098, 0.108, 0.092, 0.085, 0.08), 0.30)
_LOWER = ((0.060, 0.064, 0.074, 0.074, 0.074, 0.09), (0.095, 0.096, 0.102, 0.092, 0.085, 0.08), 0.27)
_ARCH = 1.2
"""The teeth lie on z = 1.2 x^2."""
UPPER_EDGE = 0.030
"""How far below the closed lip line the upper teeth end."""
LOWER_EDGE = -0.004
_GUM = 0.112
_LOWER_TALL = 0.096


@dataclass(frozen=True, slots=True, eq=False)
class Teeth:
    """Teeth as a picture in the head's own frame."""

    picture: Array  # (h, w, 3) RGB 0..255
    alpha: Array  # (h, w) 0..1
    corners: Points  # (3, 3) eye distances, own frame: what the picture's (0, 0), (w, 0) and (0, h) lie on

    def colour(self) -> Array:
        """(3,) RGB of teeth in good light."""
        return single(np.percentile(self.picture[self.alpha >= 0.8 * self.alpha.max()], 65, axis=0))


@dataclass(frozen=True, slots=True, eq=False)
class Interior:
    """All that is drawn between the lips of one face."""

    palette: Palette
    middle: Points  # (3,) eye distances: middle of the closed lip line, own frame
    upper: Array  # (h, w, 2) drawn upper teeth: shade, alpha
    lower: Array  # (h, w, 2)
    scale: float  # px per eye distance of the drawn teeth
    kept: Array | None = None  # (H, W) 0..1 over the material's picture: own pixels that stay
    harvested: Teeth | None = None
    light: float = 1.0  # this frame's light against the one the colours were seen in


@dataclass(frozen=True, slots=True, eq=False)
class Opening:
    """The opening of one frame, over its (h, w) box: plane coordinates, the lips' curves there, and the controls."""

    across: Array  # (h, w) plane x
    down: Array  # (h, w) plane y
    top: Array  # (h, w) plane y of the upper lip's edge in this column
    bottom: Array  # (h, w)
    centre: float  # plane x of the mouth's middle
    half: float  # half of its width
    highest: float  # plane y of the upper lip's edge at the middle
    lowest: float
    scale: float  # px per eye distance
    jaw: float
    pucker: float
    tongue: float


@cache
def teeth_sprite(upper: bool) -> Array:
    """(h, w, 2) shade and alpha of a row of teeth, SPRITE_SCALE px per eye distance, gums at the top."""
    widths, lengths, arch = _UPPER if upper else _LOWER
    width, height = int(2 * _HALF * SPRITE_SCALE), int(_TALL * SPRITE_SCALE)
    down, across = (np.mgrid[0:height, 0:width].astype(np.float32) + 0.5) / SPRITE_SCALE
    across = across - _HALF
    alpha, shade = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
    begin = 0.0
    for rank, (wide, long) in enumerate(zip(widths, lengths, strict=True)):
        inner, outer = (arch * np.sin(min(a / arch, 1.5)) for a in (begin, begin + wide))
        begin += wide
        for side in (-1, 1):
            from_middle = np.abs(across - side * (inner + outer) / 2) / ((outer - inner) / 2 * 1.02)
            cover, light = _tooth(from_middle, down, (outer - inner) * 0.51, long, rank)
            shade = np.where(cover > 0, light, shade)
            alpha = np.maximum(alpha, cover)
    return np.dstack([shade, alpha]).astype(np.float32)


def _tooth(from_middle: Array, down: Array, half: float, long: float, rank: int) -> tuple[Array, Array]:
    edge = long - 0.007 * np.minimum(from_middle, 1) ** 5 - (0.010 * from_middle**2 if rank == 2 else 0)
    gum = 0.010 + 0.012 * from_middle**2
    cover = np.clip((1 - from_middle) * half * SPRITE_SCALE + 0.5, 0, 1)
    cover = cover * np.clip((edge - down) * SPRITE_SCALE + 0.5, 0, 1)
    light = (1 - 0.20 * np.minimum(from_middle, 1) ** 6) * (1 - 0.10 * rank)
    light = light * (0.86 + 0.14 * np.clip((down - gum) / 0.05, 0, 1))
    light = light * (1 - 0.10 * np.clip((down - edge + 0.02) / 0.02, 0, 1))
    return single(cover), single(light)


def make_interior(
    palette: Palette, neutral: Points, scale: float, kept: Array | None = None, harvested: Teeth | None = None
) -> Interior:
    """Fit the drawn teeth to ``scale`` px per eye distance, and to a (468, 3) closed face in its own frame."""
    fit = float(np.clip(1.25 * scale / SPRITE_SCALE, 0.08, 1))
    upper, lower = (_shrunk(teeth_sprite(row), fit) for row in (True, False))
    middle = (neutral[13] + neutral[14]) / 2
    return Interior(palette, middle, upper, lower, SPRITE_SCALE * fit, kept, harvested)


def _shrunk(sprite: Array, fit: float) -> Array:
    return single(cv2.resize(sprite, None, fx=fit, fy=fit, interpolation=cv2.INTER_AREA))


def teeth_corners(interior: Interior, upper: bool, jaw: float) -> Points:
    """(3, 3) own frame: where the drawn row's left end, right end (both at the gums) and lower middle lie."""
    x = np.array([-0.2, 0.2, 0.0])
    y = np.array([0.0, 0.0, _TALL])
    points = interior.middle + np.stack([x, y * 0, _ARCH * x**2], 1)
    if upper:
        points[:, 1] += UPPER_EDGE - _GUM + y
        return np.asarray(points)
    points[:, 1] += LOWER_EDGE + _LOWER_TALL - y
    return np.asarray(points + jaw_turn(points, np.ones(3), WIDEST * jaw))


def sprite_corners(sprite: Array) -> Array:
    """(3, 2) px in the sprite of what ``teeth_corners`` names."""
    height, width = sprite.shape[:2]
    return np.array([[width / 6, 0], [width * 5 / 6, 0], [width / 2, height]], np.float32)


def draw(interior: Interior, opening: Opening, upper: Array, lower: Array) -> Array:
    """(h, w, 3) RGB 0..255 of cavity, tongue and the drawn rows of teeth, (h, w, 2) laid in place.

    Shadow inside a mouth is never grey: everything darkens towards a dark shade of the lips.
    """
    palette, o = interior.palette, opening
    gap = np.maximum(o.bottom - o.top, 1e-4)
    within = np.clip((o.down - o.top) / gap, 0, 1)
    depth = np.sin(np.pi * within) * np.minimum(gap / 0.14, 1)
    picture = (1.5 - 0.75 * depth)[..., None] * palette.cavity
    light = palette.shaded(o.across - o.centre)
    below = o.down - o.top
    picture = _tongue(picture, palette, o, light)
    reach = np.abs((o.across - o.centre) / max(1e-3, o.half)) ** 3
    lit = np.clip(1 - 0.70 * reach, 0, 1) * light * (1 - 0.45 * o.pucker)
    cover = np.clip(1.25 - 0.5 * reach, 0, 1) * (1 - 0.75 * o.pucker)
    shadows = (0.26 + 0.50 * np.clip(below / 0.14, 0, 1), 0.72 + 0.28 * np.clip(below / 0.03, 0, 1))
    for row, shadow in zip((lower, upper), shadows, strict=True):
        alpha = (row[..., 1] * cover)[..., None]
        bright = (row[..., 0] * shadow * lit)[..., None]
        picture += alpha * (palette.shadow + bright * (palette.teeth - palette.shadow) - picture)
    return single(picture)


def _tongue(picture: Array, palette: Palette, o: Opening, light: Array) -> Array:
    rise = max(0.0, o.lowest - o.highest)
    top = o.lowest - (0.035 + 0.42 * rise + 0.45 * rise * o.tongue)
    across, down = (o.across - o.centre) / 0.17, o.down - top
    alpha = np.clip((1 - across**2 - ((down - 0.13) / 0.13) ** 2) * 3, 0, 1) * 0.9
    glow = np.exp(-((2.1 * across) ** 2) - ((down - 0.045) / 0.03) ** 2) * 0.10 * float(palette.teeth.mean())
    bright = np.clip(0.25 + 0.75 * (o.down - o.top) / 0.10, 0.25, 1) * light
    flesh = (0.55 + 0.40 * np.clip((0.16 - down) / 0.16, 0, 1))[..., None] * palette.tongue + glow[..., None]
    picture += alpha[..., None] * (palette.shadow + bright[..., None] * (flesh - palette.shadow) - picture)
    return picture


def finish(picture: Array, opening: Opening, palette: Palette) -> Array:
    """A shaded rim along the lips, and as soft as the portrait."""
    o = opening
    for edge, reach, amount in ((o.down - o.top, 0.016, 0.55), (o.bottom - o.down, 0.012, 0.45)):
        rim = (amount * np.clip(1 - edge / reach, 0, 1))[..., None]
        picture += rim * (palette.shadow - picture)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), max(0.4, 0.0045 * o.scale)), np.float32)


def keep_mask(image: Image, upper: Points, lower: Points, scale: float) -> Array:
    """(H, W) 0..1: the inside of an open mouth between (11, 2) px lip contours, shrunk and feathered."""
    mask = fill(image.shape[:2], np.vstack([upper, lower[::-1]]))
    reach = max(1, round(0.010 * scale))
    mask = np.asarray(cv2.erode(mask, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)), np.uint8)
    return single(cv2.GaussianBlur(mask, (0, 0), max(0.6, 0.008 * scale))) / 255
