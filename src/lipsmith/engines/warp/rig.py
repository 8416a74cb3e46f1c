"""The face rig: how strongly each landmark follows each mouth control, and the hinge about which the jaw turns.

Points are in the head's frame (see ``face/canonical.py``): x right, y down, z away from the camera, in eye distances.
The profiles and constants were tuned by eye on portraits. They are laid out relative to the mouth of the mean face, so
that they still fit when the mean face is replaced.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import cos, sin

import numpy as np
from numpy.typing import NDArray

from ...face.canonical import Points, mean_face
from .landmark_indices import CORNERS, INNER_MIDDLE, LIPS, LOWER_LIP, OUTER_CORNERS, UPPER_LIP
from .spline import smoothstep

JAW_HINGE = (0.37, 0.76)
"""y and z of the axis through both jaw joints."""
MAX_JAW_ANGLE = float(np.deg2rad(16.0))
"""rad: the jaw's rotation at jaw = 1."""

Weights = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class RigWeights:
    """Weights of the 468 landmarks; each is (468,) float64."""

    jaw: Weights  # share of the jaw's rotation
    corner: Weights  # 0..1 share of the mouth corner's displacement
    cheek: Weights  # 0..1 the same, reaching further into the cheeks: for taking a smile away
    side: Weights  # -1 left of the middle, 1 right, 0 on it
    protrude: Weights  # share of the pucker's forward motion
    raise_upper: Weights  # share of the upper lip's rise
    depress_lower: Weights  # share of the lower lip's fall
    below_lip: Weights  # 0..1 how far skin goes along with the lower lip's outer edge


@cache
def rig_weights() -> RigWeights:
    """The weights, computed once on the mean face."""
    face = mean_face()
    half_width, lip_line = abs(face[OUTER_CORNERS[0][0], 0]), face[INNER_MIDDLE[0], 1]
    x, y = face[:, 0], face[:, 1] - lip_line
    across = np.minimum(np.abs(x) / half_width, 1.0)
    return RigWeights(
        jaw=_jaw_weights(x, y, across),
        corner=_corner_weights(x, y, half_width, across, 0.15),
        cheek=_corner_weights(x, y, half_width, across, 0.24),
        side=np.sign(x),
        protrude=np.exp(-(x**2 + (1.1 * y) ** 2) / (2 * 0.22**2)),
        raise_upper=_raise_upper_weights(x, y, across),
        depress_lower=_depress_lower_weights(x, y, across),
        below_lip=np.exp(-(x**2) / (2 * 0.2**2)) * (1 - smoothstep(y, 0.16, 0.46)) * smoothstep(y, -0.02, 0.06),
    )


# Below, all (468,): x and y in eye distances from the lip line's middle; across 0 at the middle, 1 at the corners.


def _jaw_weights(x: Weights, y: Weights, across: Weights) -> Weights:
    centre, sides = smoothstep(y, -0.017, 0.113), smoothstep(y, -0.197, 0.263)
    blend = smoothstep(np.abs(x), 0.16, 0.42)
    weights = centre * (1 - blend) + sides * blend
    weights[UPPER_LIP] = 0.42 * across[UPPER_LIP] ** 4
    weights[LOWER_LIP] = 0.42 + 0.58 * (1 - across[LOWER_LIP] ** 2) ** 0.75
    weights[[*CORNERS, 57, 287]] = 0.42
    weights[[43, 273]] = 0.62
    return np.asarray(weights)


def _corner_weights(x: Weights, y: Weights, half_width: float, across: Weights, sigma: float) -> Weights:
    # Skin close to a corner moves as one with it: the dark line of closed lips often runs on there, beyond the lips.
    # Above the lips less follows, so that rounded lips do not shrink a moustache.
    reach = np.hypot(np.abs(x) - half_width, np.where(y < 0, 1.7, 1.2) * y)
    weights = np.exp(-(np.maximum(reach - 0.05, 0) ** 2) / (2 * (sigma - 0.02) ** 2)) * across
    weights[LIPS] = across[LIPS] ** 1.1
    return np.asarray(weights)


def _raise_upper_weights(x: Weights, y: Weights, across: Weights) -> Weights:
    # The skin between lip and nose, and a moustache on it, moves as one; only below the nose does it give way.
    above = np.maximum(-0.12 - y, 0) ** 2
    weights = np.exp(-(x**2) / (2 * 0.19**2) - above / (2 * 0.06**2))
    weights[LOWER_LIP] = 0
    weights[y > 0.013] = 0
    weights[UPPER_LIP] = 1 - across[UPPER_LIP] ** 2.2
    weights[CORNERS] = 0
    return np.asarray(weights)


def _depress_lower_weights(x: Weights, y: Weights, across: Weights) -> Weights:
    weights = np.exp(-(x**2) / (2 * 0.18**2) - (y - 0.083) ** 2 / (2 * 0.10**2))
    weights[UPPER_LIP] = 0
    weights[y < -0.017] = 0
    weights[LOWER_LIP] = 1 - across[LOWER_LIP] ** 2.2
    weights[CORNERS] = 0
    return np.asarray(weights)


def jaw_displacement(points: Points, weights: Weights, angle: float) -> Points:
    """(n, 3) displacements of (n, 3) points when the jaw turns by ``angle`` rad about its hinge, times (n,) weights."""
    y, z = points[:, 1] - JAW_HINGE[0], points[:, 2] - JAW_HINGE[1]
    cosine, sine = cos(angle), sin(angle)
    moved = np.zeros_like(points)
    moved[:, 1] = weights * (cosine * y - sine * z - y)
    moved[:, 2] = weights * (sine * y + cosine * z - z)
    return moved
