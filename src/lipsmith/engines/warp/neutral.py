"""The neutral face: lips closed. Also how far lips are open, and how they are brought together.

Shapes are (468, 3) float64 landmarks in the head's frame, in eye distances; y points down.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...face.canonical import POINTS, Points
from .landmark_indices import (
    INNER_LOWER,
    INNER_MIDDLE,
    INNER_UPPER,
    LOWER_LIP,
    LOWER_RINGS,
    OUTER_CORNERS,
    UPPER_LIP,
    UPPER_RINGS,
)
from .rig import Weights, jaw_displacement, rig_weights

REST_HALF_WIDTH = 0.272
"""Half the width of a mouth that neither smiles nor rounds."""
RING_SHARES = np.array([0.75, 0.85, 0.95, 1.0])
"""How much of a closing each contour of a lip follows, outer to inner."""
UPPER_LIP_SHARE = 0.25
"""Part of an open gap that the upper lip closes; the lower lip closes the rest."""


@dataclass(frozen=True, slots=True, eq=False)
class NeutralFace:
    """A face with closed lips, and the displacement that takes its smile away."""

    STORED_AS: ClassVar[str] = "Neutral"  # in the avatars on disk
    shape: Points  # (468, 3) eye distances, lips closed
    relax: Points  # (468, 3) eye distances: displacement from the smile to a mouth that does not smile
    smile: float  # 0..1 how much of a smile there is


def lip_gaps(shape: Points) -> Weights:
    """(11,) height of the opening between the inner lips, left corner to right, at least 0, eye distances."""
    return np.maximum(0.0, shape[INNER_LOWER, 1] - shape[INNER_UPPER, 1])


def aperture(shape: Points) -> float:
    """Mean opening over the middle five of the eleven columns, eye distances."""
    return float(lip_gaps(shape)[3:8].mean())


def lip_line_middle(shape: Points) -> Points:
    """(3,) midpoint between the middles of the two inner lips."""
    upper, lower = INNER_MIDDLE
    return np.asarray((shape[upper] + shape[lower]) / 2)


def bring_lips_together(shape: Points, gap: Weights, upper_share: float) -> None:
    """Reduce the lips' opening in place by (11,) ``gap``; the upper lip covers ``upper_share`` of it."""
    inside = slice(1, -1)
    for ring_share, upper, lower in zip(RING_SHARES, UPPER_RINGS, LOWER_RINGS, strict=True):
        shape[upper[inside], 1] += upper_share * ring_share * gap[inside]
        shape[lower[inside], 1] -= (1 - upper_share) * gap[inside]


def close_mouth(shape: Points) -> Points:
    """(468, 3) the same face with its lips together and its jaw turned back as far as the lips closed."""
    gap = lip_gaps(shape)
    closed = shape.copy()
    bring_lips_together(closed, gap, UPPER_LIP_SHARE)
    skin = np.setdiff1d(np.arange(POINTS), [*UPPER_LIP, *LOWER_LIP])
    angle = (1 - UPPER_LIP_SHARE) * gap[3:8].mean() / 0.8
    closed[skin] -= jaw_displacement(closed[skin], rig_weights().jaw[skin], angle)
    return closed


def neutral_face(shape: Points) -> NeutralFace:
    """The neutral face of a (468, 3) shape whose mouth may be open or smiling."""
    closed = close_mouth(shape)
    middle = lip_line_middle(closed)
    weights = rig_weights()
    relax = np.zeros_like(closed)
    widest = 0.0
    for corner, side in OUTER_CORNERS:
        offset = closed[corner] - middle
        inward = max(0.0, side * offset[0] - REST_HALF_WIDTH)
        down = max(0.0, -0.005 - offset[1])
        half = weights.side == side
        relax[half, 0] = -side * inward * weights.cheek[half]
        relax[half, 1] = 0.8 * down * weights.cheek[half]
        relax[half, 2] = -0.3 * inward * weights.cheek[half]
        widest = max(widest, inward + down)
    return NeutralFace(closed, relax, float(np.clip(widest / 0.1, 0, 1)))
