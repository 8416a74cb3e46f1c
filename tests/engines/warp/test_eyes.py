"""Lids that close and irises that move, on drawn faces."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from lipsmith.engines.warp.eyelids import EYES as LIDS
from lipsmith.engines.warp.eyelids import FACE_CONTOUR, Eye, draw_eyes, face_region, fill_smoothly, make_eyes, tinted
from lipsmith.engines.warp.glasses import wears_glasses
from lipsmith.engines.warp.lid_edges import COLUMNS, snap_lid, with_outer_corners
from lipsmith.engines.warp.palette import luma
from lipsmith.face.canonical import fit_pose
from lipsmith.types import Array, Image
from tests.support.drawn_face import drawn_face

SCALE = 110.0
IRIS = (30, 60, 90)
CENTRES = ((159, 145), (386, 374))  # FaceMesh: the middles of upper and lower lid


def face_with_irises(roll: float = 0.0) -> tuple[Image, Array]:
    """A drawn face whose eyes have irises, and lashes along their upper lids; and its (478, 3) px landmarks."""
    image, face = drawn_face(scale=SCALE, roll=roll)
    points = face.landmarks.copy()
    for k, (upper, lower, _) in enumerate(LIDS):
        centre, radius = points[list(CENTRES[k]), :2].mean(0), 0.05 * SCALE
        places = [centre, *(centre + radius * np.array(step) for step in ((1, 0), (0, -1), (-1, 0), (0, 1)))]
        points[468 + 5 * k : 473 + 5 * k, :2] = places
        lids = np.round(16 * points[[*upper, *lower[::-1]], :2]).astype(np.int32)
        eyeball, opening = np.full_like(image, 235), np.zeros(image.shape[:2], np.uint8)
        cv2.circle(eyeball, np.round(16 * centre).astype(int).tolist(), round(radius * 16), IRIS, -1, cv2.LINE_AA, 4)
        cv2.fillPoly(opening, [lids], 255, cv2.LINE_AA, 4)
        image = np.where(opening[..., None] > 127, eyeball, image)
        cv2.polylines(image, [lids[: len(upper)]], False, (40, 25, 20), 2, cv2.LINE_AA, 4)
    return image, points


def eyes_of(image: Image, points: Array) -> tuple[Eye, ...]:
    return make_eyes(image, points.astype(np.float64), fit_pose(points))


def iris_centre(image: Image, points: Array, eye: int) -> np.ndarray:
    """(2,) px: the mean place of the pixels around an eye that have the iris' colour."""
    x, y = points[468 + 5 * eye, :2]
    rows, columns = np.mgrid[int(y) - 12 : int(y) + 13, int(x) - 16 : int(x) + 17]
    near = np.abs(image[rows, columns].astype(int) - IRIS).sum(-1) < 90
    return np.array([columns[near].mean(), rows[near].mean()])


def white_pixels(image: Image, eye: Eye) -> int:
    x0, y0, x1, y1 = eye.box
    return int((image[y0:y1, x0:x1].min(-1) > 215).sum())


def test_eyes_at_rest_are_the_picture_itself() -> None:
    image, points = face_with_irises()
    assert draw_eyes(image, eyes_of(image, points), 0.0, (0.0, 0.0)) is image


def test_only_the_eyes_change_and_the_source_stays() -> None:
    image, points = face_with_irises()
    before, eyes = image.copy(), eyes_of(image, points)
    changed = draw_eyes(image, eyes, 1.0, (0.03, 0.01))
    assert np.array_equal(image, before)
    for x0, y0, x1, y1 in (eye.box for eye in eyes):
        assert not np.array_equal(changed[y0:y1, x0:x1], image[y0:y1, x0:x1])
        changed[y0:y1, x0:x1] = image[y0:y1, x0:x1]
    assert np.array_equal(changed, image)


