"""The colours of a mouth that nobody has seen open: from the skin, the lips, the eyes and the light around."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...types import Array, Image
from .lips import CHEEK_PATCHES, INNER_LOWER, OUTER_LOWER
from .pixels import Numbers, fill, single

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_EYES = (
    [33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7],
    [362, 398, 384, 385, 386, 387, 388, 466, 263, 249, 390, 373, 374, 380, 381, 382],
)
_LEFT_CHEEK, _RIGHT_CHEEK = [57, 43, 212, 202, 186, 92], [287, 273, 432, 422, 410, 322]
_GREY = 0.06

Colour = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Palette:
    """Colours are (3,) RGB 0..255."""

    skin: Colour
    lip: Colour
    teeth: Colour
    tongue: Colour
    cavity: Colour
    shadow: Colour  # what everything inside the mouth darkens towards
    bright: float  # luma of well-lit skin
    slant: float  # relative change of light per eye distance, towards the image's right

    def shaded(self, across: Array) -> Array:
        """Relative light at places ``across`` eye distances right of the mouth's middle."""
        return np.asarray(np.clip(1 + self.slant * across, 0.5, 1.5), np.float32)


def luma(colours: Numbers) -> NDArray[np.float32]:
    """Brightness of (..., 3) RGB."""
    return np.asarray(colours @ LUMA, np.float32)


def saturation(colours: Numbers) -> NDArray[np.float32]:
    """0 grey .. 1 of (..., 3) RGB."""
    top = colours.max(-1)
    return np.asarray((top - colours.min(-1)) / np.maximum(top, 1), np.float32)


def patch(image: Image, centre: Numbers, side: float) -> NDArray[np.float32]:
    """(n, 3) RGB pixels of a square around a (2,) px centre; at least one."""
    height, width = image.shape[:2]
    reach = max(1, round(side / 2))
    x, y = int(np.clip(centre[0], 0, width - 1)), int(np.clip(centre[1], 0, height - 1))
    cut = image[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1]
    return cut.reshape(-1, 3).astype(np.float32)


def inside(image: Image, polygon: Numbers) -> NDArray[np.float32]:
    """(n, 3) RGB pixels inside a (k, 2) px polygon."""
    height, width = image.shape[:2]
    x0, y0 = np.floor(polygon.min(0)).astype(int).clip(0)
    x1, y1 = np.minimum(np.ceil(polygon.max(0)).astype(int) + 1, (width, height))
    if x1 <= x0 or y1 <= y0:
        return np.zeros((0, 3), np.float32)
    mask = fill((y1 - y0, x1 - x0), polygon - (x0, y0))
    return image[y0:y1, x0:x1][mask > 127].astype(np.float32)


def look(image: Image, landmarks: Numbers, scale: float) -> Palette:
    """Read the palette off (H, W, 3) RGB with (468, 3) px landmarks, ``scale`` px per eye distance."""
    points = landmarks[:, :2]
    skin_pixels = np.concatenate([patch(image, points[i], 0.1 * scale) for i in CHEEK_PATCHES])
    skin = np.median(skin_pixels, 0)
    bright = float(np.percentile(luma(skin_pixels), 75))
    lip_pixels = inside(image, points[OUTER_LOWER + INNER_LOWER[::-1]])
    lip = np.median(lip_pixels, 0) if len(lip_pixels) > 5 else 0.7 * skin
    lip_luma = float(luma(lip))
    tongue = 0.66 * lip + np.array([0.52, 0.24, 0.26]) * lip_luma * 0.26
    cavity = lip * np.array([0.25, 0.13, 0.135])
    shadow = lip * np.array([0.42, 0.30, 0.30])
    if float(saturation(skin)) < _GREY and float(saturation(lip)) < 2 * _GREY:
        tint = lip / max(1.0, lip_luma)
        tongue, cavity, shadow = (share * lip_luma * tint for share in (0.68, 0.15, 0.34))
    return Palette(
        skin=single(skin),
        lip=single(lip),
        teeth=_teeth(image, points, skin, bright),
        tongue=single(tongue),
        cavity=single(cavity),
        shadow=single(shadow),
        bright=bright,
        slant=_slant(image, points, scale),
    )


def _teeth(image: Image, points: Numbers, skin: Colour, bright: float) -> Colour:
    """Ivory at the level of well-lit skin, or of the eyes' whites where the skin is dark."""
    level = bright
    whites = [inside(image, points[eye]) for eye in _EYES]
    eyes = np.concatenate(whites)
    if len(eyes) > 20:
        level = max(level, min(0.88 * float(np.percentile(luma(eyes), 88)), 1.3 * level))
    share = float(np.clip(1.4 * saturation(skin), 0.3, 0.65))
    tint = 1 - share + share * skin / max(1.0, float(luma(skin)))
    return np.asarray(np.clip(tint * np.clip(level, 40, 235), 0, 245), np.float32)


def _slant(image: Image, points: Numbers, scale: float) -> float:
    """Light from the side: brightness beside the mouth, left against right."""
    left, right = (
        float(np.median([np.median(luma(patch(image, points[i], 0.06 * scale))) for i in indices]))
        for indices in (_LEFT_CHEEK, _RIGHT_CHEEK)
    )
    apart = float(np.linalg.norm(points[_RIGHT_CHEEK].mean(0) - points[_LEFT_CHEEK].mean(0))) / scale
    return float(np.clip((right - left) / max(1.0, right + left) * 2 / max(0.2, apart), -1.2, 1.2))
