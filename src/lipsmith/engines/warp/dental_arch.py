"""The dental arches in the head's frame, and where the pixels of an opening see them.

Each row of teeth stands on a parabola, z = curvature * x^2 behind the front teeth, and is as tall as need be. The upper
row belongs to the skull; the lower one turns with the jaw. A pixel is a line of sight through the head, because the
camera is a weak perspective; so turned heads shift and foreshorten the teeth as real ones do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

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
    cosine, sine = np.cos(angle), np.sin(angle)
    turn = np.array([[1.0, 0.0, 0.0], [0.0, cosine, -sine], [0.0, sine, cosine]])
    hinge = np.array([0.0, *JAW_HINGE])
    shift = pose.to_image((hinge - turn @ hinge)[None])[0]
    return replace(pose, rotation=pose.rotation @ turn, shift=shift)


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
    origin = pose.to_image((middle + np.array([0, arch.edge, arch.behind]))[None])[0, :2]
    right, down, away = pose.rotation[:2].T
    across = np.array([down[1], -down[0]]) / max(float(down[1] * right[0] - down[0] * right[1]), 0.2)
    along = down / float(down @ down)
    axes = np.stack([across, along]) / pose.scale
    seen = cv2.transform(places, np.column_stack([axes, -axes @ origin]))
    column, height = seen[..., 0], seen[..., 1]
    under = np.maximum(1 + np.float32(4 * arch.curvature * (across @ away)) * column, 0)
    x = 2 * column / (1 + np.sqrt(under))  # solves x + curvature (across @ away) x^2 = column; none where under is 0
    y = height - x * (np.float32(right @ along) + np.float32(arch.curvature * (away @ along)) * x)
    return ArchView(as_float32(x), as_float32(-arch.sign * y), as_float32(np.minimum(under, 1)))


def arc_length(curvature: float, x: Numbers) -> Numbers:
    """Length of the parabola z = curvature x^2 from its middle to ``x``, of the sign of ``x``."""
    slope = 2 * curvature * x
    return np.asarray(x * np.sqrt(1 + slope**2) / 2 + np.arcsinh(slope) / (4 * curvature))


def head_places(pose: Pose, depth: float, places: Array) -> Array:
    """(h, w, 2) x and y in the head's frame of what (h, w, 2) px see in the plane z = ``depth``."""
    to_image = pose.rotation[:2] * pose.scale
    inverse = cv2.invert(to_image[:, :2])[1]  # in closed form; NumPy's would start OpenBLAS's threads
    shift = -inverse @ (pose.shift[:2] + to_image[:, 2] * depth)
    return as_float32(cv2.transform(places, np.column_stack([inverse, shift])))
