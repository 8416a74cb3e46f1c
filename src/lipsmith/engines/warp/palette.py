"""The colours of the inside of a mouth, estimated from the skin, the lips, the eyes and the light around it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...types import Array, Image
from .image_ops import Numbers, as_float32, polygon_mask
from .landmark_indices import CHEEK_PATCHES, INNER_LOWER, OUTER_LOWER

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of red, green and blue in luma (ITU-R BT.601)."""
_EYES = (
    [33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7],
    [362, 398, 384, 385, 386, 387, 388, 466, 263, 249, 390, 373, 374, 380, 381, 382],
)
_LEFT_CHEEK, _RIGHT_CHEEK = [57, 43, 212, 202, 186, 92], [287, 273, 432, 422, 410, 322]
_GREY = 0.06
"""Saturation of the skin below which a picture counts as black-and-white."""

Colour = NDArray[np.float32]
"""(3,) RGB 0..255."""


@dataclass(frozen=True, slots=True, eq=False)
class Palette:
    """The colours, and how the face is lit."""

    skin: Colour
    lip: Colour
    teeth: Colour
    tongue: Colour
    cavity: Colour
    shadow: Colour  # what everything inside the mouth darkens towards
    bright: float  # luma of well-lit skin, 0..255
    slant: float  # relative change of light per eye distance, towards the image's right

    def relative_light(self, across: Array) -> Array:
        """0.5..1.5: light ``across`` eye distances right of the mouth's middle, relative to the middle."""
        return np.asarray(np.clip(1 + self.slant * across, 0.5, 1.5), np.float32)


def luma(colours: Numbers) -> NDArray[np.float32]:
    """(...) luma of (..., 3) RGB, of the same range."""
    return np.asarray(colours @ LUMA, np.float32)


def saturation(colours: Numbers) -> NDArray[np.float32]:
    """(...) saturation of (..., 3) RGB 0..255 as in HSV: 0 grey .. 1."""
    top = colours.max(-1)
    return np.asarray((top - colours.min(-1)) / np.maximum(top, 1), np.float32)


def patch_pixels(image: Image, centre: Numbers, side: float) -> NDArray[np.float32]:
    """(n, 3) RGB pixels of a square of ``side`` px around a (2,) px centre; at least one pixel."""
    height, width = image.shape[:2]
    reach = max(1, round(side / 2))
    x, y = int(np.clip(centre[0], 0, width - 1)), int(np.clip(centre[1], 0, height - 1))
    cut = image[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1]
    return cut.reshape(-1, 3).astype(np.float32)


def polygon_pixels(image: Image, polygon: Numbers) -> NDArray[np.float32]:
    """(n, 3) RGB pixels inside a (k, 2) px polygon; n is 0 when it lies outside the image."""
    height, width = image.shape[:2]
    x0, y0 = np.floor(polygon.min(0)).astype(int).clip(0)
    x1, y1 = np.minimum(np.ceil(polygon.max(0)).astype(int) + 1, (width, height))
    if x1 <= x0 or y1 <= y0:
        return np.zeros((0, 3), np.float32)
    mask = polygon_mask((y1 - y0, x1 - x0), polygon - (x0, y0))
    return image[y0:y1, x0:x1][mask > 127].astype(np.float32)


def estimate_palette(image: Image, landmarks: Numbers, scale: float) -> Palette:
    """The palette of a face in (H, W, 3) RGB with (468+, 2+) px landmarks, ``scale`` px per eye distance."""
    points = landmarks[:, :2]
    skin_pixels = np.concatenate([patch_pixels(image, points[i], 0.1 * scale) for i in CHEEK_PATCHES])
    skin = np.median(skin_pixels, 0)
    bright = float(np.percentile(luma(skin_pixels), 75))
    lip_pixels = polygon_pixels(image, points[OUTER_LOWER + INNER_LOWER[::-1]])
    lip = np.median(lip_pixels, 0) if len(lip_pixels) > 5 else 0.7 * skin
    lip_luma = float(luma(lip))
    tongue = 0.66 * lip + np.array([0.52, 0.24, 0.26]) * lip_luma * 0.26
    cavity = lip * np.array([0.25, 0.13, 0.135])
    shadow = lip * np.array([0.42, 0.30, 0.30])
    if float(saturation(skin)) < _GREY and float(saturation(lip)) < 2 * _GREY:
        tint = lip / max(1.0, lip_luma)
        tongue, cavity, shadow = (share * lip_luma * tint for share in (0.68, 0.15, 0.34))
    return Palette(
        skin=as_float32(skin),
        lip=as_float32(lip),
        teeth=_teeth_colour(image, points, skin, bright),
        tongue=as_float32(tongue),
        cavity=as_float32(cavity),
        shadow=as_float32(shadow),
        bright=bright,
        slant=_light_slant(image, points, scale),
    )


def _teeth_colour(image: Image, points: Numbers, skin: Colour, bright: float) -> Colour:
    """Ivory as bright as well-lit skin, or brighter where the skin is dark and the whites of the eyes are not."""
    level = bright
    eyes = np.concatenate([polygon_pixels(image, points[eye]) for eye in _EYES])
    if len(eyes) > 20:
        level = max(level, min(0.88 * float(np.percentile(luma(eyes), 88)), 1.3 * level))
    share = float(np.clip(1.4 * saturation(skin), 0.3, 0.65))
    tint = 1 - share + share * skin / max(1.0, float(luma(skin)))
    return np.asarray(np.clip(tint * np.clip(level, 40, 235), 0, 245), np.float32)


def _light_slant(image: Image, points: Numbers, scale: float) -> float:
    """``Palette.slant``: the brightness beside the mouth, left against right."""
    left, right = (
        float(np.median([np.median(luma(patch_pixels(image, points[i], 0.06 * scale))) for i in indices]))
        for indices in (_LEFT_CHEEK, _RIGHT_CHEEK)
    )
    apart = float(np.linalg.norm(points[_RIGHT_CHEEK].mean(0) - points[_LEFT_CHEEK].mean(0))) / scale
    return float(np.clip((right - left) / max(1.0, right + left) * 2 / max(0.2, apart), -1.2, 1.2))
