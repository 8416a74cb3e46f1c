"""A still head that moves a little: 2.5-D motion with a smooth falloff, and eyelids that close."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ...face.canonical import Points, Pose
from ...types import Array, Image
from .geometry import smoothstep
from .mesh import cell_centres
from .pixels import look_up
from .spline import monotone_curve

REACH = (2.3, 2.4, 2.3, 2.6)
"""Left, up, right, down: how far the head's box goes from the head's middle, in eye distances."""
CELL = 0.046
"""Size of a cell of the grid in eye distances."""
_MIDDLE = np.array([[0.0, 0.35, 0.3]])
_EYES = (
    ([33, 246, 161, 160, 159, 158, 157, 173, 133], [33, 7, 163, 144, 145, 153, 154, 155, 133], [70, 63, 105, 66, 107]),
    (
        [362, 398, 384, 385, 386, 387, 388, 466, 263],
        [362, 382, 381, 380, 374, 373, 390, 249, 263],
        [336, 296, 334, 293, 300],
    ),
)
"""Upper lid, lower lid and brow, left to right in the image."""


@dataclass(frozen=True, slots=True, eq=False)
class HeadField:
    """Displacements on a grid of nodes over a picture, px per rad or per eye distance."""

    nodes: Array  # (rows, columns, 2) px
    yaw: Array  # (rows, columns, 2)
    pitch: Array
    roll: Array
    across: Array
    down: Array

    def at(self, motion: Array) -> Array:
        """(rows, columns, 2) px for (5,) yaw, pitch, roll, across, down."""
        yaw, pitch, roll, across, down = (np.float32(m) for m in motion)
        turned = self.yaw * yaw + self.pitch * pitch + self.roll * roll
        return np.asarray(turned + self.across * across + self.down * down)


@dataclass(frozen=True, slots=True, eq=False)
class Eye:
    """One eye's box and what a closing lid needs there."""

    box: tuple[int, int, int, int]  # px
    places: Array  # (h, w, 2) px of each pixel in the picture
    down: Array  # (2,) px per eye distance: towards the chin
    height: Array  # (h, w) eye distances along ``down``
    lid: Array  # (h, w) height of the open upper lid in this column
    fold: Array  # (h, w) height from which the skin stretches
    gap: Array  # (h, w) opening of the lids in this column


