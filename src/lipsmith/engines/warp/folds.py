"""Whether the skin turns over anywhere that it shows."""

from __future__ import annotations

import numpy as np

from ...types import Array
from .material import WarpMaterial
from .mesh import LEFT, STEP, TOP, cell_centres, pull
from .render import aimed, mouth_of


def folded(material: WarpMaterial, controls: Array) -> float:
    """Share of the grid's cells whose way back to the source turns over (Jacobian not positive) under (8,) controls.

    Each sheet counts where it is shown: the upper one above the lip line, the lower one below.
    """
    place = material.placement
    goal = place.to_plane(aimed(material, controls))
    pulls = pull(material.sheets, place, material.source, goal - material.sheets.centres)
    mouth = mouth_of(goal)
    x0, y0, x1, y1 = place.box
    rows, columns = place.start.shape[:2]
    nodes = cell_centres((rows, columns), (x1 - x0, y1 - y0), (x0, y0))
    across, down = place.start[..., 0] * STEP + LEFT, place.start[..., 1] * STEP + TOP
    above = down < np.interp(across, mouth.x, mouth.middle)
    counted = over = 0
    for layer, shown in zip(pulls, (above, ~above), strict=True):
        whole = shown[1:, 1:] & shown[:-1, :-1] & shown[1:, :-1] & shown[:-1, 1:]
        over += int((whole & (_jacobian(nodes - layer) <= 0)).sum())
        counted += int(whole.sum())
    return over / max(1, counted)


def _jacobian(source: Array) -> Array:
    """(rows - 1, columns - 1) signed area of each cell of (rows, columns, 2) px places."""
    along, below = np.diff(source[:-1], axis=1), np.diff(source[:, :-1], axis=0)
    return np.asarray(along[..., 0] * below[..., 1] - along[..., 1] * below[..., 0])
