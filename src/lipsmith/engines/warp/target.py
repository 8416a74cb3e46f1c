"""From eight mouth controls to where every point of the face should be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...face.canonical import Points
from ...types import Array
from .geometry import REST_WIDTH, WIDEST, aperture, close_gap, closed, fields, gaps, jaw_turn
from .lips import INNER_LOWER, INNER_UPPER, LOWER_RINGS, UPPER_RINGS

_INSIDE = slice(1, -1)
_MIDDLE = 1 - (np.abs(np.arange(11) - 5) / 5.0) ** 2


@dataclass(frozen=True, slots=True, eq=False)
class Neutral:
    """A face at rest: lips closed, and the way from its smile to a mouth that does not smile."""

    shape: Points  # (468, 3) eye distances, lips closed
    relax: Points  # (468, 3) eye distances: displacement that takes a smile away
    smile: float  # 0..1 how much there is to take away


def neutral_of(own: Points) -> Neutral:
    """The rest of a (468, 3) face, whatever its mouth does now."""
    shape = closed(own)
    middle = (shape[13] + shape[14]) / 2
    share = fields().relax
    relax = np.zeros_like(shape)
    wide = 0.0
    for corner, side in ((61, -1), (291, 1)):
        offset = shape[corner] - middle
        inward = max(0.0, side * offset[0] - REST_WIDTH)
        down = max(0.0, -0.005 - offset[1])
        here = fields().side == side
        relax[here, 0] = -side * inward * share[here]
        relax[here, 1] = 0.8 * down * share[here]
        relax[here, 2] = -0.3 * inward * share[here]
        wide = max(wide, inward + down)
    return Neutral(shape, relax, float(np.clip(wide / 0.1, 0, 1)))


def relaxation(controls: Array) -> float:
    """0..1: how far a smile gives way. Rounding takes it away, speaking loosens it, spreading keeps it."""
    jaw, spread, pucker, upper, lower, press, bite, _ = (float(c) for c in controls)
    speaking = 1 - np.exp(-8 * (jaw + 0.5 * (upper + lower + press + bite)))
    return float(np.clip(0.95 * pucker + 0.45 * speaking * (1 - 0.6 * max(spread, 0.0)), 0, 1))


def aim(neutral: Neutral, controls: Array) -> Points:
    """(468, 3) eye distances: the face of ``neutral`` under (8,) ``controls``, in the head's own frame."""
    jaw, spread, pucker, upper, lower, press, bite, _ = (float(c) for c in controls)
    field, rest = fields(), neutral.shape
    loose = relaxation(controls)
    shape = rest + jaw_turn(rest, field.jaw, WIDEST * jaw) + neutral.relax * loose
    inward = pucker + 0.30 * jaw * (1 - 0.5 * pucker)
    shape[:, 0] += field.side * field.corner * (0.055 * spread - 0.098 * inward)
    shape[:, 1] += field.corner * -0.012 * spread - 0.045 * field.lift * upper + 0.055 * field.drop * lower
    shape[:, 2] += field.corner * 0.03 * spread - 0.06 * field.protrude * pucker
    _thicken(shape, rest, 0.30 * pucker - 0.38 * press - 0.10 * max(spread, 0.0) + 0.25 * loose * neutral.smile)
    if press > 0:
        close_gap(shape, gaps(shape) * press, 0.35)
    if bite > 0:
        _bite(shape, rest, bite)
    return shape


def _thicken(shape: Points, rest: Points, amount: float) -> None:
    for rings in (UPPER_RINGS, LOWER_RINGS):
        inner = rest[rings[3, _INSIDE], 1]
        for ring in rings[:3]:
            shape[ring[_INSIDE], 1] += amount * (rest[ring[_INSIDE], 1] - inner)


def _bite(shape: Points, rest: Points, amount: float) -> None:
    """Bring the lower lip's edge under the upper teeth, rolled in, and bare the teeth a little."""
    weight = (amount * _MIDDLE)[_INSIDE]
    edge = rest[INNER_UPPER, 1][_INSIDE] + 0.012
    now = shape[INNER_LOWER, 1][_INSIDE].copy()
    for share, rolled, ring in zip((0.25, 0.5, 0.9, 1.0), (0.0, 0.004, 0.008, 0.0), LOWER_RINGS, strict=True):
        shape[ring[_INSIDE], 1] += weight * (share * np.minimum(edge - now, 0) - rolled)
    for share, ring in zip((0.5, 0.7, 0.9, 1.0), UPPER_RINGS, strict=True):
        shape[ring[_INSIDE], 1] -= weight * 0.022 * share


__all__ = ["Neutral", "aim", "aperture", "neutral_of", "relaxation"]
