"""How each point of the face follows each control: fields over the mean face, in eye distances.

The profiles and constants were found by eye on portraits (reference/warp.md, section 3), and are laid here against the
mean face's own mouth, so that another mean face keeps them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ...face.canonical import POINTS, Points, mean_face
from .lips import CORNERS, INNER_LOWER, INNER_UPPER, LIPS, LOWER_LIP, LOWER_RINGS, UPPER_LIP, UPPER_RINGS
from .pixels import Numbers

HINGE = (0.37, 0.76)
"""y, z of the axis through both jaw joints."""
WIDEST = float(np.deg2rad(16.0))
"""rad: how far jaw=1 turns."""
REST_WIDTH = 0.272
"""Half the width of a mouth that neither smiles nor rounds."""
RING_SHARE = np.array([0.75, 0.85, 0.95, 1.0])
"""How much of a closing each upper ring follows, outer to inner."""
UPPER_SHARE = 0.25
"""Part of an open gap that closes from above; the lower lip brings the rest."""

Weights = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Fields:
    """What the controls do to each of the 468 points."""

    jaw: Weights  # (468,) share of the jaw's turn
    corner: Weights  # (468,) share of a pull at the mouth's corner, 0..1
    relax: Weights  # (468,) the same, reaching further into the cheeks
    side: Weights  # (468,) -1 left of the middle, 1 right
    protrude: Weights  # (468,) share of the pucker's way forward
    lift: Weights  # (468,) share of the upper lip's rise
    drop: Weights  # (468,) share of the lower lip's fall


def smoothstep(x: Numbers, low: float, high: float) -> NDArray[np.float64]:
    """0 up to ``low``, 1 from ``high``, smooth between; falls where ``low`` > ``high``."""
    t = np.clip((np.asarray(x, np.float64) - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t))


@cache
def fields() -> Fields:
    """The fields on the mean face."""
    face = mean_face()
    half, line = abs(face[61, 0]), face[13, 1]
    x, y = face[:, 0], face[:, 1] - line
    across = np.minimum(np.abs(x) / half, 1.0)
    return Fields(
        jaw=_jaw(x, y, across),
        corner=_corner(x, y, half, across, 0.15),
        relax=_corner(x, y, half, across, 0.24),
        side=np.sign(x),
        protrude=np.exp(-(x**2 + (1.1 * y) ** 2) / (2 * 0.22**2)),
        lift=_lift(x, y, across),
        drop=_drop(x, y, across),
    )


def _jaw(x: Weights, y: Weights, across: Weights) -> Weights:
    centre, sides = smoothstep(y, -0.017, 0.113), smoothstep(y, -0.197, 0.263)
    blend = smoothstep(np.abs(x), 0.16, 0.42)
    weights = centre * (1 - blend) + sides * blend
    weights[UPPER_LIP] = 0.42 * across[UPPER_LIP] ** 4
    weights[LOWER_LIP] = 0.42 + 0.58 * (1 - across[LOWER_LIP] ** 2) ** 0.75
    weights[[*CORNERS, 57, 287]] = 0.42
    weights[[43, 273]] = 0.62
    return np.asarray(weights)


def _corner(x: Weights, y: Weights, half: float, across: Weights, reach: float) -> Weights:
    distance = (np.abs(x) - half) ** 2 + (1.2 * y) ** 2
    weights = np.exp(-distance / (2 * reach**2)) * across
    weights[LIPS] = across[LIPS] ** 1.1
    return np.asarray(weights)


def _lift(x: Weights, y: Weights, across: Weights) -> Weights:
    below = np.maximum(y + 0.057, 0) ** 2 + np.maximum(-0.057 - y, 0) ** 2
    weights = np.exp(-(x**2) / (2 * 0.16**2) - below / (2 * 0.10**2))
    weights[y < -0.217] *= 0.4
    weights[LOWER_LIP] = 0
    weights[y > 0.013] = 0
    weights[UPPER_LIP] = 1 - across[UPPER_LIP] ** 2.2
    weights[CORNERS] = 0
    return np.asarray(weights)


def _drop(x: Weights, y: Weights, across: Weights) -> Weights:
    weights = np.exp(-(x**2) / (2 * 0.18**2) - (y - 0.083) ** 2 / (2 * 0.10**2))
    weights[UPPER_LIP] = 0
    weights[y < -0.017] = 0
    weights[LOWER_LIP] = 1 - across[LOWER_LIP] ** 2.2
    weights[CORNERS] = 0
    return np.asarray(weights)


def jaw_turn(points: Points, weights: Weights, angle: float) -> Points:
    """(n, 3) displacements of (n, 3) points when the jaw turns by ``angle`` rad about its hinge, times (n,) weights."""
    y, z = points[:, 1] - HINGE[0], points[:, 2] - HINGE[1]
    cosine, sine = np.cos(angle), np.sin(angle)
    moved = np.zeros_like(points)
    moved[:, 1] = weights * (cosine * y - sine * z - y)
    moved[:, 2] = weights * (sine * y + cosine * z - z)
    return moved


def gaps(own: Points) -> Weights:
    """(11,) height of the opening between the inner lips, left corner to right, never negative."""
    return np.maximum(0.0, own[INNER_LOWER, 1] - own[INNER_UPPER, 1])


def aperture(own: Points) -> float:
    """Mean opening over the middle five of the eleven columns."""
    return float(gaps(own)[3:8].mean())


def close_gap(shape: Points, gap: Weights, share: float) -> None:
    """Bring (468, 3) lips together in place by (11,) ``gap``, ``share`` of it from above."""
    inside = slice(1, -1)
    for ring, upper, lower in zip(RING_SHARE, UPPER_RINGS, LOWER_RINGS, strict=True):
        shape[upper[inside], 1] += share * ring * gap[inside]
        shape[lower[inside], 1] -= (1 - share) * gap[inside]


def closed(own: Points) -> Points:
    """(468, 3) the same face with its lips brought together and its jaw turned back as far as they closed."""
    gap = gaps(own)
    shape = own.copy()
    close_gap(shape, gap, UPPER_SHARE)
    skin = np.setdiff1d(np.arange(POINTS), [*UPPER_LIP, *LOWER_LIP])
    angle = (1 - UPPER_SHARE) * gap[3:8].mean() / 0.8
    shape[skin] -= jaw_turn(shape[skin], fields().jaw[skin], angle)
    return shape
