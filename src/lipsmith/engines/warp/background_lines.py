"""Straight lines behind a head, which bend visibly when the head moves far: how far it should move before them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ...types import Image
from .spline import smoothstep

_SCALE = 40
"""px per eye distance of the copy that is searched."""
_WEAK, _STRONG = 30, 80
"""Thresholds of Canny's edges, grey levels per px."""
_SHORTEST, _GAP, _VOTES = 20, 3, 14
"""px of the copy: shortest line, largest gap within one; and votes of the probabilistic Hough transform."""
_FEW, _MANY = 0.7, 2.5
"""Length of lines per area, in 1 / eye distances: below the first nothing is held back, from the second on most."""
_LEAST = 0.55


def calm_before_lines(picture: Image, background: NDArray[np.bool_], scale: float) -> float:
    """.55 to 1: the share of a head's motion that leaves the background's lines straight enough.

    Of fourteen pictures twelve have .97 and more, a picture frame behind the head gives .78, a tiled wall .55.

    Args:
        picture: (h, w, 3) RGB.
        background: (rows, columns) over the picture: where the background behind the head bends.
        scale: px per eye distance.
    """
    height, width = picture.shape[:2]
    size = max(8, round(width * _SCALE / scale)), max(8, round(height * _SCALE / scale))
    interpolation = cv2.INTER_AREA if scale > _SCALE else cv2.INTER_LINEAR
    grey = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), size, interpolation=interpolation)
    edges = np.asarray(cv2.Canny(cv2.GaussianBlur(grey, (0, 0), 1.0), _WEAK, _STRONG))
    searched = np.asarray(cv2.resize(background.astype(np.float32), size)) > 0.5
    if not searched.any():
        return 1.0
    edges[~searched] = 0
    found = cv2.HoughLinesP(edges, 1, np.pi / 180, _VOTES, minLineLength=_SHORTEST, maxLineGap=_GAP)
    lines = np.zeros((0, 4)) if found is None else np.asarray(found, np.float64).reshape(-1, 4)
    length = np.linalg.norm(lines[:, 2:] - lines[:, :2], axis=1).sum() / _SCALE
    density = length / (searched.sum() / _SCALE**2)
    return 1 - (1 - _LEAST) * float(smoothstep(np.array(density), _FEW, _MANY))
