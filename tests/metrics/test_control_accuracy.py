"""The astronaut does what it is told: drawn, and found again by FaceMesh."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from lipsmith.engines.warp.control_easing import ControlEasing
from lipsmith.face.landmarks import Landmarker
from lipsmith.metrics.control_accuracy import (
    MAX_JUMP,
    ControlAccuracy,
    _score,
    measure_control_accuracy,
    opening,
    opening_jumps,
    random_commands,
)
from lipsmith.types import Face, Image


def talking() -> list[np.ndarray]:
    """(17,) drives of a mouth that is wide open, pressed for one frame, and open again, eased as speech is."""
    rows = np.zeros((13, 8), np.float32)
    rows[:, 0], rows[6, 5] = 0.7, 1
    easing = ControlEasing(Fraction(25))
    return [np.append(row, np.zeros(6, np.float32)) for row in easing.push(list(rows)) + easing.flush()]


@pytest.fixture(scope="module")
def obedience(astronaut: Image) -> ControlAccuracy:
    with Landmarker(max_faces=1) as landmarker:
        face = landmarker.find(astronaut)[0]

        def find(image: Image) -> Face | None:
            return landmarker.follow(image, [face])[0]

        return measure_control_accuracy(astronaut, face, find, random_commands(14, 3), talking())


def test_the_mouth_opens_as_far_as_it_is_told(obedience: ControlAccuracy) -> None:
    assert obedience.lost == 0
    assert obedience.aperture_correlation >= 0.95
    assert obedience.aperture_error <= 0.015


def test_the_mouth_is_as_wide_as_it_is_told(obedience: ControlAccuracy) -> None:
    assert obedience.width_correlation >= 0.93


def test_pressed_lips_touch(obedience: ControlAccuracy) -> None:
    assert obedience.press_gap <= 0.005


def test_nothing_outside_the_mouth_changes_and_nothing_folds(obedience: ControlAccuracy) -> None:
    assert obedience.outside == 0
    assert obedience.border == 0
    assert obedience.folds == 0


def test_a_talking_mouth_does_not_jump(obedience: ControlAccuracy) -> None:
    assert 0.03 < obedience.largest_jump < MAX_JUMP
    assert obedience.jumps == 0


def test_jumps_are_counted_between_frames_in_which_the_face_was_found() -> None:
    assert opening_jumps(np.array([0.1, 0.0, np.nan, 0.2, 0.15])) == (pytest.approx(0.1), 1)
    assert np.isnan(opening_jumps(np.array([0.1, np.nan]))[0])


def test_the_opening_is_measured_along_the_face() -> None:
    points = np.zeros((468, 2))
    points[[88, 178, 87, 14, 317, 402, 318]] = (-8.0, 6.0)
    points[[78, 308]] = [(0, 0), (30.0, 40.0)]
    assert opening(points, np.array([-0.8, 0.6]), 50.0) == pytest.approx((0.2, 1.0))


def test_a_mouth_that_does_not_move_does_not_obey_and_one_never_found_is_not_judged() -> None:
    told = np.array([[0, 0.1, 0.2, 0.5, 0.6], [0, 0.3, 0.2, 0.7, 0.6], [0, 0.5, 0.2, 0.6, 0.6]])
    still = _score(told, 0, 0, 0.0)
    assert (still.frames, still.lost, still.aperture_correlation, still.width_correlation) == (3, 0, 0.0, 0.0)
    told[:, [2, 4]] = np.nan
    unseen = _score(told, 0, 0, 0.0)
    assert (unseen.frames, unseen.lost) == (0, 3)
    assert np.isnan([unseen.aperture_correlation, unseen.width_correlation, unseen.press_gap]).all()


def test_commands_are_the_same_every_time() -> None:
    commands = random_commands(5, 2)
    assert np.array_equal(commands, random_commands(5, 2))
    assert commands.shape == (7, 8)
    assert commands[5:, 5] == pytest.approx(1)
    assert commands[:5, 5] == pytest.approx(0)
