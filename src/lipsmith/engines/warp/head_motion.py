"""Slight head motion of a portrait: a 2.5-D displacement field with a smooth falloff around the head."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ...face.canonical import Points, Pose
from ...types import Array
from .axes import image_axes
from .mesh import cell_centres
from .spline import smoothstep

REACH = (2.3, 2.4, 2.3, 2.6)
"""Left, up, right, down: how far the field reaches from the head's centre, in eye distances."""
CELL = 0.046
"""Size of a cell of the field's grid, in eye distances."""
_HEAD_CENTRE = np.array([[0.0, 0.35, 0.3]])


@dataclass(frozen=True, slots=True, eq=False)
class HeadField:
    """Displacements on a grid of nodes over a picture, in px per unit of each motion."""

    nodes: Array  # (rows, columns, 2) px
    yaw: Array  # (rows, columns, 2) px per rad
    pitch: Array  # (rows, columns, 2) px per rad
    roll: Array  # (rows, columns, 2) px per rad
    across: Array  # (rows, columns, 2) px per eye distance to the right
    down: Array  # (rows, columns, 2) px per eye distance downwards

    def at(self, motion: Array) -> Array:
        """(rows, columns, 2) px of displacement under (5,) yaw, pitch, roll in rad, across, down in eye distances."""
        yaw, pitch, roll, across, down = (np.float32(m) for m in motion)
        turned = self.yaw * yaw + self.pitch * pitch + self.roll * roll
        return np.asarray(turned + self.across * across + self.down * down)


def head_box(pose: Pose, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The part x0 y0 x1 y1 of an image of (width, height) px that head motion may change."""
    x, y = pose.to_image(_HEAD_CENTRE)[0, :2]
    left, up, right, down = (r * pose.scale for r in REACH)
    width, height = size
    return (max(0, int(x - left)), max(0, int(y - up)), min(width, int(x + right)), min(height, int(y + down)))


def head_field(pose: Pose, size: tuple[int, int]) -> HeadField:
    """The field over a picture of (width, height) px.

    The head's depth is a half ellipsoid. The motion fades out around the head and at the picture's border.
    """
    columns, rows = (max(8, round(side / (CELL * pose.scale))) for side in size)
    nodes = cell_centres((rows, columns), size)
    right, below = image_axes(pose)
    offset = nodes - pose.to_image(_HEAD_CENTRE)[0, :2]
    dx, dy = offset @ right / pose.scale, offset @ below / pose.scale
    radius = np.hypot(dx / 1.05, np.where(dy < 0, dy / 1.35, dy / 1.15))
    fade = 1 - smoothstep(radius, 0.75, 1.95)
    border = (np.minimum(nodes, np.array(size) - 1 - nodes) / np.array(size)).min(-1)
    fade = fade * smoothstep(border, 0.01, 0.10)
    depth = 0.75 * np.sqrt(np.clip(1 - (dx / 0.80) ** 2 - (dy / 1.15) ** 2, 0, 1))
    depth = cv2.GaussianBlur(depth, (0, 0), 1.4)

    def field(x: Points | float, y: Points | float) -> Array:
        moved = np.multiply.outer(np.asarray(x * fade), right) + np.multiply.outer(np.asarray(y * fade), below)
        return np.asarray(moved * pose.scale, np.float32)

    return HeadField(nodes, field(depth, 0.0), field(0.0, depth), field(1.0 - dy, dx), field(1.0, 0.0), field(0.0, 1.0))