def head_box(pose: Pose, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The picture's part that the head's motion touches, px, for an image of (width, height)."""
    x, y = pose.to_image(_MIDDLE)[0, :2]
    left, up, right, down = (r * pose.scale for r in REACH)
    width, height = size
    return (max(0, int(x - left)), max(0, int(y - up)), min(width, int(x + right)), min(height, int(y + down)))


def head_field(pose: Pose, size: tuple[int, int]) -> HeadField:
    """The field over a picture of (width, height) px: a half ellipsoid, fading out around it and at the border."""
    columns, rows = (max(8, round(side / (CELL * pose.scale))) for side in size)
    nodes = cell_centres((rows, columns), size)
    right = pose.rotation[:2, 0] / np.linalg.norm(pose.rotation[:2, 0])
    below = np.array([-right[1], right[0]])
    away = nodes - pose.to_image(_MIDDLE)[0, :2]
    dx, dy = away @ right / pose.scale, away @ below / pose.scale
    reach = np.hypot(dx / 1.05, np.where(dy < 0, dy / 1.35, dy / 1.15))
    fade = 1 - smoothstep(reach, 0.75, 1.95)
    border = (np.minimum(nodes, np.array(size) - 1 - nodes) / np.array(size)).min(-1)
    fade = fade * smoothstep(border, 0.01, 0.10)
    depth = 0.75 * np.sqrt(np.clip(1 - (dx / 0.80) ** 2 - (dy / 1.15) ** 2, 0, 1))
    depth = cv2.GaussianBlur(depth, (0, 0), 1.4)

    def field(x: Points | float, y: Points | float) -> Array:
        moved = np.multiply.outer(np.asarray(x * fade), right) + np.multiply.outer(np.asarray(y * fade), below)
        return np.asarray(moved * pose.scale, np.float32)

    return HeadField(nodes, field(depth, 0.0), field(0.0, depth), field(1.0 - dy, dx), field(1.0, 0.0), field(0.0, 1.0))


def make_eyes(landmarks: Points, pose: Pose, size: tuple[int, int]) -> tuple[Eye, ...]:
    """Both eyes of (468, 3) px landmarks in a picture of (width, height) px."""
    right = pose.rotation[:2, 0] / np.linalg.norm(pose.rotation[:2, 0])
    below = np.array([-right[1], right[0]])
    return tuple(_eye(landmarks[:, :2], lids, right, below, pose.scale, size) for lids in _EYES)


def _eye(
    points: Points, lids: tuple[list[int], ...], right: Points, below: Points, scale: float, size: tuple[int, int]
) -> Eye:
    upper, lower, brow = ((points[lid] @ right / scale, points[lid] @ below / scale) for lid in lids)
    around = points[[*lids[0], *lids[1], *lids[2]]]
    x0, y0 = np.floor(around.min(0) - 0.10 * scale).astype(int).clip(0)
    x1, y1 = np.minimum(np.ceil(around.max(0) + 0.12 * scale).astype(int), size)
    rows, columns = np.mgrid[y0:y1, x0:x1]
    places = np.stack([columns, rows], -1).astype(np.float64)
    across, height = places @ right / scale, places @ below / scale
    lid = _line(upper, across) - 0.012
    bottom, top = _line(lower, across), _line(brow, across)
    t = np.clip((across - upper[0][0]) / (upper[0][-1] - upper[0][0]), 0, 1)
    gap = np.maximum(bottom - lid, 0) * smoothstep(np.minimum(t, 1 - t), 0.0, 0.10)
    arrays = (places, below * scale, height, lid, 0.55 * top + 0.45 * lid, gap)
    return Eye((int(x0), int(y0), int(x1), int(y1)), *(np.asarray(a, np.float32) for a in arrays))


def _line(points: tuple[Points, Points], at: Points) -> Points:
    order = np.argsort(points[0])
    return monotone_curve(points[0][order], points[1][order], at.ravel()).reshape(at.shape)


def blink(picture: Image, eyes: tuple[Eye, ...], closing: float) -> Image:
    """A copy of the picture with its lids ``closing`` 0..1; the picture itself at 0."""
    if closing < 0.02:
        return picture
    picture = picture.copy()
    for eye in eyes:
        x0, y0, x1, y1 = eye.box
        if x1 > x0 and y1 > y0:
            picture[y0:y1, x0:x1] = _closed(picture, eye, closing)
    return picture


def _closed(picture: Image, eye: Eye, closing: float) -> Image:
    """The eye's box with the lid's skin stretched down to a new line, the eyeball as it is below, and a lash line."""
    scale = float(np.hypot(*eye.down))
    line = eye.lid + 0.94 * closing * eye.gap
    before, after = np.maximum(eye.lid - eye.fold, 0.01), np.maximum(line - eye.fold, 0.011)
    below_fold = np.maximum(eye.height - eye.fold, 0)
    shift = np.where(eye.height < line, below_fold * (before / after - 1), 0)
    source = eye.places + shift[..., None] * eye.down
    skin = look_up(picture, source).astype(np.float32)
    x0, y0, x1, y1 = eye.box
    ball = picture[y0:y1, x0:x1].astype(np.float32)
    covered = np.clip((line - eye.height) * scale + 0.5, 0, 1)[..., None]
    lashes = np.exp(-(((eye.height - line) * scale / (0.010 * scale + 0.6)) ** 2))
    lashes = lashes * min(1.0, 1.5 * closing) * 0.45 * np.minimum(eye.gap / 0.02, 1)
    lidded = (ball + covered * (skin - ball)) * (1 - lashes[..., None])
    return np.asarray(np.clip(lidded + 0.5, 0, 255), np.uint8)
