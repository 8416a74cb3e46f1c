"""Converts FaceMesh's 478 landmarks to the 68 points of iBUG's 300-W, for networks trained on those."""

from __future__ import annotations

import numpy as np

from ..types import Array

POINTS = 68
JAW, BROWS, NOSE = slice(0, 17), slice(17, 27), slice(27, 36)
EYES = slice(36, 42), slice(42, 48)
LIPS, MOUTH = slice(48, 60), slice(60, 68)
"""Outer and inner edge of the lips; both begin at the corner on the left of the screen."""

MIRRORED = np.array([
    *range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, 35, 34, 33, 32, 31, 45, 44, 43, 42, 47, 46, 39, 38, 37, 36,
    41, 40, 54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65,
])  # fmt: skip
"""(68,) int: the index of each point in the mirror image."""

_EARS_TO_CHIN = (127, 234, (93, 132), (132, 58), (58, 172), 136, 149, (176, 148), 152)
_CHIN_TO_EARS = ((400, 377), 378, 365, (288, 397), (361, 288), (323, 361), 454, 356)
_BROWS = (70, 63, 105, 66, 107, 336, 296, 334, 293, 300)
_NOSE = (168, (6, 197), (195, 5), 4, 98, 97, 2, 326, 327)
_EYES = (33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380)
_LIPS = (61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181)
_MOUTH = (78, 82, 13, 312, 308, 317, 14, 87)

_PLACES = (*_EARS_TO_CHIN, *_CHIN_TO_EARS, *_BROWS, *_NOSE, *_EYES, *_LIPS, *_MOUTH)
_PAIRS = np.array([place if isinstance(place, tuple) else (place, place) for place in _PLACES])


def points68(landmarks: Array) -> Array:
    """(68, 2) px of (478, 3) landmarks.

    A point between two mesh points is their mean, so that the jaw (0-16) is evenly spaced along its arc, and the nose
    bridge (27-30) from between the eyes to the tip.
    """
    return np.asarray(landmarks[_PAIRS, :2].mean(1), np.float32)


__all__ = ["BROWS", "EYES", "JAW", "LIPS", "MIRRORED", "MOUTH", "NOSE", "POINTS", "points68"]
