"""A check for fold-over: whether the warp turns the skin inside out anywhere that it shows."""

from __future__ import annotations

import numpy as np

from ...types import Array
from .deform import target_landmarks
from .lip_opening import lip_curves
from .material import WarpMaterial
from .mesh import backward_displacements, cell_centres


def foldover_share(material: WarpMaterial, controls: Array) -> float:
    """0..1: share of the warp grid's cells that fold over (Jacobian not positive) under (8,) controls.

    Each layer counts only where it is shown: the upper one above the lip line, the lower one below.
    """
    mesh, placement = material.sheets, material.placement
    target = placement.to_plane(target_landmarks(material, controls))
    layers = backward_displacements(mesh, placement, material.source, target - mesh.centres)
    curves = lip_curves(target)
    x0, y0, x1, y1 = placement.box
    rows, columns = placement.start.shape[:2]
    nodes = cell_centres((rows, columns), (x1 - x0, y1 - y0), (x0, y0))
    across, down = placement.plane_nodes()
    above = down < np.interp(across, curves.x, curves.middle)
    cells = folded = 0
    for displacement, shown in zip(layers, (above, ~above), strict=True):
        whole = shown[1:, 1:] & shown[:-1, :-1] & shown[1:, :-1] & shown[:-1, 1:]
        folded += int((whole & (_signed_areas(nodes - displacement) <= 0)).sum())
        cells += int(whole.sum())
    return folded / max(1, cells)


def _signed_areas(places: Array) -> Array:
    """(rows - 1, columns - 1) signed area of each cell of a (rows, columns, 2) px grid."""
    along, below = np.diff(places[:-1], axis=1), np.diff(places[:, :-1], axis=0)
    return np.asarray(along[..., 0] * below[..., 1] - along[..., 1] * below[..., 0])
