"""Where a portrait's eyelids end: the landmarks' lid curves, moved onto the edges in the picture."""

from __future__ import annotations

import numpy as np

from ...face.canonical import Points
from ...types import Array, Image
from .image_ops import Numbers, resample
from .palette import luma, polygon_pixels

COLUMNS = 25
"""Columns between the corners of the eye in which an edge is looked for."""
_ABOVE, _BELOW = -0.045, 0.055
"""How far above and below the landmarks' curve, in eye distances."""
_STEP = 0.0025
_HALF = 0.008
"""An edge is the difference between the brightness so far below and so far above it, in eye distances."""
_COST_OF_DISTANCE = 0.5
"""Cost of an offset of .045 from the landmarks, in shares of the strongest edge."""
_COST_OF_STEPS = 0.6
"""Cost of a bend of .01 between neighbouring columns."""
_FARTHEST_CORNER = 0.08
"""How far beyond the landmarks the corner of an eye may lie, in eye distances."""


def with_outer_corners(image: Image, points: Points, upper: list[int], lower: list[int], scale: float) -> Points:
    """Move the corners of an eye outwards as far as the white of the eye goes on; drawn eyes are wider than real ones.

    Args:
        image: (H, W, 3) RGB.
        points: (n, 2) px landmarks.
        upper, lower: indices of the lids' points, from one corner to the other; both share the corners.
        scale: px per eye distance.

    Returns:
        ``points`` with the two corners where the white ends.
    """
    first, last = points[upper[0]], points[upper[-1]]
    inside = polygon_pixels(image, points[[*upper, *lower[-2:0:-1]]])
    across = (last - first) / max(1e-6, float(np.linalg.norm(last - first)))
    down = np.array([-across[1], across[0]]) * scale
    below = points[lower[1:-1]] + 0.10 * down
    if len(inside) < 20:
        return points
    white = inside[luma(inside) >= np.percentile(luma(inside), 70)].mean(0)
    skin = np.median(resample(image.astype(np.float32), below[None])[0], 0)
    steps = np.arange(0.005, _FARTHEST_CORNER, 0.005)[:, None] * scale
    points = points.copy()
    for corner, way in ((upper[0], -across), (upper[-1], across)):
        colours = resample(image.astype(np.float32), (points[corner] + steps * way)[None])[0]
        like_white = np.linalg.norm(colours - white, axis=1) < 0.6 * np.linalg.norm(colours - skin, axis=1)
        count = len(steps) if like_white.all() else int(np.argmin(like_white))
        points[corner] = points[corner] + 0.005 * count * scale * way
    return points


def snap_lid(image: Image, curve: Points, down: Points, *, upper: bool) -> Points:
    """Move a lid's curve onto its edge.

    The upper lid ends where skin meets the dark lashes, the lower one where the eyeball meets skin. The smoothest path
    of strong edges is found by dynamic programming.

    Args:
        image: (H, W, 3) RGB.
        curve: (COLUMNS, 2) px from corner to corner.
        down: (2,) px per eye distance, towards the chin.
        upper: whether it is an upper lid.

    Returns:
        (COLUMNS,) eye distances by which the edge lies below the curve; 0 at the corners.
    """
    reach = (_ABOVE, 0.02) if upper else (-0.015, _BELOW)
    offsets = np.arange(reach[0], reach[1] + _STEP / 2, _STEP)
    light = _light(image, curve, down, offsets - _HALF) - _light(image, curve, down, offsets + _HALF)
    edges = light if upper else np.abs(light)
    strongest = np.percentile(edges[COLUMNS // 5 : -COLUMNS // 5].max(1), 50)
    if strongest < 4:  # of 255: no edge to be seen
        return np.zeros(COLUMNS)
    cost = -np.clip(edges / strongest, 0, 1) + (_COST_OF_DISTANCE if upper else 0.3) * (offsets / 0.045) ** 2
    found = offsets[_smoothest_path(cost)]
    found = np.convolve(np.pad(found, 3, "edge"), np.array([1, 2, 3, 4, 3, 2, 1]) / 16, "valid")
    t = np.linspace(0, 1, COLUMNS)
    return np.asarray(found * np.clip(np.minimum(t, 1 - t) / 0.10, 0, 1))


def _light(image: Image, curve: Points, down: Points, offsets: Points) -> Array:
    """(columns, offsets) brightness 0..255 at offsets below each point of the curve."""
    places = curve[:, None] + offsets[None, :, None] * down
    return luma(resample(image.astype(np.float32), places))


def _smoothest_path(cost: Numbers) -> list[int]:
    """For each row of (n, m) costs a column, such that costs and bends are least in all."""
    rows, columns = cost.shape
    bend = _COST_OF_STEPS * ((np.arange(columns)[:, None] - np.arange(columns)[None]) * _STEP / 0.01) ** 2
    total, before = cost[0], []
    for row in range(1, rows):
        through = total[None] + bend
        before.append(through.argmin(1))
        total = cost[row] + through.min(1)
    path = [int(total.argmin())]
    for choice in reversed(before):
        path.append(int(choice[path[-1]]))
    return path[::-1]
