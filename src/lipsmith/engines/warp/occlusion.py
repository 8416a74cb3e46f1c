"""Whether something covers the mouth: a hand, a microphone, a mask.

In a video the mouth is compared with the person's other frames, in a single picture with the usual colour of lips.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...types import Array, Image
from .image_ops import Numbers, as_float32
from .palette import luma, patch_pixels

_SKIN = [18, 200, 199, 164, 57, 287, 43, 273, 212, 432, 202, 422, 92, 322]
_LIPS = [11, 72, 302, 16, 85, 315, 180, 404]
_CHEEKS = [50, 280, 205, 425]
_SKIN_SIDE, _LIP_SIDE = 0.07, 0.03
"""Sides of the square patches on skin and on lips, in eye distances."""
_LEAST_SPREAD = np.array([0.09, 0.035, 0.035])
"""Smallest spread of brightness and of both colour ratios: mouths open, and heads turn in the light."""
_OUTLIER_SPREADS = 3.5
_OUTLIER_DISTANCE = np.array([0.40, 0.13, 0.13])
"""A patch is an outlier when it differs by more than so many spreads and by more than this distance."""
_MAD_TO_SIGMA = 1.48
"""The standard deviation of a normal distribution over its median absolute deviation."""

_COLOURED_CHEEKS = 0.10
"""log(red / green) above which cheeks show colour; below it a picture is nearly black-and-white and tells nothing."""
_PALE = 0.3
"""Share of the cheeks' log(red / green) below which a patch is not of lips. Lips of ten portraits have 1.4 or more."""


@dataclass(frozen=True, slots=True, eq=False)
class SkinStatistics:
    """How one person's lips and the skin around them usually look, relative to the cheeks (see ``skin_colours``)."""

    median: Array  # (n, 3)
    spread: Array  # (n, 3) robust standard deviation
    light: float  # luma of the cheeks, 0..255

    def outlier_share(self, colours: Array) -> float:
        """0..1: share of the patches of (n, 3) colours that look unlike this person: the larger of skin and lips."""
        distance = np.abs(colours - self.median)
        outliers = ((distance > _OUTLIER_SPREADS * self.spread) & (distance > _OUTLIER_DISTANCE)).any(1)
        return float(max(outliers[: len(_SKIN)].mean(), outliers[len(_SKIN) :].mean()))


def skin_colours(image: Image, landmarks: Numbers, scale: float) -> Array:
    """(n, 3) colours of n patches on the skin around the mouth, then on the lips.

    Each is log brightness less that of the cheeks, log(red / green) and log(blue / green).

    Args:
        image: (H, W, 3) RGB.
        landmarks: (468, 3) px.
        scale: px per eye distance.
    """
    means = _patch_means(image, landmarks, scale, _SKIN)
    brightness = np.log(luma(means) + 10) - np.log(cheek_light(image, landmarks, scale) + 10)
    red, green, blue = np.log(means + 10).T
    return as_float32(np.stack([brightness, red - green, blue - green], 1))


def _patch_means(image: Image, landmarks: Numbers, scale: float, skin: list[int]) -> Array:
    """(n, 3) mean RGB of the patches at ``skin`` landmarks and then on the lips."""
    patches = [(i, _SKIN_SIDE) for i in skin] + [(i, _LIP_SIDE) for i in _LIPS]
    return np.stack([patch_pixels(image, landmarks[i, :2], side * scale).mean(0) for i, side in patches])


def mouth_is_covered(image: Image, landmarks: Numbers, scale: float) -> bool:
    """Whether something grey, green or blue lies on the lips and on the skin around them, in a single picture.

    Lipstick changes the lips alone and a beard the skin alone, so neither counts. Arguments as in ``skin_colours``.
    """
    means = _patch_means(image, landmarks, scale, [*_CHEEKS[:2], *_SKIN]) + 10
    redness = np.log(means[:, 0] / means[:, 1])
    cheeks, skin, lips = float(redness[:2].mean()), redness[2 : -len(_LIPS)], np.sort(redness[-len(_LIPS) :])
    pale_skin = float((skin < _PALE * cheeks).mean())
    return cheeks > _COLOURED_CHEEKS and lips[-2] < _PALE * cheeks and pale_skin > 1 / 3


def cheek_light(image: Image, landmarks: Numbers, scale: float) -> float:
    """Median luma of the cheeks, 0..255. Arguments as in ``skin_colours``."""
    cheeks = np.stack([patch_pixels(image, landmarks[i, :2], _SKIN_SIDE * scale).mean(0) for i in _CHEEKS])
    return float(np.median(luma(cheeks)))


def skin_statistics(colours: list[Array], lights: list[float]) -> SkinStatistics:
    """Statistics over many frames, given each frame's (n, 3) ``skin_colours`` and ``cheek_light``."""
    frames = np.stack(colours)
    median = np.median(frames, 0)
    spread = _MAD_TO_SIGMA * np.median(np.abs(frames - median), 0)
    return SkinStatistics(median, as_float32(np.maximum(spread, _LEAST_SPREAD)), float(np.median(lights)))
