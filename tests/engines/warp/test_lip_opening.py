"""The edges of the lips, and the opening between them."""

from __future__ import annotations

import numpy as np

from lipsmith.engines.warp.landmark_indices import INNER_LOWER, INNER_UPPER
from lipsmith.engines.warp.lip_opening import lip_curves
from lipsmith.face.canonical import POINTS
from lipsmith.types import Array

ACROSS = np.linspace(-0.2, 0.2, 11)


def landmarks(upper: Array, lower: Array) -> Array:
    """(468, 2) landmarks with inner lip edges of (11,) heights."""
    points = np.zeros((POINTS, 2), np.float32)
    points[INNER_UPPER] = np.column_stack([ACROSS, upper])
    points[INNER_LOWER] = np.column_stack([ACROSS, lower])
    return points


def test_a_rounded_mouth_has_no_box_between_its_lips() -> None:
    lower = 0.06 * np.array([0, 0.3, 0.6, 0.85, 1, 1, 1, 0.85, 0.6, 0.3, 0])
    curves = lip_curves(landmarks(np.zeros(11), lower))
    slope = np.diff(curves.lower) / np.diff(curves.x)
    assert np.abs(np.diff(slope)).max() < 0.06  # the slope of the sides is .45; it turns over many points
    assert np.isclose(curves.lower.max(), 0.06, rtol=0.03)


def test_corners_stay_where_they_are_and_touching_lips_touch() -> None:
    line = 0.03 * np.abs(ACROSS) + np.linspace(0, 0.02, 11)
    curves = lip_curves(landmarks(line, line))
    assert np.array_equal(curves.upper, curves.lower)
    assert np.allclose(curves.upper[[0, -1]], line[[0, -1]], atol=1e-6)
