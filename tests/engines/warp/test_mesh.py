"""The two warp layers: their backward displacement, their window, landmarks hidden behind the face."""

from __future__ import annotations

import numpy as np
import pytest

from lipsmith.engines.warp.landmark_indices import LIPS, LOWER_LAYER, LOWER_RINGS, UPPER_RINGS
from lipsmith.engines.warp.mesh import backward_displacements, cell_centres, make_mesh, place_plane, sample_grid
from lipsmith.face.canonical import mean_face
from tests.support.drawn_face import turned

FORWARD = np.array([[100.0, 0, 150], [0, 100.0, 140]], np.float32)
SIZE = (300, 300)


def shape(yaw: float = 0.0) -> np.ndarray:
    face = mean_face() - [0, mean_face()[13, 1], 0]
    return np.asarray(face @ turned(yaw).T)


def test_a_grid_sampled_at_its_cell_centres_is_unchanged() -> None:
    grid = np.random.default_rng(0).normal(size=(6, 9, 2)).astype(np.float32)
    centres = cell_centres((6, 9), (90, 48), (10, 20))
    assert sample_grid(grid, (10, 20, 100, 68), centres) == pytest.approx(grid, abs=0.05)


def test_moved_lips_are_read_from_where_they_were() -> None:
    mesh, placement = make_mesh(shape()), place_plane(FORWARD, SIZE, 52)
    target = np.zeros((468, 2), np.float32)
    target[LOWER_LAYER, 1] = 0.08 * np.exp(-((shape()[LOWER_LAYER, 1] - 0.1) ** 2) / 0.1)
    lower = backward_displacements(mesh, placement, None, target)[1]
    for index in LOWER_RINGS[:, 3:8].ravel():
        place = (shape()[index, :2] + target[index]) * 100 + (150, 140)
        source = place - sample_grid(lower, placement.box, place[None, None].astype(np.float32))[0, 0]
        assert source == pytest.approx(shape()[index, :2] * 100 + (150, 140), abs=0.6)


def test_a_source_displacement_equal_to_the_target_moves_nothing() -> None:
    mesh, placement = make_mesh(shape()), place_plane(FORWARD, SIZE, 52)
    move = np.zeros((468, 2), np.float32)
    move[UPPER_RINGS.ravel(), 1] = -0.03
    for displacement in backward_displacements(mesh, placement, move, move):
        assert np.abs(displacement).max() < 1e-3


def test_nothing_moves_at_the_border() -> None:
    mesh, placement = make_mesh(shape()), place_plane(FORWARD, SIZE, 52)
    target = np.full((468, 2), 0.1, np.float32)
    for displacement in backward_displacements(mesh, placement, None, target):
        edge = np.concatenate([displacement[0], displacement[-1], displacement[:, 0], displacement[:, -1]])
        assert np.abs(edge).max() == 0
        assert np.abs(displacement).max() > 5


def test_the_box_stays_inside_the_picture() -> None:
    assert place_plane(FORWARD, (170, 150), 8).box == (45, 67, 170, 150)


def test_landmarks_hidden_behind_the_face_do_not_warp_it() -> None:
    frontal, turned_away = make_mesh(shape()), make_mesh(shape(0.7))
    assert len(frontal.layers[0].points) > len(turned_away.layers[0].points)
    for layer in turned_away.layers:
        assert np.isin(np.intersect1d(layer.points, LIPS), layer.points).all()
    assert np.isin(UPPER_RINGS.ravel(), turned_away.layers[0].points).all()
    assert np.isin(LOWER_RINGS.ravel(), turned_away.layers[1].points).all()
