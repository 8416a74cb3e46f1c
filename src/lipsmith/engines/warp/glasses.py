"""Whether somebody wears glasses: their bridge is a dark line across the nose."""

from __future__ import annotations

import numpy as np

from ...face.canonical import Points
from ...types import Image
from .image_ops import resample
from .palette import luma

_EYES = (133, 362)
"""FaceMesh's inner corners of the eyes."""
_COLUMNS, _ROWS = 9, 61
_HEIGHTS = (-0.16, 0.24)
"""Above and below the line through the inner corners, in eye distances: where a bridge may lie."""
_THICKEST, _DARK = 0.075, 0.72
"""Of a bridge: in eye distances, and its brightness as a share of the skin's above and below."""


def wears_glasses(picture: Image, landmarks: Points, scale: float) -> bool:
    """Whether the (h, w, 3) RGB picture shows a dark line across the nose of (468+, 3) px landmarks.

    Rimless glasses, and rims as bright as skin, are not noticed. ``scale``: px per eye distance.
    """
    left, right = landmarks[_EYES[0], :2], landmarks[_EYES[1], :2]
    across = (right - left) / max(1e-6, float(np.linalg.norm(right - left)))
    down = np.array([-across[1], across[0]]) * scale
    middle, width = (left + right) / 2, float(np.linalg.norm(right - left))
    heights = np.linspace(*_HEIGHTS, _ROWS)
    columns = np.linspace(-0.22, 0.22, _COLUMNS) * width
    places = middle + columns[None, :, None] * across + heights[:, None, None] * down
    light = luma(resample(picture.astype(np.float32), places))
    step = round(_THICKEST / (heights[1] - heights[0]))
    around = np.minimum(light[: -2 * step], light[2 * step :])  # the darker of the skin above and below
    line = light[step:-step] < _DARK * around
    return bool(line.any(0).mean() > 0.85 and np.ptp(line.argmax(0)[line.any(0)]) <= 1.5 * step)
