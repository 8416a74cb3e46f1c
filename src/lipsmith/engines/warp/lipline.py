"""Lay the landmarks' lip line onto the dark line between closed lips."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ...face.canonical import Points, Pose
from ...types import Image
from .lips import INNER_LOWER, INNER_UPPER, LOWER_RINGS, UPPER_RINGS
from .spline import monotone_curve

REACH = 0.045
"""How far above and below the landmarks the line is looked for, in eye distances."""
OPEN = 0.04
"""A wider opening has no line between the lips."""
_FOLLOW = ((0.25, 1), (0.6, 2))
_COLUMNS = 61

Numbers = NDArray[np.float64]


def snap_lip_line(image: Image, landmarks: Points, pose: Pose) -> Points:
    """(468, 3) px landmarks whose inner lip contours meet on the darkest smooth path between the lips."""
    snapped = landmarks.copy()
    gap = np.linalg.norm(landmarks[INNER_LOWER] - landmarks[INNER_UPPER], axis=1) / pose.scale
    if gap.max() > OPEN:
        return snapped
    along = pose.rotation[:2, 0] / np.linalg.norm(pose.rotation[:2, 0])
    down = np.array([-along[1], along[0]])
    middle = (landmarks[INNER_UPPER] + landmarks[INNER_LOWER])[:, :2] / 2
    centre = middle.mean(0)
    x, y = (middle - centre) @ along, (middle - centre) @ down
    at = np.linspace(x[0], x[-1], _COLUMNS)
    curve = monotone_curve(x, y, at)
    offsets = np.linspace(-REACH, REACH, max(15, int(2 * REACH * pose.scale) + 1)) * pose.scale
    rows = curve[None] + offsets[:, None]
    places = centre + at[None, :, None] * along + rows[..., None] * down
    shift = _dark_path(_darkness(image, places, pose.scale), offsets)
    moved = np.interp(x, at, shift)
    for line in (INNER_UPPER, INNER_LOWER):
        snapped[line, :2] = middle + moved[:, None] * down
    for share, ring in _FOLLOW:
        for rings in (UPPER_RINGS, LOWER_RINGS):
            inside = rings[ring, 1:-1]
            snapped[inside, :2] += share * moved[1:-1, None] * down
    return snapped


def _darkness(image: Image, places: Numbers, scale: float) -> Numbers:
    """Brightness at (n, m, 2) px, each column against its own mean."""
    x0, y0 = np.floor(places.reshape(-1, 2).min(0)).astype(int).clip(0)
    x1, y1 = np.ceil(places.reshape(-1, 2).max(0)).astype(int) + 2
    grey = cv2.cvtColor(image[y0 : max(y1, y0 + 2), x0 : max(x1, x0 + 2)], cv2.COLOR_RGB2GRAY)
    grey = cv2.GaussianBlur(grey, (0, 0), max(0.6, 0.006 * scale))
    seen = cv2.remap(grey, (places - (x0, y0)).astype(np.float32), None, cv2.INTER_LINEAR).astype(np.float64)
    return np.asarray((seen - seen.mean(0)) / (seen.std() + 1e-3))


def _dark_path(brightness: Numbers, offsets: Numbers) -> Numbers:
    """(m,) px: the cheapest smooth way through (n, m) brightness, found by dynamic programming."""
    cost = brightness + (offsets[:, None] / offsets[-1]) ** 2
    rows, columns = cost.shape
    total, came = cost.copy(), np.zeros((rows, columns), int)
    for column in range(1, columns):
        before = np.pad(total[:, column - 1], 1, constant_values=np.inf)
        ways = np.stack([before[:-2] + 0.15, before[1:-1], before[2:] + 0.15])
        came[:, column] = ways.argmin(0) - 1
        total[:, column] += ways.min(0)
    path = np.zeros(columns, int)
    path[-1] = total[:, -1].argmin()
    for column in range(columns - 1, 0, -1):
        path[column - 1] = path[column] + came[path[column], column]
    return np.convolve(np.pad(offsets[path], 3, "edge"), np.ones(7) / 7, "valid")
