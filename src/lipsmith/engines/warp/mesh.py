"""Two thin-plate spline layers, upper and lower, that warp the skin: a single smooth field cannot open a mouth.

Each layer is a spline over a reference plane, and its control points never move, so its basis is solved only once. For
a portrait the plane is the picture itself. For a video it is the person's neutral face as a head turned this way shows
it, and each frame's landmarks are one more displacement S on that plane. With A the affine map from the plane to the
picture and T the target displacement, the picture is warped backwards. The pixel at x is read at

    x - A (T(w) - S(w)),   w = A^-1 x - T(w)

where A acts on the difference without its translation. The second equation is solved by fixed-point iteration (Chen et
al., "A simple fixed-point approach to invert a deformation field", 2008).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ...face.canonical import Points
from ...types import Array
from .image_ops import Numbers, as_float32, resample
from .landmark_indices import LIPS, LOWER_LAYER, UPPER_LAYER
from .spline import smoothstep, thin_plate_basis

LEFT, TOP, RIGHT, BOTTOM = -1.05, -0.80, 1.05, 1.05
"""The reference plane's rectangle around the middle of the mouth, in eye distances."""
STEP = 0.042
"""Spacing of the plane's grid, in eye distances."""
COLUMNS, ROWS = round((RIGHT - LEFT) / STEP) + 1, round((BOTTOM - TOP) / STEP) + 1
FULL_STEPS, DAMPED_STEPS = 4, 6
"""Rounds of the fixed-point iteration; the damped ones settle it where the skin stretches more than twofold."""
_BLOCK = 800


@dataclass(frozen=True, slots=True, eq=False)
class MeshLayer:
    """One layer: its displacement over the plane's grid is ``basis`` times that of its control points."""

    STORED_AS: ClassVar[str] = "Layer"  # in the avatars on disk
    points: NDArray[np.int64]  # (n,) FaceMesh indices of the control points
    basis: Array  # (ROWS * COLUMNS, n)


@dataclass(frozen=True, slots=True, eq=False)
class MouthMesh:
    """Both layers over one reference plane."""

    STORED_AS: ClassVar[str] = "Sheets"  # in the avatars on disk
    centres: Array  # (468, 2) eye distances: the landmarks on the plane
    layers: tuple[MeshLayer, MeshLayer]  # upper, lower


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """Where the reference plane lies in a picture: an affine map, and a g x g grid of nodes over a box."""

    forward: Array  # (2, 3) plane -> picture px
    inverse: Array  # (2, 3) picture px -> plane
    box: tuple[int, int, int, int]  # px of the picture: x0 y0 x1 y1
    start: Array  # (g, g, 2) each node on the plane, in steps of the plane's grid from its top left
    window: Array  # (g, g, 1) 1 around the mouth, 0 at the box's border

    @property
    def scale(self) -> float:
        """px per eye distance, measured downwards."""
        return float(np.hypot(self.forward[0, 1], self.forward[1, 1]))

    def to_plane(self, points: Numbers) -> Array:
        """(n, 2) px -> (n, 2) on the plane."""
        return np.asarray(points @ self.inverse[:, :2].T + self.inverse[:, 2], np.float32)

    def plane_nodes(self) -> tuple[Array, Array]:
        """x and y of the nodes on the plane, each (g, g) eye distances."""
        return self.start[..., 0] * STEP + LEFT, self.start[..., 1] * STEP + TOP


def make_mesh(shape: Points) -> MouthMesh:
    """Solve both layers for a (468, 3) shape in eye distances: x and y on the plane, z away from the camera.

    Landmarks hidden behind another part of the face are left out: they would tear the warp along the face's outline.
    """
    across, down = np.meshgrid(np.linspace(LEFT, RIGHT, COLUMNS), np.linspace(TOP, BOTTOM, ROWS))
    grid = np.stack([across.ravel(), down.ravel()], 1)
    border = [(x, y) for x in np.linspace(LEFT, RIGHT, 9) for y in (TOP, BOTTOM)]
    border += [(x, y) for y in np.linspace(-0.6, 0.85, 6) for x in (LEFT, RIGHT)]
    fixed, centres, hidden = np.array(border), shape[:, :2], _self_occluded(shape)
    layers = []
    for points in (UPPER_LAYER, LOWER_LAYER):
        visible = points[~hidden[points]]
        layers.append(MeshLayer(visible, thin_plate_basis(centres[visible], fixed, grid)))
    return MouthMesh(centres.astype(np.float32), (layers[0], layers[1]))


def _self_occluded(shape: Points) -> NDArray[np.bool_]:
    """(468,) whether another landmark lies clearly in front of this one; lips never count as hidden."""
    near = ((shape[:, None, :2] - shape[None, :, :2]) ** 2).sum(-1) < 0.05**2
    in_front = shape[None, :, 2] < shape[:, None, 2] - 0.09
    hidden = (near & in_front).any(1)
    hidden[LIPS] = False
    return np.asarray(hidden)


def cell_centres(cells: tuple[int, int], size: tuple[int, int], corner: tuple[int, int] = (0, 0)) -> Array:
    """(rows, columns, 2) px: centres of (rows, columns) cells that tile a box of (width, height) px, as in cv2.resize.

    ``corner`` is the box's x0, y0.
    """
    rows, columns = cells
    across = (np.arange(columns) + 0.5) * size[0] / columns - 0.5 + corner[0]
    down = (np.arange(rows) + 0.5) * size[1] / rows - 0.5 + corner[1]
    return as_float32(np.stack(np.meshgrid(across, down), -1))


