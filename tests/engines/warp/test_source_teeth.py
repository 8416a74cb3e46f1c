"""Teeth taken from a portrait, or from the frames of a video."""

from __future__ import annotations

import numpy as np
import pytest

from lipsmith.engines.warp import WarpEngine, WarpOptions
from lipsmith.engines.warp.moving_person import MovingPerson
from lipsmith.engines.warp.neutral import lip_line_middle, neutral_face
from lipsmith.engines.warp.palette import estimate_palette, luma
from lipsmith.engines.warp.source_teeth import TeethSearch, portrait_teeth
from lipsmith.engines.warp.teeth import Teeth
from lipsmith.face.canonical import fit_pose, mean_face
from lipsmith.types import Face, Image, PreparedFace
from tests.support.drawn_face import TEETH, drawn_face


def search_in(*frames: tuple[Image, Face]) -> TeethSearch:
    search = TeethSearch()
    for image, face in frames:
        landmarks = face.landmarks[:468].astype(np.float64)
        pose = fit_pose(landmarks)
        palette = estimate_palette(image, landmarks, pose.scale)
        search.add(image, landmarks, pose.to_head(landmarks), pose, palette)
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
    teeth = search_in((image, face)).best(np.array([0, pose.to_head(points)[13, 1], -0.05]))
    assert teeth is not None
    column = teeth.alpha[:, teeth.alpha.shape[1] // 2]
    shown = np.flatnonzero(column > 0.5)
    assert len(shown) > 3
    assert shown[-1] - shown[0] < 0.5 * (bottom - top)
    assert teeth.colour() == pytest.approx(TEETH, abs=10)


def test_a_mouth_that_never_opens_has_no_teeth_to_take() -> None:
    assert search_in(drawn_face()).best(np.zeros(3)) is None


def grin() -> tuple[Image, Face]:
    """A face that shows its teeth, parted by dark lines."""
    image, face = drawn_face(jaw=0.12, scale=110, centre=(160, 90))
    top, bottom = (int(face.landmarks[i, 1]) for i in (13, 14))
    for x in np.arange(-4, 5) * 9 + 160:
        image[top + 2 : bottom - 1, x : x + 2] = (140, 120, 105)
    return image, face


def teeth_of(image: Image, face: Face) -> Teeth | None:
    points = face.landmarks[:468].astype(np.float64)
    pose = fit_pose(points)
    neutral = neutral_face(pose.to_head(points))
    palette = estimate_palette(image, face.landmarks, pose.scale)
    return portrait_teeth(image, points, pose, palette, lip_line_middle(neutral.shape))


def prepared_grin(image: Image, face: Face) -> tuple[WarpEngine, PreparedFace]:
    """An engine without idle motion, and the face prepared by it."""
    engine = WarpEngine(WarpOptions(idle=False))
    analysis = engine.analyze(still=True)
    analysis.add(image, face)
    return engine, engine.prepare(image, face, analysis.identity())


def contrast(picture: Image, x: float, y: float) -> float:
    """Spread of the light along a row of teeth, relative to it."""
    row = luma(picture[round(y) - 1 : round(y) + 2, round(x) - 24 : round(x) + 24].astype(np.float32)).mean(0)
    return float(row.std() / row.mean())


def test_the_teeth_of_a_grin_stay_apart_when_lips_move_over_them() -> None:
    image, face = grin()
    engine, prepared = prepared_grin(image, face)
    x, y = face.landmarks[13, 0], face.landmarks[13, 1] + 5
    x0, y0, _, _ = prepared.crop.box
    before = contrast(image, x, y)
    for jaw, upper in ((0.5, 0.0), (0.4, 0.6), (0.9, 0.2)):
        drive = np.array([jaw, 0.2, 0, upper, 0.2, *[0] * 9], np.float32)
        picture = engine.render([[prepared.material]], [[drive]])[0][0]
        assert contrast(picture, x - x0, y - y0) > 0.7 * before


def test_a_portrait_with_wet_lips_has_no_teeth_to_keep() -> None:
    image, face = drawn_face(jaw=0.12, scale=110, centre=(160, 90))
    assert teeth_of(image, face) is not None
    top, bottom = (int(face.landmarks[i, 1]) for i in (13, 14))
    lips = image.copy()
    lips[top - 2 : bottom + 3, 120:200] = (175, 92, 90)
    lips[top + 5 : top + 8, 150:158] = (235, 225, 220)
    assert teeth_of(lips, face) is None


def test_teeth_go_on_under_the_lip_each_in_its_own_colour() -> None:
    image, face = grin()
    teeth = teeth_of(image, face)
    assert teeth is not None
    column = teeth.alpha[:, teeth.alpha.shape[1] // 2]
    shown = np.flatnonzero(column > 0.5)
    assert len(shown) > 0.03 * 110 + face.landmarks[14, 1] - face.landmarks[13, 1] - 6
    hidden = luma(teeth.picture[shown[0]])[teeth.alpha[shown[0]] > 0.4]
    assert hidden.std() / hidden.mean() > 0.08
    assert hidden.mean() > 0.8 * luma(np.array(TEETH, np.float32))


def test_a_round_mouth_hides_the_teeth_of_a_grin() -> None:
    image, face = grin()
    engine, prepared = prepared_grin(image, face)
    (x0, y0, _, _), (x, y) = prepared.crop.box, face.landmarks[13, :2]
    brightness = []
    for pucker in (0.0, 0.9):
        drive = np.array([0.5, 0, pucker, *[0] * 11], np.float32)
        picture = engine.render([[prepared.material]], [[drive]])[0][0]
        brightness.append(float(luma(picture[round(y - y0) + 5, round(x - x0) - 6 : round(x - x0) + 6]).max()))
    assert brightness[1] < 0.6 * brightness[0]


def test_the_dark_below_the_teeth_of_a_wide_open_mouth_is_not_cut_out_with_them() -> None:
    image, face = drawn_face(jaw=0.2, scale=110, centre=(160, 90))
    top, bottom = (int(face.landmarks[i, 1]) for i in (13, 14))
    image[top + 10 : bottom - 1, 120:200] = (120, 70, 70)  # a tongue
    teeth = search_in((image, face)).best(np.array([0, 0.80, -0.05]))
    assert teeth is not None
    kept = teeth.picture[teeth.alpha > 0.6]
    assert np.mean(luma(kept) < 150) < 0.1
