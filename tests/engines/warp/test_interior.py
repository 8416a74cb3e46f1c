"""The inside of the mouth: its colours, its light, its teeth."""

from __future__ import annotations

import numpy as np
import pytest

from lipsmith.engines.warp.interior import make_interior, teeth_corners, teeth_sprite
from lipsmith.engines.warp.moving_person import MovingPerson
from lipsmith.engines.warp.palette import look, luma, saturation
from lipsmith.engines.warp.source_teeth import TeethSearch
from lipsmith.engines.warp.target import neutral_of
from lipsmith.face.canonical import fit_pose, mean_face
from tests.support.drawn_face import SKIN, TEETH, drawn_face


def palette(**changes: object):
    image, face = drawn_face(**changes)
    return look(image, face.landmarks, fit_pose(face.landmarks).scale), image, face


def test_skin_is_read_and_teeth_are_bright_and_warm() -> None:
    read = palette()[0]
    assert read.skin == pytest.approx(SKIN, abs=6)
    assert luma(read.teeth) > 0.9 * luma(read.skin)
    assert read.teeth[0] > read.teeth[2]
    assert luma(read.cavity) < luma(read.shadow) < luma(read.tongue) < luma(read.teeth)


def test_a_darker_portrait_has_a_darker_mouth() -> None:
    assert luma(palette(light=0.5)[0].teeth) < 0.65 * luma(palette()[0].teeth)


def test_a_grey_portrait_has_a_grey_mouth() -> None:
    image, face = drawn_face()
    grey = np.repeat(image.mean(-1, keepdims=True), 3, -1).astype(np.uint8)
    read = look(grey, face.landmarks, fit_pose(face.landmarks).scale)
    for colour in (read.teeth, read.tongue, read.cavity, read.shadow):
        assert saturation(colour) < 0.05


def test_light_from_the_side_is_followed() -> None:
    image, face = drawn_face()
    lit = np.clip(image * np.linspace(0.5, 1.2, image.shape[1])[None, :, None], 0, 255).astype(np.uint8)
    read = look(lit, face.landmarks, fit_pose(face.landmarks).scale)
    assert read.slant > 0.1
    assert look(image, face.landmarks, 80).slant == pytest.approx(0, abs=0.06)
    assert read.shaded(np.array([0.2], np.float32)) > 1 > read.shaded(np.array([-0.2], np.float32))


def test_the_drawn_teeth_are_symmetric() -> None:
    for upper in (True, False):
        sprite = teeth_sprite(upper)
        assert sprite.min() >= 0
        assert sprite.max() <= 1
        assert np.abs(sprite - sprite[:, ::-1]).mean() < 0.01


def test_upper_teeth_stay_with_the_skull_and_lower_ones_follow_the_jaw() -> None:
    interior = make_interior(palette()[0], np.array(mean_face()), 80)
    assert teeth_corners(interior, True, 1.0) == pytest.approx(teeth_corners(interior, True, 0.0))
    fall = teeth_corners(interior, False, 1.0) - teeth_corners(interior, False, 0.0)
    assert fall[:, 1].min() > 0.12


def test_teeth_are_taken_from_the_frame_that_shows_them_best() -> None:
    search = TeethSearch()
    for jaw in (0.0, 0.08, 0.16, 0.05):
        image, face = drawn_face(jaw=jaw, scale=100, centre=(160, 100))
        points = face.landmarks[:468].astype(np.float64)
        pose = fit_pose(points)
        search.see(image, points, pose.to_head(points), pose, 170.0)
    film = MovingPerson(neutral_of(np.array(mean_face())))
    teeth = search.best(film.middle)
    assert teeth is not None
    assert teeth.picture[teeth.alpha > 0.9].mean(0) == pytest.approx(TEETH, abs=8)
    assert teeth.corners[:, 2] == pytest.approx(film.middle[2])
    assert abs(teeth.corners[:2, 0].mean() - film.middle[0]) < 0.03


def test_lower_teeth_are_left_where_they_are() -> None:
    image, face = drawn_face(jaw=0.2, scale=110, centre=(160, 90))
    points = face.landmarks[:468].astype(np.float64)
    pose, top, bottom = fit_pose(points), points[13, 1], points[14, 1]
    gap = slice(round(top + 0.35 * (bottom - top)), round(top + 0.6 * (bottom - top)))
    image[gap, round(points[78, 0]) : round(points[308, 0])] = (35, 12, 12)
    search = TeethSearch()
    search.see(image, points, pose.to_head(points), pose, 170.0)
    teeth = search.best(np.array([0, pose.to_head(points)[13, 1], -0.05]))
    assert teeth is not None
    column = teeth.alpha[:, teeth.alpha.shape[1] // 2]
    shown = np.flatnonzero(column > 0.5)
    assert len(shown) > 3
    assert shown[-1] - shown[0] < 0.5 * (bottom - top)
    assert teeth.colour() == pytest.approx(TEETH, abs=10)


def test_a_mouth_that_never_opens_has_no_teeth_to_take() -> None:
    search = TeethSearch()
    image, face = drawn_face()
    points = face.landmarks[:468].astype(np.float64)
    pose = fit_pose(points)
    search.see(image, points, pose.to_head(points), pose, 170.0)
    assert search.best(np.zeros(3)) is None
