"""From eight mouth controls to where every landmark of the face should be."""

from __future__ import annotations

from math import exp

import numpy as np

from ...face.canonical import POINTS, Points
from ...speech.lips import touching
from ...types import Array
from .landmark_indices import INNER_LOWER, INNER_UPPER, LIPS, LOWER_RINGS, OUTER_CORNERS, UPPER_RINGS
from .material import WarpMaterial
from .neutral import NeutralFace, bring_lips_together
from .rig import MAX_JAW_ANGLE, jaw_displacement, rig_weights

_BETWEEN_CORNERS = slice(1, -1)
_CENTRE_WEIGHTS = 1 - (np.abs(np.arange(11) - 5) / 5.0) ** 2
"""(11,) 1 in the middle of a lip contour, 0 at its corners."""
_SKIN = np.setdiff1d(np.arange(POINTS), LIPS)
_INNER = np.array([*INNER_UPPER, *INNER_LOWER])
_RINGS = np.stack([UPPER_RINGS, LOWER_RINGS])[:, :, _BETWEEN_CORNERS]
_OUTER_RINGS, _INNER_RINGS = _RINGS[:, :3], _RINGS[:, 3:]
"""(2, 3, 9) the outer three contours of both lips between the corners, and (2, 1, 9) the inner one."""
_OUTER_EDGES = ((UPPER_RINGS[0, 3:8], "raise_upper"), (LOWER_RINGS[0, 3:8], "below_lip"))
"""The middle of each lip's outer edge, and the rig's weights of the skin that moves along with it."""
_JAW_CLOSED_BY_PRESS, _JAW_CLOSED_BY_BITE = 0.8, 0.6
"""Share of the jaw's rotation that a full press or bite takes back: nobody presses the lips with a lowered jaw."""
_THINNED_BY_PRESS = 0.12
"""Share of its height that a lip loses when it is pressed; most of a pressed lip stays in sight."""


def smile_release(controls: Array) -> float:
    """0..1: how much of a smile (8,) controls take away. Rounding takes it, speaking loosens it, spreading keeps it."""
    jaw, spread, pucker, upper, lower, press, bite, _ = controls.tolist()
    speaking = 1 - exp(-8 * (jaw + 0.5 * (upper + lower + press + bite)))
    return float(min(max(0.95 * pucker + 0.45 * speaking * (1 - 0.6 * max(spread, 0.0)), 0.0), 1.0))


def deform(neutral: NeutralFace, controls: Array) -> Points:
    """(468, 3) eye distances in the head's frame: the neutral face under (8,) controls (``MOUTH_CONTROLS``)."""
    jaw, spread, pucker, upper, lower, press, bite, _ = controls.tolist()
    weights, rest = rig_weights(), neutral.shape
    release = smile_release(controls)
    closed = (1 - _JAW_CLOSED_BY_PRESS * press) * (1 - _JAW_CLOSED_BY_BITE * bite)
    shape = rest + jaw_displacement(rest, weights.jaw, MAX_JAW_ANGLE * jaw * closed) + neutral.relax * release
    inward = pucker + 0.30 * jaw * (1 - 0.5 * pucker)
    shape[:, 0] += weights.side * weights.corner * (0.055 * spread - 0.098 * inward)
    shape[:, 1] += (
        weights.corner * -0.012 * spread - 0.045 * weights.raise_upper * upper + 0.055 * weights.depress_lower * lower
    )
    shape[:, 2] += weights.corner * 0.03 * spread - 0.06 * weights.protrude * pucker
    _thicken_lips(shape, rest, 0.30 * pucker - 0.10 * max(spread, 0.0) + 0.25 * release * neutral.smile)
    edges = [shape[middle].copy() for middle, _ in _OUTER_EDGES]
    if press > 0:
        _thicken_lips(shape, rest, -_THINNED_BY_PRESS * press)
        _press_lips(shape, rest, jaw, closed, float(touching(controls[5])))
    if bite > 0:
        _bite_lower_lip(shape, rest, bite)
    if press > 0 or bite > 0:
        _let_skin_follow(shape, edges)
    return shape