def test_a_closed_eye_shows_skin_and_lashes_but_no_eyeball() -> None:
    image, points = face_with_irises()
    eyes = eyes_of(image, points)
    closed = draw_eyes(image, eyes, 1.0, (0.0, 0.0)).astype(int)
    skin = np.median(image[int(points[168, 1]) - 4 : int(points[168, 1]) + 4, int(points[168, 0]) - 4 :][:, :8], (0, 1))
    for k, eye in enumerate(eyes):
        x, y = points[468 + 5 * k, :2].round().astype(int)
        assert np.abs(np.median(closed[y - 3 : y + 2, x - 5 : x + 6], (0, 1)) - skin).max() < 30
        assert white_pixels(closed, eye) < 0.05 * white_pixels(image, eye)
        below = closed[y : int(points[CENTRES[k][1], 1]) + 6, x - 5 : x + 6].sum(-1)
        assert below.min(0).max() < skin.sum() - 100  # a line of lashes, in every column


def test_lids_close_more_and_more() -> None:
    image, points = face_with_irises()
    eyes = eyes_of(image, points)
    seen = [sum(white_pixels(draw_eyes(image, eyes, c, (0, 0)), eye) for eye in eyes) for c in (0, 0.3, 0.6, 1)]
    assert seen == sorted(seen, reverse=True)
    assert seen[0] > seen[1] > seen[2] > seen[3]


@pytest.mark.parametrize("roll", [0.0, 0.3])
@pytest.mark.parametrize("across", [0.03, -0.02])
def test_irises_move_along_the_line_through_the_eyes(across: float, roll: float) -> None:
    image, points = face_with_irises(roll)
    moved = draw_eyes(image, eyes_of(image, points), 0.0, (across, 0.0))
    for eye in (0, 1):
        step = iris_centre(moved, points, eye) - iris_centre(image, points, eye)
        assert step == pytest.approx(across * SCALE * np.array([np.cos(roll), np.sin(roll)]), abs=0.9)


def test_lids_follow_the_gaze_down_and_stay_with_it_across() -> None:
    image, points = face_with_irises()
    eyes = eyes_of(image, points)
    across, down = (draw_eyes(image, eyes, 0.0, gaze) for gaze in ((0.03, 0.0), (0.0, 0.03)))
    for k, (upper, _) in enumerate(CENTRES):
        x, y = points[upper, :2].round().astype(int)
        above = (slice(y - 8, y - 1), slice(x - 3, x + 4))
        assert np.array_equal(across[above], image[above])
        lashes = [int(np.argmax(one[y - 8 : y + 12, x].sum(-1) < 200)) for one in (image, down)]
        assert 1 <= lashes[1] - lashes[0] <= 0.03 * SCALE + 1, k


def test_a_lid_snaps_to_its_edge_but_not_to_a_picture_without_one() -> None:
    image = np.full((100, 200, 3), 200, np.uint8)
    image[53:] = 60  # 3 px, .03 eye distances, below the curve
    curve = np.stack([np.linspace(40, 160, COLUMNS), np.full(COLUMNS, 55.0)], 1)
    down = np.array([0.0, 100.0])
    assert snap_lid(image, curve, down, upper=True)[8:-8] == pytest.approx(-0.025, abs=0.006)
    flat = np.full_like(image, 120)
    assert not snap_lid(flat, curve, down, upper=True).any()


def test_holes_are_filled_from_around_them() -> None:
    across = np.linspace(40, 200, 64)
    picture = np.repeat(np.repeat(across[None, :, None], 48, 0), 3, 2).astype(np.uint8)
    known = np.ones((48, 64), bool)
    known[12:36, 20:44] = False
    holed = picture.copy()
    holed[~known] = 0
    filled = fill_smoothly(holed, known)
    assert np.abs(filled - picture)[known].max() <= 1
    assert np.abs(filled - picture)[~known].max() < 32


