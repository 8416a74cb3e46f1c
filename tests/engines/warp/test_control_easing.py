"""Closures come and go over about three frames of 25 a second, at any frame rate and in any chunks."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from lipsmith.engines.warp.control_easing import ControlEasing, estimated_opening
from lipsmith.types import MOUTH_CONTROLS

JAW, UPPER, LOWER = (MOUTH_CONTROLS.index(name) for name in ("jaw", "upper", "lower"))
PRESS, BITE = MOUTH_CONTROLS.index("press"), MOUTH_CONTROLS.index("bite")
RATES = (Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(50), Fraction(60))


def eased(drives: np.ndarray, fps: Fraction = Fraction(25), chunk: int = 1000) -> np.ndarray:
    easing, out = ControlEasing(fps), []
    for start in range(0, len(drives), chunk):
        out += easing.push(list(drives[start : start + chunk]))
    return np.stack(out + easing.flush())


def speech_like(fps: Fraction, seconds: float = 4, seed: int = 0) -> np.ndarray:
    """(n, 8): smooth opening controls with closures that come and go in one frame."""
    random, count = np.random.default_rng(seed), int(seconds * fps)
    knots = random.random((int(seconds * 6) + 2, 8)) * [0.7, 0.6, 0.6, 0.6, 0.8, 0, 0, 0.5]
    at = np.arange(count) / float(fps) * 6
    drives = np.stack([np.interp(at, np.arange(len(knots)), knot) for knot in knots.T], 1)
    for begin in random.integers(0, count, 8):
        drives[begin : begin + int(random.integers(1, 4)), random.choice([PRESS, BITE])] = 1
    return drives.astype(np.float32)


@pytest.mark.parametrize("fps", RATES, ids=str)
def test_no_opening_closes_or_parts_in_one_frame(fps: Fraction) -> None:
    drives = np.concatenate([speech_like(fps, seed=seed) for seed in range(4)])
    before, after = (np.array([estimated_opening(row) for row in rows]) for rows in (drives, eased(drives, fps)))
    assert np.abs(np.diff(before)).max() > 0.15
    assert np.abs(np.diff(after)).max() < 0.08 * max(1, 25 / float(fps))


def test_a_closure_takes_three_frames_and_is_reached_in_the_frame_that_asked_for_it() -> None:
    drives = np.zeros((15, 8), np.float32)
    drives[:, JAW], drives[7, PRESS] = 0.6, 1
    out = eased(drives)
    assert out[4:11, PRESS] == pytest.approx([0, 1 / 3, 2 / 3, 1, 2 / 3, 1 / 3, 0], abs=1e-6)
    openings = [estimated_opening(row) for row in out]
    assert openings[7] == pytest.approx(0, abs=1e-6)
    assert openings[3] == openings[11] == pytest.approx(0.126)


@pytest.mark.parametrize("control", [PRESS, BITE])
def test_a_closure_is_never_weakened(control: int) -> None:
    drives = speech_like(Fraction(25), 12)
    assert np.all(eased(drives)[:, control] >= drives[:, control] - 1e-6)


def test_the_mouth_never_opens_wider_than_asked() -> None:
    drives = speech_like(Fraction(25), 12)
    assert np.all(eased(drives)[:, [JAW, UPPER, LOWER]] <= drives[:, [JAW, UPPER, LOWER]])


def test_slow_motion_is_left_alone() -> None:
    at = np.arange(100)
    drives = np.zeros((100, 8), np.float32)
    drives[:, JAW], drives[:, PRESS] = 0.3 + 0.3 * np.sin(at / 4), np.clip(np.sin(at / 9), 0, 1)
    assert eased(drives)[:, PRESS] == pytest.approx(drives[:, PRESS], abs=1e-6)
    free = drives[:, PRESS] == 0
    assert eased(drives)[free] == pytest.approx(drives[free], abs=0.06)


@pytest.mark.parametrize("fps", RATES, ids=str)
def test_drives_are_the_same_in_any_chunks(fps: Fraction) -> None:
    drives = speech_like(fps)
    whole = eased(drives, fps)
    assert len(whole) == len(drives)
    for chunk in (1, 2, 7):
        assert np.array_equal(eased(drives, fps, chunk), whole)


def test_it_looks_80_ms_ahead() -> None:
    easing, rows = ControlEasing(Fraction(25)), list(speech_like(Fraction(25)))
    assert [len(easing.push([row])) for row in rows[:5]] == [0, 0, 1, 1, 1]


def test_an_empty_stream_owes_nothing() -> None:
    easing = ControlEasing(Fraction(25))
    assert easing.push([]) == []
    assert easing.flush() == []
