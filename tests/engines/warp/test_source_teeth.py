"""Teeth taken from the frames of a video."""

from __future__ import annotations

import numpy as np
import pytest

from lipsmith.engines.warp.moving_person import MovingPerson
from lipsmith.engines.warp.neutral import neutral_face
from lipsmith.engines.warp.source_teeth import TeethSearch
from lipsmith.face.canonical import fit_pose, mean_face
from lipsmith.types import Face, Image
from tests.support.drawn_face import TEETH, drawn_face


def search_in(*frames: tuple[Image, Face]) -> TeethSearch:
    search = TeethSearch()
    for image, face in frames:
        landmarks = face.landmarks[:468].astype(np.float64)
        pose = fit_pose(landmarks)
        search.add(image, landmarks, pose.to_own(landmarks), pose, 170.0)
    return search


def test_teeth_are_taken_from_the_frame_that_shows_them_best() -> None:
    search = search_in(*(drawn_face(jaw=jaw, scale=100, centre=(160, 100)) for jaw in (0.0, 0.08, 0.16, 0.05)))
    person = MovingPerson(neutral_face(np.array(mean_face())))
    teeth = search.best(person.middle)
    assert teeth is not None
    assert teeth.picture[teeth.alpha > 0.9].mean(0) == pytest.approx(TEETH, abs=8)
    assert teeth.corners[:, 2] == pytest.approx(person.middle[2])
    assert abs(teeth.corners[:2, 0].mean() - person.middle[0]) < 0.03


def test_lower_teeth_are_left_where_they_are() -> None:
    image, face = drawn_face(jaw=0.2, scale=110, centre=(160, 90))
    points = face.landmarks[:468].astype(np.float64)
    pose, top, bottom = fit_pose(points), points[13, 1], points[14, 1]
    gap = slice(round(top + 0.35 * (bottom - top)), round(top + 0.6 * (bottom - top)))
    image[gap, round(points[78, 0]) : round(points[308, 0])] = (35, 12, 12)
    teeth = search_in((image, face)).best(np.array([0, pose.to_own(points)[13, 1], -0.05]))
    assert teeth is not None
    column = teeth.alpha[:, teeth.alpha.shape[1] // 2]
    shown = np.flatnonzero(column > 0.5)
    assert len(shown) > 3
    assert shown[-1] - shown[0] < 0.5 * (bottom - top)
    assert teeth.colour() == pytest.approx(TEETH, abs=10)


def test_a_mouth_that_never_opens_has_no_teeth_to_take() -> None:
    assert search_in(drawn_face()).best(np.zeros(3)) is None