def test_corners_go_out_to_where_the_white_ends() -> None:
    image, points = face_with_irises()
    upper, lower, _ = LIDS[0]
    own = with_outer_corners(image, points[:, :2], upper, lower, SCALE)
    assert own == pytest.approx(points[:, :2], abs=0.011 * SCALE)
    corner = points[upper[0], :2]
    x, y = corner.round().astype(int)
    image[y - 2 : y + 3, x - 5 : x + 4] = 235  # the white of the eye goes on for 5 px
    wider = with_outer_corners(image, points[:, :2], upper, lower, SCALE)
    assert 3 < corner[0] - wider[upper[0], 0] < 7
    assert wider[upper[-1]] == pytest.approx(own[upper[-1]])


def test_glasses_are_seen_by_their_bridge() -> None:
    image, points = face_with_irises()
    assert not wears_glasses(image, points, SCALE)
    left, right = (points[index, :2].round().astype(int).tolist() for index in (133, 362))
    shaded = image.copy()
    shaded[:, (left[0] + right[0]) // 2 :] //= 2  # a shadow along the nose is no bridge
    assert not wears_glasses(shaded, points, SCALE)
    cv2.line(image, left, right, (30, 25, 25), 4)
    assert wears_glasses(image, points, SCALE)


def test_rims_of_glasses_stay_when_lids_close() -> None:
    image, points = face_with_irises()
    x, y = points[159, :2].round().astype(int)
    rim = (slice(y - 9, y - 6), slice(x - 8, x + 9))
    image[rim] = 30
    pose, points = fit_pose(points), points.astype(np.float64)
    kept, lost = (draw_eyes(image, make_eyes(image, points, pose, worn), 1.0, (0, 0))[rim] for worn in (True, False))
    assert np.abs(kept.astype(int) - 30).mean() < 12
    assert lost.mean() > 60


def test_a_lid_filled_from_hair_and_skin_is_as_warm_as_the_skin() -> None:
    skin, grey = np.array([200.0, 160.0, 140.0]), np.full((4, 4, 3), 100.0, np.float32)
    around = np.vstack([np.full((40, 3), 20), np.tile(skin, (60, 1))]).astype(np.uint8)
    warm = tinted(grey, around)
    assert np.allclose(warm[0, 0] / warm[0, 0].sum(), skin / skin.sum(), atol=0.01)
    assert np.allclose(luma(warm), 100, atol=1.5)
    red = np.tile(np.float32([180, 90, 80]), (4, 4, 1))
    assert np.array_equal(tinted(red, around), red)  # rouge stays
    assert np.allclose(tinted(grey, np.full((100, 3), 150, np.uint8)), grey, atol=0.5)  # so does a grey picture


def test_a_blink_leaves_what_is_beside_a_turned_face() -> None:
    image, points = face_with_irises()
    corner, height = points[33, :2]
    temple = [*face_contour_of_left_half(points), 226, 35, 143, 124, 31, 113, 46, 53]
    points[temple, 0] = np.maximum(points[temple, 0], corner - 0.02 * SCALE)  # as on a face turned to the left
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
    image[(np.abs(columns - corner + 0.05 * SCALE) < 2) & (np.abs(rows - height) < 6)] = 10  # no lash: it is beside
    outside = ~face_region(image.shape, points[:, :2])
    blinking = draw_eyes(image, eyes_of(image, points), 1.0, (0, 0))
    assert np.array_equal(blinking[outside], image[outside])
    assert not np.array_equal(blinking, image)


def face_contour_of_left_half(points: Array) -> list[int]:
    return [i for i in FACE_CONTOUR if points[i, 0] < points[1, 0]]


@pytest.mark.parametrize("shift", [(-170, 0), (180, 0), (0, -175), (-400, 0), (0, 400)])
def test_eyes_outside_the_picture_are_left_out(shift: tuple[int, int]) -> None:
    image, points = face_with_irises()
    moved = points + np.array([*shift, 0], np.float32)
    for eye in eyes_of(image, moved):
        x0, y0, x1, y1 = eye.box
        assert x1 > x0
        assert y1 > y0
    assert draw_eyes(image, eyes_of(image, moved), 1.0, (0.02, 0.01)).shape == image.shape
