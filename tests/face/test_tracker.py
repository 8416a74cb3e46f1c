from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise

import numpy as np
import pytest

from lipsmith.errors import FaceError
from lipsmith.face.tracker import Tracker, Tracks
from lipsmith.types import Face, Image
from tests.support.pasted_faces import Head, backdrop, error, moved, paste, placement


def tracked(frames: Iterable[Image]) -> tuple[Tracks, list[list[Face]]]:
    with Tracker() as tracker:
        faces = [tracker.push(frame) for frame in frames]
        return tracker.finish(), faces


def who_at(faces: list[Face], x: float) -> int | None:
    """The track number of the face whose middle is within 20 px of x."""
    for face in faces:
        if abs((face.box[0] + face.box[2]) / 2 - x) < 20:
            return face.track
    return None


def face_x(head: Head, x: float, side: float, mirrored: bool = False) -> float:
    """Where the middle of the face is, of a head picture pasted around x."""
    shift = (head.landmarks[:, 0].min() + head.landmarks[:, 0].max()) / 2 - 149.5
    return x + (-shift if mirrored else shift) * side / 300


def test_one_moving_face_keeps_its_number_and_its_landmarks(head: Head) -> None:
    places = [placement(150 + 6 * step, 140, 200 + 2 * step) for step in range(25)]
    tracks, faces = tracked(paste(backdrop(), head.picture, place) for place in places)
    assert [[face.track for face in now] for now in faces] == [[1]] * 25
    assert tracks.numbers == (1,)
    assert (tracks.frames, tracks.gaps_filled((1,)), tracks.cuts) == (25, 0, ())
    for frame, place in enumerate(places):
        (face,) = tracks.faces(frame, (1,))
        assert error(face.landmarks, moved(head.landmarks, place)) < 0.012


def test_two_people_who_cross_do_not_swap(head: Head) -> None:
    """The mirrored one passes behind the other, wholly hidden on the way."""
    side, frames, ways = 150, [], []
    for step in range(60):
        x_front, x_behind = 90 + 5 * step, 390 - 5 * step
        behind = paste(backdrop(), head.mirrored, placement(x_behind, 130, side))
        frames.append(paste(behind, head.picture, placement(x_front, 140, side)))
        ways.append((face_x(head, x_front, side), face_x(head, x_behind, side, mirrored=True)))
    tracks, faces = tracked(frames)
    front, behind_number = who_at(faces[0], ways[0][0]), who_at(faces[0], ways[0][1])
    assert {front, behind_number} == {1, 2}
    for now, (x_front, _) in zip(faces, ways, strict=True):
        assert who_at(now, x_front) == front
    hidden = [at for at, (a, b) in enumerate(ways) if abs(a - b) < side]
    for at, (now, (_, x_behind)) in enumerate(zip(faces, ways, strict=True)):
        if at < hidden[0] or at > hidden[-1] + 6:
            assert who_at(now, x_behind) == behind_number
    assert len(tracks.numbers) == 2


def test_two_people_who_change_places_beside_each_other_keep_their_numbers(head: Head) -> None:
    frames = []
    for step in range(40):
        scene = paste(backdrop(480, 480), head.picture, placement(120 + 6 * step, 120, 160))
        frames.append(paste(scene, head.mirrored, placement(360 - 6 * step, 350, 160)))
    _, faces = tracked(frames)
    first_y = {face.track: face.box[1] for face in faces[0]}
    for now in faces:
        assert {face.track: face.box[1] < 240 for face in now} == {track: y < 240 for track, y in first_y.items()}


def test_a_longer_absence_is_a_cutaway_and_the_number_comes_back(head: Head) -> None:
    portrait = [paste(backdrop(), head.picture, placement(170, 140, 220))] * 10
    elsewhere = [backdrop(seed=7)] * 12
    back = [paste(backdrop(), head.picture, placement(330, 140, 180))] * 10
    tracks, faces = tracked([*portrait, *elsewhere, *back])
    assert [len(now) for now in faces] == [1] * 10 + [0] * 12 + [1] * 10
    assert tracks.numbers == (1,)
    assert tracks.cuts == (10, 22)
    assert [bool(tracks.faces(frame, (1,))) for frame in range(32)] == [True] * 10 + [False] * 12 + [True] * 10
    assert tracks.gaps_filled((1,)) == 0