def _press_lips(shape: Points, rest: Points, jaw: float, closed: float, shut: float) -> None:
    """Narrow the lips' opening to 1 - ``shut`` of what it would be without the press, in place.

    The jaw's rotation is reduced already, to ``closed`` of it; the lips cover what is left.
    """
    weights = rig_weights().jaw[_INNER]
    lost = [jaw_displacement(rest[_INNER], weights, MAX_JAW_ANGLE * jaw * share)[:, 1] for share in (1.0, closed)]
    open_by = shape[INNER_LOWER, 1] - shape[INNER_UPPER, 1]
    without = open_by + (lost[0] - lost[1])[11:] - (lost[0] - lost[1])[:11]
    bring_lips_together(shape, np.maximum(open_by - np.maximum(without, 0) * (1 - shut), 0), 0.35)


def _let_skin_follow(shape: Points, before: list[Points]) -> None:
    """Move the skin above and below the lips as far as the lips' outer edges moved since ``before``, in place.

    Otherwise the skin between a raised lower lip and the chin would stretch, and hair would shrink.
    """
    for (middle, weights), edge in zip(_OUTER_EDGES, before, strict=True):
        moved = (shape[middle] - edge)[:, 1].mean()
        follow: Array = getattr(rig_weights(), weights)
        shape[_SKIN, 1] += follow[_SKIN] * moved


def _thicken_lips(shape: Points, rest: Points, amount: float) -> None:
    """Move the outer contours of both lips away from the inner ones in place; a negative amount thins the lips."""
    shape[_OUTER_RINGS, 1] += amount * (rest[_OUTER_RINGS, 1] - rest[_INNER_RINGS, 1])


def _bite_lower_lip(shape: Points, rest: Points, amount: float) -> None:
    """Bring the lower lip under the upper teeth, its edge rolled in, and raise the upper lip a little, in place."""
    weight = (amount * _CENTRE_WEIGHTS)[_BETWEEN_CORNERS]
    edge = rest[INNER_UPPER, 1][_BETWEEN_CORNERS] + 0.012
    now = shape[INNER_LOWER, 1][_BETWEEN_CORNERS].copy()
    for share, ring in zip((0.75, 0.85, 0.95, 1.0), LOWER_RINGS, strict=True):
        shape[ring[_BETWEEN_CORNERS], 1] += weight * share * np.minimum(edge - now, 0)
    for share, ring in zip((0.5, 0.7, 0.9, 1.0), UPPER_RINGS, strict=True):
        shape[ring[_BETWEEN_CORNERS], 1] -= weight * 0.022 * share


def target_landmarks(material: WarpMaterial, controls: Array) -> Points:
    """(468, 2) px of the material's picture: where the landmarks should be under (8,) controls, the head held still."""
    target = deform(material.neutral, controls)
    if material.jaw_angle is not None:
        target[_SKIN] = _video_skin(material, target, material.jaw_angle)
    moved = (target - material.own) @ material.pose.rotation.T[:, :2] * material.pose.scale
    return np.asarray(material.landmarks[:, :2] + material.strength * moved)


def _video_skin(material: WarpMaterial, target: Points, jaw_angle: float) -> Points:
    """Where the skin of a video's frame goes: its own shape, its jaw angle and smile replaced by the target's.

    ``jaw_angle`` is the frame's own, rad. Returns one row per landmark of ``_SKIN``.
    """
    weights, shape = rig_weights(), material.own
    skin = shape + target - material.neutral.shape - jaw_displacement(shape, weights.jaw, jaw_angle)
    for corner, side in OUTER_CORNERS:
        half = weights.side == side
        skin[half] += weights.cheek[half, None] * (target[corner] - skin[corner])
    for middle, name in _OUTER_EDGES:
        follow: Array = getattr(weights, name)
        skin += follow[:, None] * (target[middle] - skin[middle]).mean(0)
    return np.asarray(skin[_SKIN])
