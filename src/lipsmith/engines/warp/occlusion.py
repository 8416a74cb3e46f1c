"""Whether something lies before the mouth: it looks unlike the person's other frames, or unlike lips at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...types import Array, Image
from .palette import luma, patch
from .pixels import Numbers, single

_SKIN = [18, 200, 199, 164, 57, 287, 43, 273, 212, 432, 202, 422, 92, 322]
_LIPS = [11, 72, 302, 16, 85, 315, 180, 404]
_CHEEKS = [50, 280, 205, 425]
_SIDES = (0.07, 0.03)
_USUAL_CHANGE = np.array([0.09, 0.035, 0.035])
"""Smallest spread of brightness and of both hues that counts as usual: mouths open, heads turn in the light."""
_STRANGE = 3.5
_LEAST = np.array([0.40, 0.13, 0.13])
"""A patch is strange beyond so many spreads, and beyond so much."""


_RUDDY = 0.10
"""Log of red over green from which cheeks have the colour of skin: black-and-white pictures tell nothing."""
_PALE = 0.3
"""Share of the cheeks' redness below which no lips are; the least of ten portraits is 1.4."""


@dataclass(frozen=True, slots=True, eq=False)
class UsualSkin:
    """How one person's lips and the skin around them usually look, against the cheeks."""

    middle: Array  # (n, 3)
    spread: Array  # (n, 3)
    light: float  # luma of the cheeks

    def strange(self, colours: Array) -> float:
        """0..1: share of the patches of (n, 3) ``colours``, of skin or of lips, that look like something else."""
        away = np.abs(colours - self.middle)
        strange = ((away > _STRANGE * self.spread) & (away > _LEAST)).any(1)
        return float(max(strange[: len(_SKIN)].mean(), strange[len(_SKIN) :].mean()))


def skin_colours(image: Image, landmarks: Numbers, scale: float) -> Array:
    """(n, 3) of patches at and around the mouth of (468, 3) px landmarks.

    Each is log brightness, less the cheeks', and the logs of red over green and blue over green.
    """
    places = [(i, _SIDES[0]) for i in _SKIN] + [(i, _SIDES[1]) for i in _LIPS]
    seen = np.stack([patch(image, landmarks[i, :2], side * scale).mean(0) for i, side in places])
    bright = np.log(luma(seen) + 10) - np.log(cheek_light(image, landmarks, scale) + 10)
    red, green, blue = np.log(seen + 10).T
    return single(np.stack([bright, red - green, blue - green], 1))


def hidden_mouth(image: Image, landmarks: Numbers, scale: float) -> bool:
    """Whether something grey, green or blue lies on the lips and on skin around them, in a single picture.

    Neither lipstick, which leaves the skin, nor a beard, which leaves the lips, is taken for it.
    """
    places = [(i, _SIDES[0]) for i in (*_CHEEKS[:2], *_SKIN)] + [(i, _SIDES[1]) for i in _LIPS]
    seen = np.stack([patch(image, landmarks[i, :2], side * scale).mean(0) for i, side in places]) + 10
    red = np.log(seen[:, 0] / seen[:, 1])
    cheeks, skin, lips = float(red[:2].mean()), red[2 : -len(_LIPS)], np.sort(red[-len(_LIPS) :])
    return cheeks > _RUDDY and lips[-2] < _PALE * cheeks and float((skin < _PALE * cheeks).mean()) > 1 / 3


def cheek_light(image: Image, landmarks: Numbers, scale: float) -> float:
    """Luma of the cheeks, 0..255."""
    cheeks = np.stack([patch(image, landmarks[i, :2], _SIDES[0] * scale).mean(0) for i in _CHEEKS])
    return float(np.median(luma(cheeks)))


def usual_skin(seen: list[Array], lights: list[float]) -> UsualSkin:
    """From (n, 3) colours and the cheeks' light in many frames: their middles and the colours' robust spread."""
    colours = np.stack(seen)
    middle = np.median(colours, 0)
    spread = 1.48 * np.median(np.abs(colours - middle), 0)
    return UsualSkin(middle, single(np.maximum(spread, _USUAL_CHANGE)), float(np.median(lights)))