def test_two_people_in_turn_are_told_apart_across_cuts(head: Head) -> None:
    """Shot and reverse shot, both in the middle of the picture."""
    one = [paste(backdrop(seed=5), head.picture, placement(240, 140, 220))] * 8
    strange = np.ascontiguousarray(255 - head.mirrored[..., ::-1] // 2)
    other = [paste(backdrop(seed=6), np.ascontiguousarray(strange), placement(240, 140, 220))] * 8
    tracks, faces = tracked([*one, *other, *one, *other])
    numbers = [now[0].track if now else None for now in faces]
    assert tracks.cuts == (8, 16, 24)
    assert numbers == [1] * 8 + [2] * 8 + [1] * 8 + [2] * 8


@pytest.mark.parametrize(("covered", "filled"), [(2, 2), (3, 3), (4, 0), (12, 0)])
def test_a_covered_face_is_filled_in_for_three_frames_and_no_longer(head: Head, covered: int, filled: int) -> None:
    def frame(step: int) -> Image:
        scene = paste(backdrop(), head.picture, placement(200 + 3 * step, 140, 220))
        if 10 <= step < 10 + covered:
            scene[20:260, 90:400] = 100
        return scene

    tracks, faces = tracked(frame(step) for step in range(30))
    assert [len(now) for now in faces] == [1] * 10 + [0] * covered + [1] * (20 - covered)
    assert tracks.numbers == (1,)
    assert tracks.gaps_filled((1,)) == filled
    for step in range(10, 10 + covered):
        shown = tracks.faces(step, (1,))
        assert len(shown) == bool(filled)
        for face in shown:
            assert error(face.landmarks, moved(head.landmarks, placement(200 + 3 * step, 140, 220))) < 0.02


def jumps(head: Head, scene: Callable[[int], Image]) -> list[Image]:
    return [
        paste(scene(step), head.picture, placement(150 if step < 8 else 240, 140, 200 if step < 8 else 220))
        for step in range(16)
    ]


@pytest.mark.parametrize("cut", [True, False], ids=["cut", "leap in one scene"])
def test_smoothing_does_not_cross_a_cut_or_a_leap(head: Head, cut: bool) -> None:
    frames = jumps(head, lambda step: backdrop(960, 540, seed=1 if step < 8 or not cut else 2))
    tracks, _ = tracked(frames)
    assert tracks.cuts == ((8,) if cut else ())
    assert tracks.numbers == (1,)
    for frame, place in ((7, placement(150, 140, 200)), (8, placement(240, 140, 220))):
        (face,) = tracks.faces(frame, (1,))
        assert error(face.landmarks, moved(head.landmarks, place)) < 0.012


def test_a_small_newcomer_is_found_beside_a_followed_face(head: Head) -> None:
    frames = []
    for step in range(26):
        scene = paste(backdrop(640, 360), head.picture, placement(180, 180, 300))
        frames.append(scene if step < 5 else paste(scene, head.mirrored, placement(520, 120, 110)))
    tracks, faces = tracked(frames)
    assert [len(now) for now in faces[:5]] == [1] * 5
    assert [len(now) for now in faces[10:]] == [2] * 16
    assert [face.track for face in faces[-1]] == [1, 2]
    assert tracks.choose("largest") == (1,)
    assert tracks.choose("right") == (2,)


def test_smoothed_landmarks_are_calmer_and_do_not_lag(head: Head) -> None:
    random = np.random.default_rng(0)
    places = [placement(150 + 4 * step, 140, 200) for step in range(24)]
    noisy = [
        np.clip(paste(backdrop(), head.picture, place) + random.normal(0, 14, (270, 480, 3)), 0, 255).astype(np.uint8)
        for place in places
    ]
    tracks, _ = tracked(noisy)
    raw = np.stack([tracks.faces(frame, (1,), smooth=False)[0].landmarks for frame in range(24)])
    calm = np.stack([tracks.faces(frame, (1,))[0].landmarks for frame in range(24)])
    assert np.abs(np.diff(calm, 2, 0)).mean() < 0.6 * np.abs(np.diff(raw, 2, 0)).mean()
    assert abs((calm - raw)[..., 0].mean()) < 0.05
    assert all(later > earlier for earlier, later in pairwise(calm[..., 0].mean(1)))


def test_a_film_without_faces_says_so() -> None:
    tracks, _ = tracked([backdrop(seed=4)] * 3)
    assert tracks.numbers == ()
    assert tracks.faces(1, ()) == ()
    with pytest.raises(FaceError, match="any of 3 frames"):
        tracks.choose("largest")


def test_tiny_frames_have_no_faces() -> None:
    tracks, faces = tracked([np.zeros((1, 1, 3), np.uint8)])
    assert faces == [[]]
    with pytest.raises(FaceError, match="the picture"):
        tracks.choose("all")


def test_a_still_is_looked_at_more_carefully(head: Head) -> None:
    place = placement(240, 140, 230)
    image = paste(backdrop(), head.picture, place)
    with Tracker(still=True) as tracker:
        (careful,) = tracker.push(image)
    with Tracker() as tracker:
        (quick,) = tracker.push(image)
    truth = moved(head.landmarks, place)
    assert error(careful.landmarks, truth) < error(quick.landmarks, truth)
