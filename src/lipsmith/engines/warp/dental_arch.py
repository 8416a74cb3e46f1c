"""The dental arches in the head's frame, and where the pixels of an opening see them.

Each row of teeth stands on a parabola, z = curvature * x^2 behind the front teeth, and is as tall as need be. The upper
row belongs to the skull; the lower one turns with the jaw. A pixel is a line of sight through the head, because the
camera is a weak perspective; so turned heads shift and foreshorten the teeth as real ones do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import cos, sin

import cv2
import numpy as np

from ...face.canonical import Points, Pose
from ...types import Array
from .image_ops import Numbers, as_float32
from .rig import JAW_HINGE, MAX_JAW_ANGLE


@dataclass(frozen=True, slots=True)
class Arch:
    """One row's place in the head, relative to the middle of the closed lip line, in eye distances."""

    curvature: float
    behind: float  # how far the front teeth stand behind the line where the lips meet
    edge: float  # how far below that line they end (upper row) or begin (lower row)
    sign: float  # 1: the teeth point down, -1: up


UPPER = Arch(2.2, 0.03, 0.030, 1.0)
LOWER = Arch(2.5, 0.05, 0.016, -1.0)
"""The tips of the upper canines are 34 mm apart, those of the lower ones 26 mm (adult means)."""


@dataclass(frozen=True, slots=True, eq=False)
class ArchView:
    """What each pixel of an (h, w) opening sees of one row, in eye distances."""

    x: Array  # (h, w) from the middle of the row, in the head's frame
    up: Array  # (h, w) from the biting edge towards the gums
    facing: Array  # (h, w) 1 in front, falling to 0 where the arch turns out of sight


def jaw_pose(pose: Pose, angle: float) -> Pose:
    """The pose that carries points of a jaw, turned by ``angle`` rad, from its closed place into the image."""
    cosine, sine = cos(angle), sin(angle)
    turn = np.array([[1.0, 0.0, 0.0], [0.0, cosine, -sine], [0.0, sine, cosine]])
    y, z = JAW_HINGE
    hinge = np.array([0.0, y - cosine * y + sine * z, z - sine * y - cosine * z])
    return replace(pose, rotation=pose.rotation @ turn, shift=pose.scale * (pose.rotation @ hinge) + pose.shift)


def see_arch(arch: Arch, pose: Pose, middle: Points, jaw: float, places: Array) -> ArchView:
    """One row of teeth as the pixels see it.

    Args:
        arch: ``UPPER`` or ``LOWER``.
        pose: the head's.
        middle: (3,) middle of the closed lip line, head's frame.
        jaw: the mouth control, 0..1.
        places: (h, w, 2) px.
    """
    pose = pose if arch.sign > 0 else jaw_pose(pose, MAX_JAW_ANGLE * jaw)
    (right_x, down_x, away_x), (right_y, down_y, away_y), _ = pose.rotation.tolist()
    x, y, z = middle.tolist()
    y, z = y + arch.edge, z + arch.behind
    origin_x = pose.scale * (right_x * x + down_x * y + away_x * z) + float(pose.shift[0])
    origin_y = pose.scale * (right_y * x + down_y * y + away_y * z) + float(pose.shift[1])
    # (across, along): directions of the image in which the row's x and its height are read off, per px.
    size = max(down_y * right_x - down_x * right_y, 0.2)
    across_x, across_y = down_y / size, -down_x / size
    length = down_x * down_x + down_y * down_y
    along_x, along_y = down_x / length, down_y / length
    axes = np.array([[across_x, across_y, 0.0], [along_x, along_y, 0.0]]) / pose.scale
    axes[:, 2] = -axes[:, 0] * origin_x - axes[:, 1] * origin_y
    column, height = cv2.split(cv2.transform(places, axes))
    under = np.maximum(1 + np.float32(4 * arch.curvature * (across_x * away_x + across_y * away_y)) * column, 0)
    seen_x = 2 * column / (1 + np.sqrt(under))  # solves x + curvature (across @ away) x^2 = column; none if under is 0
    slope = np.float32(arch.curvature * (away_x * along_x + away_y * along_y)) * seen_x
    slope += np.float32(right_x * along_x + right_y * along_y)
    up = np.float32(-arch.sign) * (height - seen_x * slope)
    return ArchView(as_float32(seen_x), as_float32(up), as_float32(np.minimum(under, 1)))


def arc_length(curvature: float, x: Numbers) -> Numbers:
    """Length of the parabola z = curvature x^2 from its middle to ``x``, of the sign of ``x``."""
    slope = 2 * curvature * x
    return np.asarray(x * np.sqrt(1 + slope**2) / 2 + np.arcsinh(slope) / (4 * curvature))


def head_places(pose: Pose, depth: float, places: Array) -> Array:
    """(h, w, 2) x and y in the head's frame of what (h, w, 2) px see in the plane z = ``depth``."""
    (a, b, x), (c, d, y) = (pose.rotation[:2] * pose.scale).tolist()
    size = a * d - b * c
    x, y = x * depth + float(pose.shift[0]), y * depth + float(pose.shift[1])
    inverse = np.array([[d, -b, b * y - d * x], [-c, a, c * x - a * y]]) / size
    return as_float32(cv2.transform(places, inverse))
