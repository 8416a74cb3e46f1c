"""Two elastic sheets, upper and lower, that carry the skin: one sheet alone cannot open a mouth.

A sheet is a thin-plate spline over a reference plane whose centres never move, so that its basis is solved once: for a
still portrait the plane is the picture itself, for a film it is the person's own neutral face seen from the front, and
each frame's landmarks are then one more displacement. In both cases a picture point x came from

    x - A (T(w) - S(w)),   w = A^-1 x - T(w)

with A the affine way from the plane into the picture, T and S the sheets' target and source displacements on the plane.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ...face.canonical import Points
from ...types import Array
from .geometry import smoothstep
from .lips import LIPS, LOWER_LAYER, UPPER_LAYER
from .pixels import Numbers, look_up, single
from .spline import thin_plate_basis

LEFT, TOP, RIGHT, BOTTOM = -1.05, -0.80, 1.05, 1.05
"""The plane's rectangle around the middle of the mouth, in eye distances."""
STEP = 0.042
COLUMNS, ROWS = round((RIGHT - LEFT) / STEP) + 1, round((BOTTOM - TOP) / STEP) + 1
_BLOCK = 600
QUICK_ROUNDS, CALM_ROUNDS = 4, 6
"""Fixed-point rounds of the inversion; the calm ones settle where the skin stretches more than twofold."""


@dataclass(frozen=True, slots=True, eq=False)
class MeshLayer:
    """One sheet: its displacement over the plane's grid is ``basis`` times that of its ``points``."""

    STORED_AS: ClassVar[str] = "Layer"  # in the avatars on disk
    points: NDArray[np.int64]  # (n,) FaceMesh indices
    basis: Array  # (ROWS * COLUMNS, n)


@dataclass(frozen=True, slots=True, eq=False)
class MouthMesh:
    """Both layers' bases over the plane's grid."""

    STORED_AS: ClassVar[str] = "Sheets"  # in the avatars on disk
    centres: Array  # (468, 2) eye distances on the plane
    layers: tuple[MeshLayer, MeshLayer]  # upper, lower


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """Where the plane lies in a picture: an affine way, and a grid of nodes over a box."""

    forward: Array  # (2, 3) plane -> picture px
    inverse: Array  # (2, 3) picture px -> plane
    box: tuple[int, int, int, int]  # px of the picture: x0 y0 x1 y1
    start: Array  # (g, g, 2) each node's place on the plane, in steps of the plane's grid
    window: Array  # (g, g, 1) 1 around the mouth, 0 at the border

    @property
    def scale(self) -> float:
        """px per eye distance, downwards."""
        return float(np.hypot(self.forward[0, 1], self.forward[1, 1]))

    def to_plane(self, points: Numbers) -> Array:
        """(n, 2) px -> (n, 2) plane."""
        return np.asarray(points @ self.inverse[:, :2].T + self.inverse[:, 2], np.float32)


def make_mesh(shape: Points) -> MouthMesh:
    """Solve both bases for a (468, 3) shape in eye distances, x and y on the plane, z away from the camera.

    Points behind another part of the face do not take part: they would tear the sheet along the outline.
    """
    across, down = np.meshgrid(np.linspace(LEFT, RIGHT, COLUMNS), np.linspace(TOP, BOTTOM, ROWS))
    grid = np.stack([across.ravel(), down.ravel()], 1)
    sides = [(x, y) for x in np.linspace(LEFT, RIGHT, 9) for y in (TOP, BOTTOM)]
    sides += [(x, y) for y in np.linspace(-0.6, 0.85, 6) for x in (LEFT, RIGHT)]
    still, centres, behind = np.array(sides), shape[:, :2], _behind(shape)
    layers = []
    for points in (UPPER_LAYER, LOWER_LAYER):
        seen = points[~behind[points]]
        layers.append(MeshLayer(seen, thin_plate_basis(centres[seen], still, grid)))
    return MouthMesh(centres.astype(np.float32), (layers[0], layers[1]))


def _behind(shape: Points) -> NDArray[np.bool_]:
    """(468,) whether another point of the face lies clearly before a point, seen from the camera."""
    near = ((shape[:, None, :2] - shape[None, :, :2]) ** 2).sum(-1) < 0.05**2
    before = shape[None, :, 2] < shape[:, None, 2] - 0.09
    behind = (near & before).any(1)
    behind[LIPS] = False
    return np.asarray(behind)


