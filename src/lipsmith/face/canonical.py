"""The head's coordinate frame: a mean face, and the pose that maps it into an image.

Lengths are eye distances (outer corners 33-263 are 1 apart, about 90 mm); x right, y down, z away from the camera; the
origin is the nose bridge 168. The pose is a weighted similarity (Umeyama, "Least-squares estimation of transformation
parameters between two point patterns", 1991) on points that neither speech nor brows move, under weak perspective.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..assets import MEAN_FACE, asset

Points = NDArray[np.float64]
"""(n, 3) or (3,), in px or eye distances as stated."""

Numbers = NDArray[np.floating[Any]]
"""float32 or float64."""

RIGID = [
    *(33, 133, 263, 362, 168, 6, 197, 195, 5, 4, 10, 151, 9, 8, 54, 284, 103, 332, 67, 297),
    *(109, 338, 127, 356, 162, 389, 21, 251, 48, 278, 116, 345, 111, 340),
]
"""FaceMesh points that neither speech nor brows move."""
POINTS = 468
"""Points of the face; FaceMesh's iris points follow."""


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """Position of a head in an image: image point = scale * rotation @ head point + shift."""

    scale: float  # px per eye distance
    rotation: Points  # (3, 3) float64
    shift: Points  # (3,) float64 px

    def to_head(self, points: Numbers) -> Points:
        """(n, 3) px in the image -> (n, 3) eye distances in the head's frame."""
        return np.asarray((points - self.shift) @ self.rotation / self.scale, np.float64)

    def to_image(self, points: Numbers) -> Points:
        """(n, 3) eye distances in the head's frame -> (n, 3) px in the image."""
        return np.asarray(self.scale * (points @ self.rotation.T) + self.shift, np.float64)

    @property
    def angles(self) -> tuple[float, float, float]:
        """Yaw (positive: nose to the image's right), pitch (positive: down), roll (positive: clockwise), rad."""
        roll = np.arctan2(self.rotation[1, 0], self.rotation[0, 0])
        x, y, z = -self.rotation[:, 2]
        across, down = x * np.cos(roll) + y * np.sin(roll), y * np.cos(roll) - x * np.sin(roll)
        yaw, pitch = np.arctan2(across, -z), np.arctan2(down, np.hypot(across, z))
        return float(yaw), float(pitch), float(roll)


def similarity(source: Numbers, target: Numbers, weights: Numbers | None = None) -> tuple[float, Points, Points]:
    """Least-squares scale, rotation (3, 3) and shift (3,) from (n, 3) ``source`` to ``target`` (Umeyama 1991)."""
    share = np.full(len(source), 1 / len(source)) if weights is None else weights / weights.sum()
    source_mean, target_mean = share @ source, share @ target
    centred = source - source_mean
    left, sizes, right = np.linalg.svd(((target - target_mean) * share[:, None]).T @ centred)
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    rotation = left * signs @ right
    scale = float(sizes @ signs / (share @ (centred**2).sum(1)))
    return scale, rotation, target_mean - scale * rotation @ source_mean


@cache
def mean_face() -> Points:
    """(468, 3) float64 eye distances: a symmetric neutral face with closed lips, seen from the front."""
    with np.load(asset(MEAN_FACE)) as arrays:
        shape = np.array(arrays["shape"], np.float64)
    shape.setflags(write=False)
    return shape


def fit_pose(landmarks: Numbers) -> Pose:
    """The pose of (468+, 3) px landmarks in FaceMesh order."""
    return Pose(*similarity(mean_face()[RIGID], np.asarray(landmarks, np.float64)[RIGID]))
