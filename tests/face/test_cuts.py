from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from lipsmith.face.cuts import SceneCutDetector
from lipsmith.types import Image
from tests.support.pasted_faces import Head, backdrop, paste, placement


def scenes(frames: Iterable[Image]) -> tuple[list[int], list[int]]:
    cuts = SceneCutDetector()
    return [cuts.push(frame) for frame in frames], cuts.starts


def test_another_backdrop_is_another_scene() -> None:
    numbers, starts = scenes([backdrop(seed=1)] * 3 + [backdrop(seed=2)] * 6 + [backdrop(seed=1)] * 2)
    assert numbers == [0] * 3 + [1] * 6 + [2] * 2
    assert starts == [3, 9]


def test_a_cut_between_wide_black_bars_counts() -> None:
    def barred(seed: int) -> Image:
        frame = np.zeros((270, 480, 3), np.uint8)
        frame[:, 160:320] = backdrop(160, 270, seed)
        return frame

    assert scenes([barred(1)] * 3 + [barred(2)] * 3)[1] == [3]


def test_motion_and_fades_are_no_cuts(head: Head) -> None:
    moving = [paste(backdrop(seed=1), head.picture, placement(100 + 12 * step, 140, 220)) for step in range(20)]
    fading = [(backdrop(seed=1) * (1 - step / 20)).astype(np.uint8) for step in range(20)]
    for film in (moving, fading):
        assert scenes(film)[1] == []


def test_a_pan_over_a_busy_picture_is_no_cut() -> None:
    wide = backdrop(1600, 270, seed=3)
    assert scenes([wide[:, 25 * step : 25 * step + 480] for step in range(20)])[1] == []


def test_a_flash_of_three_frames_is_no_cut_and_one_of_four_is_two() -> None:
    white = np.full((270, 480, 3), 250, np.uint8)
    for length, expected in ((1, []), (3, []), (4, [5, 9])):
        numbers, starts = scenes([backdrop(seed=1)] * 5 + [white] * length + [backdrop(seed=1)] * 5)
        assert starts == expected
        assert numbers[-1] == (0 if not expected else 2)


def test_the_difference_is_of_the_last_two_frames() -> None:
    cuts = SceneCutDetector()
    cuts.push(np.zeros((90, 160, 3), np.uint8))
    cuts.push(np.full((90, 160, 3), 51, np.uint8))
    np.testing.assert_allclose(cuts.difference, 0.2, atol=1e-6)
    cuts.push(np.full((90, 160, 3), 51, np.uint8))
    assert cuts.difference == 0
