"""The head's own frame: the mean face, the similarity fit, the angles."""

from __future__ import annotations

import numpy as np
import pytest

from lipsmith.face.canonical import POINTS, RIGID, Pose, fit_pose, mean_face, similarity


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    ahead = np.array([np.sin(yaw) * np.cos(pitch), np.sin(pitch), -np.cos(yaw) * np.cos(pitch)])
    right = np.cross([0.0, 1.0, 0.0], -ahead)
    right /= np.linalg.norm(right)
    upright = np.stack([right, np.cross(-ahead, right), -ahead], 1)
    spin = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    return spin @ upright


def test_the_mean_face_is_a_symmetric_face_with_closed_lips() -> None:
    face = mean_face()
    assert face.shape == (POINTS, 3)
    assert np.linalg.norm(face[33] - face[263]) == pytest.approx(1, abs=1e-3)
    assert face[168, 1:] == pytest.approx([0, 0], abs=1e-6)
    for left, right in ((33, 263), (61, 291), (78, 308), (234, 454), (172, 397)):
        assert face[left] * [-1, 1, 1] == pytest.approx(face[right], abs=0.01)
    assert abs(face[14, 1] - face[13, 1]) < 0.005
    assert np.linalg.norm(face[61] - face[291]) == pytest.approx(0.585, abs=0.01)


def test_the_mean_face_agrees_with_the_published_key_points() -> None:
    """Key points of the prototype's own mean, from other pictures: within a tenth of an eye distance."""
    published = {4: (0, 0.41, -0.28), 2: (0, 0.57, -0.10), 13: (0, 0.82, -0.05), 61: (-0.27, 0.82, 0.10)}
    published |= {152: (0, 1.30, 0.09), 234: (-0.77, 0.33, 0.82)}
    for index, point in published.items():
        assert mean_face()[index] == pytest.approx(point, abs=0.1)


def test_the_mean_face_cannot_be_changed_by_a_user() -> None:
    with pytest.raises(ValueError, match="read-only"):
        mean_face()[0] = 0


def test_similarity_finds_what_was_applied() -> None:
    points = np.random.default_rng(1).normal(size=(30, 3))
    turn, shift = rotation(0.3, -0.2, 0.5), np.array([5.0, -2.0, 1.0])
    scale, found, moved = similarity(points, 7.0 * points @ turn.T + shift)
    assert scale == pytest.approx(7)
    assert found == pytest.approx(turn)
    assert moved == pytest.approx(shift)


def test_weights_choose_what_is_fitted() -> None:
    points = np.random.default_rng(2).normal(size=(20, 3))
    target = 2 * points
    target[15:] += 40
    weights = np.r_[np.ones(15), np.zeros(5)]
    assert similarity(points, target, weights)[0] == pytest.approx(2)
    assert similarity(points, target)[0] != pytest.approx(2, abs=0.1)


def test_similarity_never_mirrors() -> None:
    points = np.random.default_rng(3).normal(size=(20, 3))
    assert np.linalg.det(similarity(points, points * [-1, 1, 1])[1]) == pytest.approx(1)


@pytest.mark.parametrize(("yaw", "pitch", "roll"), [(0, 0, 0), (0.5, 0.1, -0.2), (-0.4, -0.3, 0.6)])
def test_the_pose_is_found_again_whatever_the_mouth_does(yaw: float, pitch: float, roll: float) -> None:
    pose = Pose(120.0, rotation(yaw, pitch, roll), np.array([300.0, 200.0, 15.0]))
    shape = np.array(mean_face())
    mouth = np.setdiff1d(np.arange(POINTS), RIGID)
    shape[mouth] += np.random.default_rng(4).normal(0, 0.2, (len(mouth), 3))
    found = fit_pose(pose.to_image(shape))
    assert found.scale == pytest.approx(120)
    assert found.angles == pytest.approx((yaw, pitch, roll), abs=1e-6)
    assert found.to_head(pose.to_image(shape)) == pytest.approx(shape)


def test_irises_are_left_out() -> None:
    pose = Pose(50.0, np.eye(3), np.zeros(3))
    landmarks = np.vstack([pose.to_image(mean_face()), np.full((10, 3), 1e4)])
    assert fit_pose(landmarks).scale == pytest.approx(50)
