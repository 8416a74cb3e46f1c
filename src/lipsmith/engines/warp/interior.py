"""The inside of an open mouth: cavity, tongue and the shade along the lips. Teeth are in ``teeth.py``."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ...face.canonical import Points
from ...types import Array
from .image_ops import as_float32
from .lip_opening import Opening
from .neutral import lip_line_middle
from .palette import Palette
from .teeth import SPRITE_SCALE, Teeth, draw_teeth, teeth_sprite


@dataclass(frozen=True, slots=True, eq=False)
class Interior:
    """All that is drawn between the lips of one face."""

    palette: Palette
    middle: Points  # (3,) eye distances: middle of the closed lip line, head's frame
    upper: Array  # (h, w, 2) drawn upper teeth: shade, alpha
    lower: Array  # (h, w, 2) drawn lower teeth
    scale: float  # px per eye distance of the drawn teeth
    kept: Array | None = None  # (H, W) 0..1 over the material's picture: source pixels that stay as they are
    harvested: Teeth | None = None  # the source's upper teeth, from the frame that shows them best
    light: float = 1.0  # this frame's light relative to the light in which the colours were measured


def make_interior(
    palette: Palette, neutral: Points, scale: float, kept: Array | None = None, harvested: Teeth | None = None
) -> Interior:
    """The interior of a face.

    Args:
        palette: the colours to draw in.
        neutral: (468, 3) closed face in the head's frame.
        scale: px per eye distance of the picture; the drawn teeth are scaled down to it.
        kept, harvested: see ``Interior``.
    """
    ratio = float(np.clip(1.25 * scale / SPRITE_SCALE, 0.08, 1))
    upper, lower = (_scaled_down(teeth_sprite(is_upper), ratio) for is_upper in (True, False))
    return Interior(palette, lip_line_middle(neutral), upper, lower, SPRITE_SCALE * ratio, kept, harvested)


def _scaled_down(sprite: Array, ratio: float) -> Array:
    return as_float32(cv2.resize(sprite, None, fx=ratio, fy=ratio, interpolation=cv2.INTER_AREA))


def draw_interior(palette: Palette, opening: Opening, teeth_rows: tuple[Array, Array]) -> Array:
    """(h, w, 3) RGB 0..255: cavity, tongue, and the upper and lower row of drawn teeth, each warped to (h, w, 2).

    Shadow inside a mouth is never grey: everything darkens towards a dark shade of the lips.
    """
    gap = np.maximum(opening.bottom - opening.top, 1e-4)
    within = np.clip((opening.down - opening.top) / gap, 0, 1)
    depth = np.sin(np.pi * within) * np.minimum(gap / 0.14, 1)
    picture = (1.5 - 0.75 * depth)[..., None] * palette.cavity
    light = palette.relative_light(opening.across - opening.centre)
    _draw_tongue(picture, palette, opening, light)
    draw_teeth(picture, opening, palette, light, teeth_rows)
    return as_float32(picture)


def _draw_tongue(picture: Array, palette: Palette, opening: Opening, light: Array) -> None:
    """Draw the tongue onto an (h, w, 3) picture in place: an ellipse that follows the lower lip, with a highlight."""
    open_by = max(0.0, opening.lower_middle - opening.upper_middle)
    top = opening.lower_middle - (0.035 + 0.42 * open_by + 0.45 * open_by * opening.tongue)
    across, down = (opening.across - opening.centre) / 0.17, opening.down - top
    alpha = np.clip((1 - across**2 - ((down - 0.13) / 0.13) ** 2) * 3, 0, 1) * 0.9
    highlight = np.exp(-((2.1 * across) ** 2) - ((down - 0.045) / 0.03) ** 2) * 0.10 * float(palette.teeth.mean())
    bright = np.clip(0.25 + 0.75 * (opening.down - opening.top) / 0.10, 0.25, 1) * light
    flesh = (0.55 + 0.40 * np.clip((0.16 - down) / 0.16, 0, 1))[..., None] * palette.tongue + highlight[..., None]
    picture += alpha[..., None] * (palette.shadow + bright[..., None] * (flesh - palette.shadow) - picture)


def shade_and_soften(picture: Array, opening: Opening, palette: Palette) -> Array:
    """(h, w, 3) RGB 0..255: the interior with a shaded rim along both lips, blurred as softly as a portrait is."""
    above, below = opening.down - opening.top, opening.bottom - opening.down
    for distance, reach, amount in ((above, 0.016, 0.55), (below, 0.012, 0.45)):
        rim = (amount * np.clip(1 - distance / reach, 0, 1))[..., None]
        picture += rim * (palette.shadow - picture)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), max(0.4, 0.0045 * opening.scale)), np.float32)
