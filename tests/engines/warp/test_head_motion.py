"""The field that moves a portrait's head."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from lipsmith.engines.warp.head_motion import HeadField, head_box, head_field
from lipsmith.engines.warp.idle import LIMITS
from lipsmith.face.canonical import Pose, mean_face
from lipsmith.types import Array

SCALE, SIZE = 60.0, (400, 420)
POSE = Pose(SCALE, np.eye(3), np.array([200.0, 190.0, 0.0]))
LANDMARKS = POSE.to_image(mean_face())
PLAIN = np.full((SIZE[1], SIZE[0], 3), 120, np.uint8)


@pytest.fixture(scope="module")
def field() -> HeadField:
    return head_field(PLAIN, LANDMARKS, POSE)


def moved(field: HeadField, point: tuple[float, float], motion: tuple[float, ...]) -> Array:
    """(2,) eye distances that ``point``, in eye distances from the bridge of the nose, moves."""
    place = np.array([200.0, 190.0]) + SCALE * np.array(point)
    row, column = np.unravel_index(np.linalg.norm(field.nodes - place, axis=-1).argmin(), field.nodes.shape[:2])
    return field.at(np.array(motion, np.float32))[row, column] / SCALE


def test_the_head_moves_as_a_whole_and_the_body_stays(field: HeadField) -> None:
    shift = (0.0, 0.0, 0.0, 0.1, 0.05, 0.0)
    for place in ((0, 0), (0.7, 0.2), (-0.7, 0.2), (0, 1.2), (0, -0.8)):
        assert moved(field, place, shift) == pytest.approx([0.1, 0.05], abs=0.012)
    neck, shoulder = moved(field, (0, 1.7), shift)[0], moved(field, (1.2, 2.1), shift)[0]
    assert 0.02 < neck < 0.09
    assert shoulder < 0.01


def test_nothing_moves_at_the_border_of_the_box(field: HeadField) -> None:
    x0, _, x1, y1 = head_box(POSE, SIZE)
    assert (x0, x1) == (62, 338)
    for limit in LIMITS * np.array([[1], [-1]]):
        motion = field.at(np.r_[limit, 1.0].astype(np.float32))
        outside = (field.nodes[..., 0] < x0) | (field.nodes[..., 0] > x1) | (field.nodes[..., 1] > y1)
        assert np.abs(motion[outside]).max() < 0.5  # px


def test_a_turn_moves_the_face_and_not_the_outline_of_the_hair(field: HeadField) -> None:
    yaw, pitch = (0.1, 0, 0, 0, 0, 0), (0, 0.1, 0, 0, 0, 0)
    assert moved(field, (0, 0.3), yaw)[0] > 0.06
    assert moved(field, (0, 0.3), pitch)[1] > 0.06
    assert abs(moved(field, (1.1, 0), yaw)[0]) < 0.01


def test_a_head_rolls_about_its_neck(field: HeadField) -> None:
    roll = (0, 0, 0.05, 0, 0, 0)
    brow, chin, neck = (moved(field, (0, y), roll)[0] for y in (-0.3, 1.2, 1.75))
    assert brow > 0.08
    assert 0 < chin < 0.4 * brow
    assert abs(neck) < 0.01
    assert moved(field, (0.7, 0), roll)[1] > 0.02 > -0.02 > moved(field, (-0.7, 0), roll)[1]


def test_brows_rise_and_lids_do_not(field: HeadField) -> None:
    brow, lid = (mean_face()[index, :2] for index in (105, 159))
    brows = (0, 0, 0, 0, 0, 1)
    assert moved(field, tuple(brow), brows)[1] < -0.03
    assert abs(moved(field, tuple(lid), brows)[1]) < 0.012
    assert not head_field(PLAIN, LANDMARKS, POSE, brows=False).motions[5].any()


def test_nothing_folds_over_at_the_limits(field: HeadField) -> None:
    step = field.nodes[1, 1] - field.nodes[0, 0]
    for signs in product((-1, 1), repeat=5):
        motion = field.at(np.r_[LIMITS * signs, 1.0].astype(np.float32))
        down, across = np.gradient(motion, axis=0) / step[1], np.gradient(motion, axis=1) / step[0]
        area = (1 - across[..., 0]) * (1 - down[..., 1]) - across[..., 1] * down[..., 0]
        assert area.min() > 0.25


def test_a_head_moves_less_before_straight_lines_and_turns_as_far(field: HeadField) -> None:
    tiles, noise = PLAIN.copy(), np.random.default_rng(0).integers(90, 150, PLAIN.shape).astype(np.uint8)
    tiles[::24], tiles[:, ::24] = 230, 230
    before_tiles, before_noise = (head_field(picture, LANDMARKS, POSE) for picture in (tiles, noise))
    shift, turn = (0.0, 0.0, 0.0, 0.1, 0.0, 0.0), (0.1, 0.0, 0.0, 0.0, 0.0, 0.0)
    assert moved(before_tiles, (0, 0), shift)[0] == pytest.approx(0.055, abs=0.005)
    assert moved(before_noise, (0, 0), shift)[0] == pytest.approx(0.1, abs=0.01)
    assert moved(before_tiles, (0, 0.3), turn) == pytest.approx(moved(field, (0, 0.3), turn))


def test_a_face_at_the_border_keeps_still_and_one_with_room_moves_whole(field: HeadField) -> None:
    def beside_the_border(eye_distances: float) -> float:
        shift = eye_distances * SCALE - LANDMARKS[:, 0].min()
        pose = Pose(SCALE, np.eye(3), POSE.shift + np.array([shift, 0, 0]))
        beside = head_field(PLAIN, LANDMARKS + np.array([shift, 0, 0]), pose, brows=False)
        return float(np.abs(beside.motions).max())

    whole = np.abs(field.motions[:5]).max()
    assert beside_the_border(-0.2) == 0  # it cuts the face
    assert 0.1 * whole < beside_the_border(0.1) < 0.6 * whole
    assert beside_the_border(0.4) == pytest.approx(whole, rel=0.1)