def sample_grid(grid: Array, box: tuple[int, int, int, int], places: Array) -> Array:
    """(h, w, c): a (rows, columns, c) grid of cells over ``box`` (x0 y0 x1 y1), interpolated at (h, w, 2) px.

    Outside the box the nearest cell is read.
    """
    per_px, first = _cells_of(grid.shape, box)
    index = places * per_px
    index -= first
    return resample(grid, index)


def sample_grid_over(grid: Array, box: tuple[int, int, int, int], pixels: tuple[int, int, int, int]) -> Array:
    """(h, w, c): ``sample_grid`` at every pixel of the box ``pixels`` (x0 y0 x1 y1)."""
    per_px, first = _cells_of(grid.shape, box)
    x0, y0, x1, y1 = pixels
    index = np.empty((y1 - y0, x1 - x0, 2), np.float32)
    index[..., 0] = np.arange(x0, x1, dtype=np.float32) * per_px[0] - first[0]
    index[..., 1] = (np.arange(y0, y1, dtype=np.float32) * per_px[1] - first[1])[:, None]
    return resample(grid, index)


def _cells_of(shape: tuple[int, ...], box: tuple[int, int, int, int]) -> tuple[Array, Array]:
    """Of a grid of ``shape`` (rows, columns, ...) over ``box``, x then y: (2,) cells per px, (2,) what to take off."""
    x0, y0, x1, y1 = box
    per_px = np.array([shape[1] / (x1 - x0), shape[0] / (y1 - y0)], np.float32)
    return per_px, np.array([x0 - 0.5, y0 - 0.5], np.float32) * per_px + np.float32(0.5)


def place_plane(forward: Numbers, size: tuple[int, int], nodes: int) -> Placement:
    """Place the reference plane in a picture.

    Args:
        forward: (2, 3) affine map from the plane to the picture's px.
        size: (width, height) px of the picture; the box is the part of the plane's rectangle that lies inside.
        nodes: g, the number of grid nodes in each direction.
    """
    width, height = size
    linear = np.linalg.inv(forward[:, :2].astype(np.float64))
    inverse = np.hstack([linear, -linear @ forward[:, 2:]]).astype(np.float32)
    corners = np.array([(x, y) for x in (LEFT, RIGHT) for y in (-0.73, 1.17)])
    placed = corners @ forward[:, :2].T + forward[:, 2]
    x0, y0 = np.floor(placed.min(0)).astype(int).clip(0)
    x1, y1 = np.minimum(np.ceil(placed.max(0)).astype(int), (width, height))
    plane = cell_centres((nodes, nodes), (x1 - x0, y1 - y0), (x0, y0)) @ inverse[:, :2].T + inverse[:, 2]
    window = 1 - smoothstep(np.abs(plane[..., 0]), 0.80, 1.0)
    window *= (1 - smoothstep(plane[..., 1], 0.80, 1.05)) * smoothstep(plane[..., 1], -0.69, -0.53)
    start = as_float32((plane - (LEFT, TOP)) / STEP)
    return Placement(
        forward, inverse, (int(x0), int(y0), int(x1), int(y1)), start, window[..., None].astype(np.float32)
    )


def _grid_displacement(basis: Array, displacement: Array) -> Array:
    """(ROWS, COLUMNS, 2): ``basis`` times (n, 2).

    The product is taken in blocks too small for OpenBLAS to start threads. Threads gain nothing here, and they keep
    every other core busy for a millisecond while they wait.
    """
    product = np.empty((len(basis), 2), np.float32)
    for begin in range(0, len(basis), _BLOCK):
        np.matmul(basis[begin : begin + _BLOCK], displacement, out=product[begin : begin + _BLOCK])
    return product.reshape(ROWS, COLUMNS, 2)


def _layer_displacement(basis: Array, source: Array | None, target: Array, start: Array) -> Array:
    """(g, g, 2) eye distances on the plane: each node less the place that it is read from."""
    displacement = _grid_displacement(basis, target)
    where = _inverted(displacement / np.float32(STEP), start)
    if source is not None:
        displacement = displacement - _grid_displacement(basis, source)
    return resample(displacement, where)


def _inverted(steps: Array, start: Array) -> Array:
    """(g, g, 2) the places w that solve w = start - steps(w), by fixed-point iteration, in steps of the grid."""
    where = start
    for _ in range(FULL_STEPS):
        moved = resample(steps, where)
        where = np.subtract(start, moved, out=moved)
    for _ in range(DAMPED_STEPS):
        moved = resample(steps, where)
        np.subtract(start, moved, out=moved)
        where *= np.float32(0.4)
        where += np.multiply(moved, np.float32(0.6), out=moved)
    return where


def backward_displacements(
    mesh: MouthMesh, placement: Placement, source: Array | None, target: Array
) -> tuple[Array, Array]:
    """The backward warp of the upper and of the lower layer: two (g, g, 2) px, each node less where it is read from.

    ``source`` and ``target`` are (468, 2) displacements of the landmarks on the plane; a ``source`` of None is zero.
    """
    layers = []
    for layer in mesh.layers:
        layer_source = None if source is None else source[layer.points]
        displacement = _layer_displacement(layer.basis, layer_source, target[layer.points], placement.start)
        in_px = displacement.reshape(-1, 2) @ placement.forward[:, :2].T
        layers.append(in_px.reshape(displacement.shape) * placement.window)
    return layers[0], layers[1]
