"""The 68 points, on the mean face, whose geometry is known."""

from __future__ import annotations

import numpy as np

from lipsmith.face.canonical import mean_face
from lipsmith.face.points68 import BROWS, EYES, JAW, LIPS, MIRRORED, MOUTH, NOSE, POINTS, points68
from lipsmith.types import Array


def mean_points() -> Array:
    face = np.zeros((478, 3), np.float32)
    face[: len(mean_face())] = mean_face()
    return points68(face)


def test_a_mirrored_face_has_mirrored_points() -> None:
    points = mean_points()
    assert points.shape == (POINTS, 2)
    assert sorted(MIRRORED) == list(range(POINTS))
    np.testing.assert_allclose(points[MIRRORED] * [-1, 1], points, atol=0.01)


def test_jaw_and_nose_bridge_are_evenly_spaced() -> None:
    points = mean_points()
    steps = np.linalg.norm(np.diff(points[JAW], axis=0), axis=1)
    assert steps.max() < 1.6 * steps.min()
    bridge = np.diff(points[NOSE][:4, 1])
    np.testing.assert_allclose(bridge, bridge.mean(), rtol=0.15)


def test_parts_lie_where_they_do_in_a_face() -> None:
    points = mean_points()
    middles = [points[part][:, 1].mean() for part in (BROWS, EYES[0], NOSE, LIPS)]
    assert middles == sorted(middles)
    assert points[8, 1] == points[:, 1].max()
    assert points[EYES[0], 0].max() < 0 < points[EYES[1], 0].min()
    assert points[LIPS][0, 0] < points[MOUTH][0, 0] < 0 < points[MOUTH][4, 0] < points[LIPS][6, 0]
