from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from lipsmith.face.landmarks import Landmarker, without_duplicates
from lipsmith.face.regions import box_of
from lipsmith.types import Face, Image
from tests.support.pasted_faces import FACE_SHARE, Head, backdrop, error, moved, paste, placement


@pytest.fixture(scope="module")
def landmarker() -> Iterator[Landmarker]:
    with Landmarker() as landmarker:
        yield landmarker


def side_for(share: float, height: int) -> float:
    """Side of the head picture whose face is ``share`` of the height wide."""
    return share * height / FACE_SHARE


def test_a_portrait_has_one_face_with_all_landmarks_inside_its_box(landmarker: Landmarker, astronaut: Image) -> None:
    (face,) = landmarker.find(astronaut)
    assert face.landmarks.shape == (478, 3)
    assert face.landmarks.dtype == face.box.dtype == np.float32
    np.testing.assert_array_equal(face.box, box_of(face.landmarks))
    assert face.score > 0.9
    assert 33 < face.landmarks[263, 0] - face.landmarks[33, 0] < 90  # the eyes of an upright face, left to right
    assert face.landmarks[4, 2] < face.landmarks[234, 2]  # the nose is nearer than the cheek


def test_the_same_image_gives_the_same_landmarks(landmarker: Landmarker, astronaut: Image) -> None:
    first = landmarker.find(astronaut)[0].landmarks
    landmarker.find(np.ascontiguousarray(astronaut[:, ::-1]))
    np.testing.assert_array_equal(landmarker.find(astronaut)[0].landmarks, first)


@pytest.mark.parametrize("share", [0.3, 0.2, 0.1, 0.06])
@pytest.mark.parametrize("seed", [None, 3])
def test_faces_are_found_down_to_a_sixteenth_of_the_short_side(
    landmarker: Landmarker, head: Head, share: float, seed: int | None
) -> None:
    matrix = placement(400, 420, side_for(share, 720))
    image = paste(backdrop(1280, 720, seed), head.picture, matrix)
    faces = landmarker.find(image)
    assert len(faces) == 1
    truth, tiny = moved(head.landmarks, matrix), share < 0.1
    assert error(faces[0].landmarks, truth) < (0.02 if tiny else 0.013)
    assert error(landmarker.refine(image, faces[0]).landmarks, truth) < (0.015 if tiny else 0.01)


def test_landmarks_in_a_4k_frame_are_as_good_as_in_a_small_one(landmarker: Landmarker, head: Head) -> None:
    matrix = placement(1500, 1000, side_for(0.4, 2160))
    (face,) = landmarker.find(paste(backdrop(3840, 2160), head.picture, matrix))
    assert error(face.landmarks, moved(head.landmarks, matrix)) < 0.01


@pytest.mark.parametrize("degrees", [-30, 30])
def test_a_head_turned_aside_keeps_its_landmarks(landmarker: Landmarker, head: Head, degrees: float) -> None:
    matrix = placement(240, 140, 220, degrees)
    (face,) = landmarker.find(paste(backdrop(), head.picture, matrix))
    assert error(face.landmarks, moved(head.landmarks, matrix)) < 0.015


def test_a_face_cut_by_the_edge_keeps_landmarks_outside_the_image(landmarker: Landmarker, head: Head) -> None:
    matrix = placement(40, 140, 260)
    (face,) = landmarker.find(paste(backdrop(), head.picture, matrix))
    assert face.box[0] < 0


def test_two_faces_come_largest_first_and_only_as_many_as_asked(landmarker: Landmarker, head: Head) -> None:
    scene = paste(backdrop(), head.picture, placement(120, 130, 130))
    scene = paste(scene, head.mirrored, placement(340, 130, 210))
    large, small = landmarker.find(scene)
    assert large.box[0] > 240 > small.box[2]
    with Landmarker(max_faces=1) as only_one:
        assert len(only_one.find(scene)) == 1


@pytest.mark.parametrize("shape", [(1, 1, 3), (31, 200, 3), (200, 8, 3), (40, 40, 3)])
def test_tiny_images_have_no_face(landmarker: Landmarker, shape: tuple[int, int, int]) -> None:
    assert landmarker.find(np.zeros(shape, np.uint8)) == []


def test_nothing_is_found_in_a_busy_picture_without_a_face(landmarker: Landmarker) -> None:
    assert landmarker.find(backdrop(640, 360, seed=1)) == []


def test_tracking_follows_a_moving_face_and_forgets_one_that_left(head: Head) -> None:
    with Landmarker(tracking=True) as landmarker:
        for step in range(6):
            matrix = placement(200 + 8 * step, 140, 220)
            (face,) = landmarker.find(paste(backdrop(), head.picture, matrix))
            assert error(face.landmarks, moved(head.landmarks, matrix)) < 0.015
        assert landmarker.find(backdrop()) == []
        assert len(landmarker.find(paste(backdrop(), head.picture, placement(330, 140, 150)))) == 1


def test_several_looks_are_nearer_to_the_truth_than_one(landmarker: Landmarker, head: Head) -> None:
    once, several = [], []
    for side in (250, 300, 400, 600):
        place = placement(482, 363, side)
        image = paste(backdrop(960, 720), head.picture, place)
        (face,) = landmarker.find(image)
        once.append(error(face.landmarks, moved(head.landmarks, place)))
        several.append(error(landmarker.refine(image, face).landmarks, moved(head.landmarks, place)))
    assert np.mean(several) < 0.75 * np.mean(once)


def test_of_two_boxes_on_one_face_the_earlier_stays() -> None:
    def at(x: float, size: float) -> Face:
        return Face(np.array([x, 0, x + size, size], np.float32), np.zeros((478, 3), np.float32), 1.0)

    first, again, other = at(0, 50), at(5, 50), at(100, 80)
    assert without_duplicates([first, again, other]) == [other, first]
