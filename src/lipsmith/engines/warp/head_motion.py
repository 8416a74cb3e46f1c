"""Head motion of a portrait: a 2.5-D displacement field that moves the head as a whole and bends the neck."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ...face.canonical import POINTS, Points, Pose
from ...types import Array, Image
from .axes import image_axes
from .background_lines import calm_before_lines
from .image_ops import Numbers, as_float32
from .mesh import cell_centres
from .spline import smoothstep

REACH = (2.3, 2.9, 2.3, 2.3)
"""Left, up, right, down: how far the field reaches from the head's centre, in eye distances."""
CELL = 0.046
"""Size of a cell of the field's grid, in eye distances."""
_HEAD_CENTRE = np.array([[0.0, 0.35, 0.3]])
_NECK = 1.35
"""Height below the head's centre about which the head rolls: the base of the neck."""
_BROWS = (70, 63, 105, 66, 107, 336, 296, 334, 293, 300)
"""FaceMesh points along both brows."""


_DOME = 0.80
"""How far the middle of the face lies before the head's axis, in eye distances."""
_BROW_LIFT = 0.05
"""How far brows rise, in eye distances."""


@dataclass(frozen=True, slots=True, eq=False)
class HeadField:
    """Displacements on a grid of nodes over a picture, in px per unit of each motion."""

    nodes: Array  # (rows, columns, 2) px
    motions: Array  # (6, rows, columns, 2) px per rad of yaw, pitch, roll, eye distance across, down, lift of the brows

    def at(self, motion: Array) -> Array:
        """(rows, columns, 2) px of displacement under (6,) yaw, pitch, roll in rad, across, down, brows 0..1.

        The sum is not a matrix product: OpenBLAS would start threads for it, which wait for each other.
        """
        return np.asarray(np.einsum("k,krcd->rcd", np.asarray(motion, np.float32), self.motions))


def head_box(pose: Pose, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The part x0 y0 x1 y1 of an image of (width, height) px that head motion may change."""
    x, y = pose.to_image(_HEAD_CENTRE)[0, :2]
    left, up, right, down = (r * pose.scale for r in REACH)
    width, height = size
    return (max(0, int(x - left)), max(0, int(y - up)), min(width, int(x + right)), min(height, int(y + down)))


def head_field(picture: Image, landmarks: Points, pose: Pose, *, brows: bool = True) -> HeadField:
    """The field over a (h, w, 3) RGB picture with (468+, 3) px landmarks; brows stay unless ``brows``.

    The head's depth is a smooth dome: the face turns while the hair's outline stays. It rolls about the base of the
    neck. The motion is whole on the head and its hair. It fades out over the neck, and in the background around, and is
    less before a background of straight lines. A face at the picture's border keeps still.
    """
    size = (picture.shape[1], picture.shape[0])
    columns, rows = (max(8, round(side / (CELL * pose.scale))) for side in size)
    nodes = cell_centres((rows, columns), size)
    right, below = image_axes(pose)
    offset = nodes - pose.to_image(_HEAD_CENTRE)[0, :2]
    dx, dy = offset @ right / pose.scale, offset @ below / pose.scale
    out = _distance(dx, dy)
    whole = 1 - smoothstep(out, 1.0, 2.1)
    calm = calm_before_lines(picture, (out > 1.25) & (out < 2.3) & (dy < 0.6), pose.scale)
    depth = _DOME * np.clip(1 - (dx / 1.0) ** 2 - (dy / 1.35) ** 2, 0, 1)
    room = _room(landmarks, size, pose.scale)
    turn = as_float32(cv2.GaussianBlur(room * depth * whole, (0, 0), 2.0))
    inwards = _border(nodes, size, pose.scale)

    def field(x: Numbers, y: Numbers) -> Array:
        """(rows, columns, 2) px of a motion by (rows, columns) eye distances along the face's axes."""
        moved = np.multiply.outer(x, right) + np.multiply.outer(y, below)
        return as_float32(moved * inwards * pose.scale)

    still = np.zeros_like(dx)
    moves = calm * room * whole
    rolled = field(moves * np.maximum(_NECK - dy, 0), moves * dx * smoothstep(dy, _NECK, 0.6))
    fields = [field(turn, still), field(still, turn), rolled, field(moves, still), field(still, moves)]
    lift = _brow_lift(landmarks, nodes, below, pose.scale) if brows else still
    return HeadField(nodes, np.stack([*fields, field(still, -lift)]))


def _distance(dx: Points, dy: Points) -> Points:
    """(rows, columns): how far a place lies from the head's centre; 1 at the outline of head and hair."""
    return np.asarray(np.hypot(dx / 1.0, np.where(dy < 0, dy / 1.35, dy / 0.95)))


def _border(nodes: Array, size: tuple[int, int], scale: float) -> Points:
    """(rows, columns, 2) 0..1: what is left of a motion in x near the left and right borders, in y near top and bottom.

    There is nothing to show from beyond a border.
    """
    distance = np.minimum(nodes, np.array(size) - 1 - nodes) / scale
    return np.asarray(smoothstep(distance, 0.0, 0.35))


def _room(landmarks: Points, size: tuple[int, int], scale: float) -> float:
    """0..1: the share of a motion for which the face has room: features in the field's fade at a border would smear."""
    face = landmarks[:POINTS, :2]
    distance = min(float(face.min()), float((np.array(size) - 1 - face).min())) / scale
    return float(smoothstep(np.array(distance), -0.05, 0.30))


def _brow_lift(landmarks: Points, nodes: Array, below: Points, scale: float) -> Points:
    """(rows, columns): how far a place rises with the brows, in eye distances: whole at the brows, not at the lids."""
    brows = landmarks[list(_BROWS), :2]
    offset = (nodes[:, :, None] - brows) / scale
    down = offset @ below
    squared = (offset**2).sum(-1) / 0.13**2 + np.where(down > 0, (down / 0.07) ** 2, 0)
    return np.asarray(_BROW_LIFT * np.exp(-squared.min(-1)))
