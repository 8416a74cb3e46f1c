"""Lip contours are moved to where the picture shows them."""

from __future__ import annotations

import numpy as np
import pytest

from lipsmith.engines.warp.landmark_indices import INNER_LOWER, INNER_UPPER, LIPS
from lipsmith.engines.warp.lip_contours import refine_closed_lips, refine_open_lips
from lipsmith.face.canonical import fit_pose
from tests.support.drawn_face import drawn_face

MIDDLE = slice(2, 9)


def shifted(jaw: float, up: float, down: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A picture, its true landmarks, and landmarks whose inner lips are off by px upwards and downwards."""
    image, face = drawn_face(jaw=jaw, scale=110, centre=(160, 90))
    truth = face.landmarks[:468].astype(np.float64)
    wrong = truth.copy()
    wrong[INNER_UPPER[1:-1], 1] -= up
    wrong[INNER_LOWER[1:-1], 1] += down
    return image, truth, wrong


def test_closed_lips_meet_on_the_dark_line() -> None:
    image, truth, _ = shifted(0.0, 0, 0)
    line = round(float(truth[13, 1]))
    image[line - 1 : line + 1, int(truth[78, 0]) : int(truth[308, 0])] = (30, 10, 10)
    wrong = truth + np.array([0, 3.0, 0])
    refined = refine_closed_lips(image, wrong, fit_pose(truth))
    assert refined[13, :2] == pytest.approx(refined[14, :2])
    assert abs(refined[13, 1] - line) < abs(wrong[13, 1] - line) - 1


def test_open_lips_end_where_their_colour_ends() -> None:
    image, truth, wrong = shifted(0.15, -3.0, -3.0)
    refined = refine_open_lips(image, wrong, fit_pose(truth))
    for line in (INNER_UPPER[MIDDLE], INNER_LOWER[MIDDLE]):
        before = np.abs(wrong[line, 1] - truth[line, 1]).mean()
        assert np.abs(refined[line, 1] - truth[line, 1]).mean() < 0.6 * before


def test_no_teeth_are_left_on_open_lips() -> None:
    image, truth, wrong = shifted(0.15, -3.0, -3.0)
    refined = refine_open_lips(image, wrong, fit_pose(truth))
    teeth = np.concatenate([INNER_UPPER[MIDDLE], INNER_LOWER[MIDDLE]])
    into_lip = np.repeat([-1, 1], 7) * (refined[teeth, 1] - truth[teeth, 1]) / fit_pose(truth).scale
    assert into_lip.mean() > 0.009, "the blurred edge of the teeth is dragged along with the lip"


def test_only_lips_are_touched() -> None:
    image, truth, wrong = shifted(0.15, -3.0, -3.0)
    others = np.setdiff1d(np.arange(468), LIPS)
    assert np.array_equal(refine_open_lips(image, wrong, fit_pose(truth))[others], wrong[others])


def test_each_refinement_leaves_the_other_kind_of_mouth_alone() -> None:
    image, truth, _ = shifted(0.15, 0, 0)
    assert np.array_equal(refine_closed_lips(image, truth, fit_pose(truth)), truth)
    image, truth, _ = shifted(0.0, 0, 0)
    assert np.array_equal(refine_open_lips(image, truth, fit_pose(truth)), truth)
