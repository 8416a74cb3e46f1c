"""How much of a face's mouth lies in the picture: one that is cut off cannot be seen to speak."""

from __future__ import annotations

from ..types import Array
from .points68 import LIPS, MOUTH, points68

MIN_INSIDE = 0.75
"""Share of the 20 lip points that must lie in the picture: with fewer the lower lip, which moves most, is cut off."""
OUTSIDE = "the mouth is outside the picture, all of it or more than a quarter"


def mouth_inside(landmarks: Array, size: tuple[int, int]) -> float:
    """Share of the lips' points, 0..1, in a picture of ``size`` (width, height) px; landmarks are (478, 3) px."""
    points = points68(landmarks)[LIPS.start : MOUTH.stop]
    inside = (points >= -0.5) & (points <= [size[0] - 0.5, size[1] - 0.5])
    return float(inside.all(1).mean())


__all__ = ["MIN_INSIDE", "OUTSIDE", "mouth_inside"]
