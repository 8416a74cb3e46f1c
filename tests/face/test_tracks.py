from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from lipsmith.errors import FaceError, OptionError
from lipsmith.face.landmark_file import LandmarkFile
from lipsmith.face.regions import box_of
from lipsmith.face.tracks import Track, Tracks
from lipsmith.types import Array, Face
from tests.support.smoothed_runs import zero_phase

SHAPE = np.random.default_rng(0).uniform(-1, 1, (478, 3)).astype(np.float32)


def landmarks_at(x: float, size: float = 50, y: float = 100) -> Array:
    return (SHAPE * size / 2 + np.float32([x, y, 0])).astype(np.float32)


def film(frames: int, *people: dict[int, Array], cuts: tuple[int, ...] = (), score: float = 1.0) -> Tracks:
    """Tracks of people given as frame -> landmarks; numbered from 1."""
    kept, tracks = LandmarkFile(), []
    for number, person in enumerate(people, 1):
        track = Track(number)
        for frame, landmarks in person.items():
            track.add(frame, Face(box_of(landmarks), landmarks, score, number), kept.append(landmarks))
        tracks.append(track)
    return Tracks(frames, cuts, tracks, kept)


def standing(x: float, frames: range, size: float = 50) -> dict[int, Array]:
    return {frame: landmarks_at(x, size) for frame in frames}


def test_choices_go_by_size_and_from_the_left() -> None:
    tracks = film(20, standing(300, range(20)), standing(100, range(20), 80), standing(200, range(20)))
    assert tracks.choose("all") == (2, 3, 1)
    assert tracks.choose("largest") == (2,)
    assert tracks.choose("left") == (2,)
    assert tracks.choose("right") == (1,)
    assert [tracks.choose(str(place)) for place in (1, 2, 3)] == [(2,), (3,), (1,)]


def test_counting_from_the_left_is_done_where_most_faces_show() -> None:
    late = standing(50, range(15, 20))
    tracks = film(20, standing(300, range(20)), standing(100, range(5, 12)), late)
    assert tracks.choose("all") == (2, 1, 3)  # the third, further left, comes later
    assert tracks.choose("left") == (2,)
    assert tracks.choose("3") == (3,)


def test_largest_is_over_the_whole_film_not_in_one_frame() -> None:
    assert film(40, standing(100, range(40)), standing(300, range(3), 90)).choose("largest") == (1,)


@pytest.mark.parametrize(
    ("which", "message"),
    [
        ("lagest", "Did you mean 'largest'"),
        ("0", "faces count from 1"),
        ("3", "2 faces"),
        ("-1", "'-1'"),
        ("²", "²"),
        ("x", "a number"),
    ],
)
def test_nonsense_choices_are_named(which: str, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        film(5, standing(100, range(5)), standing(300, range(5))).choose(which)


def test_nonsense_is_named_before_the_lack_of_faces() -> None:
    with pytest.raises(OptionError):
        film(5).choose("centre")
    with pytest.raises(FaceError):
        film(5).choose("1")


def test_short_gaps_are_filled_between_their_ends_and_long_ones_are_not() -> None:
    person = {frame: landmarks_at(100 + 2 * frame) for frame in (*range(5), *range(8, 12), *range(16, 20))}
    tracks = film(20, person)
    assert tracks.gaps_filled((1,)) == 3
    shown = [bool(tracks.faces(frame, (1,))) for frame in range(21)]
    assert shown == [True] * 12 + [False] * 4 + [True] * 4 + [False]
    for frame in range(12):
        np.testing.assert_allclose(tracks.faces(frame, (1,))[0].landmarks, landmarks_at(100 + 2 * frame), atol=1e-2)


def test_a_gap_with_a_cut_in_it_is_not_filled() -> None:
    person = standing(100, range(5)) | standing(100, range(7, 12))
    assert film(12, person, cuts=(6,)).gaps_filled((1,)) == 0
    assert film(12, person, cuts=(5,)).faces(5, (1,)) == ()


def test_smoothing_in_any_order_is_that_of_the_whole_run() -> None:
    random = np.random.default_rng(1)
    person = {frame: landmarks_at(100 + random.normal()) for frame in range(16)}
    tracks = film(16, person, cuts=(9,))
    raw = np.stack(list(person.values()))
    expected = np.concatenate([zero_phase(raw[:9]), zero_phase(raw[9:])])
    for frame in random.permutation(16).tolist():
        (face,) = tracks.faces(frame, (1,))
        np.testing.assert_allclose(face.landmarks, expected[frame], atol=1e-3)
        np.testing.assert_array_equal(face.box, box_of(face.landmarks))
        np.testing.assert_array_equal(tracks.faces(frame, (1,), smooth=False)[0].landmarks, raw[frame])


def test_smoothing_stops_at_a_leap_but_not_at_a_steady_run() -> None:
    leaping = {frame: landmarks_at(100 if frame < 8 else 130) for frame in range(16)}
    np.testing.assert_allclose(film(16, leaping).faces(7, (1,))[0].landmarks, leaping[7], atol=1e-3)
    running = {frame: landmarks_at(100 + 14 * frame) for frame in range(16)}
    running[8] = running[8] + np.float32(3)
    assert np.abs(film(16, running).faces(8, (1,))[0].landmarks - running[8]).max() > 1


def test_ghosts_are_dropped_unless_there_is_nothing_else() -> None:
    ghost, face = standing(300, range(5, 7), 15), standing(100, range(20))
    assert film(20, face, ghost).numbers == (1,)
    assert film(20, ghost).numbers == (1,)
    assert film(6, standing(100, range(6)), standing(300, range(4, 6), 15)).numbers == (1, 2)  # too short to tell


def test_faces_carry_their_track_and_score_and_absent_ones_are_left_out() -> None:
    tracks = film(10, standing(100, range(10)), standing(300, range(5, 10)), score=0.75)
    assert [face.track for face in tracks.faces(7, (2, 1))] == [2, 1]
    assert [face.track for face in tracks.faces(2, (2, 1))] == [1]
    assert tracks.faces(2, (1,))[0].score == 0.75


def test_ten_minutes_stay_out_of_memory() -> None:
    tracemalloc.start()
    try:
        landmarks = landmarks_at(100)
        tracks = film(15_000, dict.fromkeys(range(15000), landmarks))
        assert tracks.faces(14_999, (1,))
        assert tracemalloc.get_traced_memory()[0] < 4_000_000
    finally:
        tracemalloc.stop()