def cell_centres(nodes: tuple[int, int], size: tuple[int, int], corner: tuple[int, int] = (0, 0)) -> Array:
    """(rows, columns, 2) px: centres of the cells that part a box of (width, height) px, as cv2.resize sees them."""
    rows, columns = nodes
    across = (np.arange(columns) + 0.5) * size[0] / columns - 0.5 + corner[0]
    down = (np.arange(rows) + 0.5) * size[1] / rows - 0.5 + corner[1]
    return single(np.stack(np.meshgrid(across, down), -1))


def sample(grid: Array, box: tuple[int, int, int, int], places: Array) -> Array:
    """(h, w, c) values of a (rows, columns, c) grid of cell centres over ``box`` at (h, w, 2) px, held outside."""
    rows, columns = grid.shape[:2]
    x0, y0, x1, y1 = box
    per_px = np.array([columns / (x1 - x0), rows / (y1 - y0)], np.float32)
    index = (places - np.array([x0 - 0.5, y0 - 0.5], np.float32)) * per_px - np.float32(0.5)
    return look_up(grid, index)


def place(forward: Numbers, size: tuple[int, int], nodes: int) -> Placement:
    """Lay the plane into a picture of (width, height) px; the box is what of the plane's rectangle lies inside."""
    width, height = size
    linear = np.linalg.inv(forward[:, :2].astype(np.float64))
    inverse = np.hstack([linear, -linear @ forward[:, 2:]]).astype(np.float32)
    corners = np.array([(x, y) for x in (LEFT, RIGHT) for y in (-0.73, 1.17)])
    seen = corners @ forward[:, :2].T + forward[:, 2]
    x0, y0 = np.floor(seen.min(0)).astype(int).clip(0)
    x1, y1 = np.minimum(np.ceil(seen.max(0)).astype(int), (width, height))
    plane = cell_centres((nodes, nodes), (x1 - x0, y1 - y0), (x0, y0)) @ inverse[:, :2].T + inverse[:, 2]
    window = 1 - smoothstep(np.abs(plane[..., 0]), 0.80, 1.0)
    window *= (1 - smoothstep(plane[..., 1], 0.80, 1.05)) * smoothstep(plane[..., 1], -0.69, -0.53)
    start = single((plane - (LEFT, TOP)) / STEP)
    return Placement(
        forward, inverse, (int(x0), int(y0), int(x1), int(y1)), start, window[..., None].astype(np.float32)
    )


def _carried(basis: Array, moves: Array) -> Array:
    """(ROWS, COLUMNS, 2): ``basis`` times (n, 2), in blocks so small that OpenBLAS wakes no threads for them.

    Its threads would gain nothing here and burn a millisecond of every other core while they wait.
    """
    blocks = [basis[begin : begin + _BLOCK] @ moves for begin in range(0, len(basis), _BLOCK)]
    return np.asarray(np.concatenate(blocks).reshape(ROWS, COLUMNS, 2))


def _layer(basis: Array, source: Array | None, target: Array, start: Array) -> Array:
    """(g, g, 2) how far each node's source lies from it, in eye distances of the plane."""
    aims = _carried(basis, target)
    steps = aims / np.float32(STEP)
    where = start
    for _ in range(QUICK_ROUNDS):
        where = start - look_up(steps, where)
    for _ in range(CALM_ROUNDS):
        where = 0.4 * where + 0.6 * (start - look_up(steps, where))
    if source is not None:
        aims = aims - _carried(basis, source)
    return look_up(aims, where)


def pull(sheets: MouthMesh, placement: Placement, source: Array | None, target: Array) -> tuple[Array, Array]:
    """Where the upper and the lower layer take each node's picture from: two (g, g, 2) px, subtracted from the node.

    ``source`` and ``target`` are (468, 2) displacements on the plane; a ``source`` of None is zero.
    """
    pulls = []
    for layer in sheets.layers:
        here = None if source is None else source[layer.points]
        away = _layer(layer.basis, here, target[layer.points], placement.start)
        pulls.append((away @ placement.forward[:, :2].T) * placement.window)
    return pulls[0], pulls[1]
