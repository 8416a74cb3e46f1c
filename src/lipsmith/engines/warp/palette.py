"""The colours of the inside of a mouth, estimated from the skin, the lips, the eyes and the light around it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
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
_IVORY = np.array([1.04, 1.0, 0.88], np.float32)
_DARK_FEATURES = [*_EYES, [98, 97, 2, 326, 327, 294, 278, 4, 48, 64]]
"""Contours of the eyes and of the underside of the nose: pupils, lashes and nostrils are a face's darkest parts."""
_SOBEL_BLUR = 0.85
"""px: what ``edge_softness`` measures where edges are perfectly sharp."""
_GREY = 0.06
"""Saturation of the skin below which a picture counts as black-and-white."""
_SAME_TINT = 0.03
"""Largest difference of lips and skin in red, green and blue, relative to their luma, in a picture of a single tint."""

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
    softness: float  # how blurred the picture's edges are: standard deviation in eye distances

    @property
    def gum(self) -> Colour:
        """Between lip and tongue, paler than both."""
        return as_float32(0.45 * self.lip + 0.35 * self.tongue + 0.20 * self.skin)

    def relative_light(self, across: Array) -> Array:
        """0.5..1.5: light ``across`` eye distances right of the mouth's middle, relative to the middle."""
        light = 1 + np.float32(self.slant) * across
        np.maximum(light, 0.5, out=light)
        return np.minimum(light, 1.5, out=light)


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
    features = np.concatenate([polygon_pixels(image, points[area]) for area in _DARK_FEATURES])
    dark = float(np.percentile(luma(features), 4)) if len(features) > 20 else 0.0
    tongue, cavity, shadow = _flesh(lip, skin, min(dark, 0.28 * bright))
    return Palette(
        skin=as_float32(skin),
        lip=as_float32(lip),
        teeth=_teeth_colour(image, points, skin, lip, bright),
        tongue=as_float32(tongue),
        cavity=as_float32(cavity),
        shadow=as_float32(shadow),
        bright=bright,
        slant=_light_slant(image, points, scale),
        softness=edge_softness(image, points, scale) / scale,
    )


def is_monochrome(skin: Numbers, lip: Numbers) -> bool:
    """Whether a picture is black-and-white or of a single tint such as sepia: lips have the hue of the skin."""
    if float(saturation(skin)) < _GREY and float(saturation(lip)) < 2 * _GREY:
        return True
    apart = lip / max(1.0, float(luma(lip))) - skin / max(1.0, float(luma(skin)))
    return float(np.abs(apart).max()) < _SAME_TINT


def _flesh(lip: Numbers, skin: Numbers, dark: float) -> tuple[Numbers, Numbers, Numbers]:
    """Tongue, cavity and shadow, of the lips' hue; of the picture's own tint in a monochrome one.

    The cavity is no darker than ``dark``, the luma of the darkest parts of eyes and nostrils.
    """
    lip_luma, skin_luma = float(luma(lip)), float(luma(skin))
    level = 0.5 * lip_luma + 0.2 * skin_luma
    flesh = 0.65 * lip / max(1.0, lip_luma) + 0.35 * skin / max(1.0, skin_luma)
    tongue = level * np.array([1.05, 0.94, 1.04]) * flesh
    cavity, shadow = lip * np.array([0.22, 0.115, 0.11]), lip * np.array([0.33, 0.21, 0.20])
    if is_monochrome(skin, lip):
        tint = lip / max(1.0, lip_luma)
        tongue, cavity, shadow = level * tint, 0.13 * lip_luma * tint, 0.25 * lip_luma * tint
    lift = max(0.0, 0.5 * dark - float(luma(cavity)))
    return tongue, cavity + lift * (0.5 + 0.5 * cavity / max(1.0, float(luma(cavity)))), shadow + 0.5 * lift


def _teeth_colour(image: Image, points: Numbers, skin: Colour, lip: Colour, bright: float) -> Colour:
    """Ivory a little darker than well-lit skin, or brighter where the skin is dark and the whites of the eyes are not.

    The tint lies between ivory, paler in pale pictures, and the skin's own. Green is at least .97 of the mean of red
    and blue, because lavender teeth belong to nobody, and blue is never more than red.
    """
    level = 0.97 * bright
    eyes = np.concatenate([polygon_pixels(image, points[eye]) for eye in _EYES])
    if len(eyes) > 20:
        level = float(np.clip(0.88 * float(np.percentile(luma(eyes), 88)), level, 1.3 * level))
    share = float(np.clip(1.3 * saturation(skin), 0.20, 0.60))
    ivory = 1 + (_IVORY - 1) * float(np.clip(3 * saturation(skin), 0.2, 1))
    tint = (1 - share) * ivory + share * skin / max(1.0, float(luma(skin)))
    if is_monochrome(skin, lip):
        tint = skin / max(1.0, float(luma(skin)))
    tint[2] = min(tint[2], tint[0])
    tint[1] = max(tint[1], 0.97 * (tint[0] + tint[2]) / 2)
    return np.asarray(np.clip(tint / float(luma(tint)) * np.clip(level, 40, 225), 0, 245), np.float32)


def edge_softness(image: Image, points: Numbers, scale: float) -> float:
    """Standard deviation, in px, of the blur of the sharpest edges around the eyes and the mouth.

    An edge of height h, blurred by s, is h / (s sqrt(2 pi)) steep. Its height is the range of a small neighbourhood.
    The steepness is measured by a filter that adds ``_SOBEL_BLUR`` of its own.
    """
    around = points[[33, 263, 61, 291, 159, 386]]
    x0, y0 = np.floor(around.min(0) - 0.08 * scale).astype(int).clip(0)
    x1, y1 = np.minimum(np.ceil(around.max(0) + 0.12 * scale).astype(int), (image.shape[1], image.shape[0]))
    if x1 - x0 < 8 or y1 - y0 < 8:
        return 0.4
    light = cv2.cvtColor(np.ascontiguousarray(image[y0:y1, x0:x1]), cv2.COLOR_RGB2GRAY).astype(np.float32)
    steep = np.hypot(cv2.Sobel(light, cv2.CV_32F, 1, 0, scale=0.125), cv2.Sobel(light, cv2.CV_32F, 0, 1, scale=0.125))
    reach = 2 * max(2, round(0.03 * scale)) + 1
    kernel = np.ones((reach, reach), np.uint8)
    height = cv2.dilate(light, kernel) - cv2.erode(light, kernel)
    edges = height > np.percentile(height, 80)
    blur = height[edges] / (np.sqrt(2 * np.pi) * np.maximum(steep[edges], 1e-3))
    sharpest = float(np.percentile(blur, 2)) if blur.size else 0.0
    return float(np.clip(np.sqrt(max(0.0, sharpest**2 - _SOBEL_BLUR**2)), 0.4, 0.01 * scale + 0.4))


def _light_slant(image: Image, points: Numbers, scale: float) -> float:
    """``Palette.slant``: the brightness beside the mouth, left against right."""
    left, right = (
        float(np.median([np.median(luma(patch_pixels(image, points[i], 0.06 * scale))) for i in indices]))
        for indices in (_LEFT_CHEEK, _RIGHT_CHEEK)
    )
    apart = float(np.linalg.norm(points[_RIGHT_CHEEK].mean(0) - points[_LEFT_CHEEK].mean(0))) / scale
    return float(np.clip((right - left) / max(1.0, right + left) * 2 / max(0.2, apart), -1.2, 1.2))
