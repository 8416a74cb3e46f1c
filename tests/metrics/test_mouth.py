"""Scoring what hears: the truth scores full marks, a late one tells its lag, a shut one nothing."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from lipsmith.drive.mouth_trace import MouthTrace
from lipsmith.metrics.mouth import compare, expected_drives
from lipsmith.speech.curve_streams import StudentStream
from lipsmith.speech.lips import lip_opening
from lipsmith.types import Array

FPS = Fraction(25)


def moving(frames: int = 200) -> Array:
    """(frames, 8) controls that move at random, without contacts."""
    steps = np.random.default_rng(1).normal(0, 1, (frames, 8))
    smooth = np.stack([np.convolve(steps[:, k], np.hanning(9) / 4, "same") for k in range(8)], axis=1)
    drives = np.clip(0.4 + 0.15 * smooth, 0, 1).astype(np.float32)
    drives[:, 5:7] = 0
    return drives


def seen(drives: Array, scale: float = 1.0) -> MouthTrace:
    """The trace of a mouth that does what the drives say, ``scale`` times as wide."""
    aperture = scale * lip_opening(drives).astype(np.float64)
    width = (drives[:, 1] - drives[:, 2]).astype(np.float64)
    return MouthTrace(aperture, drives[:, 0].astype(np.float64), width, np.ones(len(drives), bool))


def test_the_truth_itself_is_right_in_everything() -> None:
    score = compare("film", moving(), seen(moving()), FPS)
    assert (score.aperture, score.jaw, score.width) == pytest.approx((1, 1, 1), abs=1e-6)
    assert (score.opening, score.swing, score.pressed, score.lag_ms) == pytest.approx((1, 1, 0, 0))


def test_a_mouth_that_opens_half_as_wide_is_told() -> None:
    score = compare("film", moving(), seen(moving(), 2.0), FPS)
    assert (score.opening, score.swing) == pytest.approx((0.5, 0.5))
    assert score.aperture == pytest.approx(1)


def test_sound_that_is_late_is_told_and_does_not_spoil_the_rest() -> None:
    drives = moving()
    late = compare("film", np.roll(drives, 3, axis=0), seen(drives), FPS)
    assert late.lag_ms == -120
    assert min(late.aperture, late.jaw, late.width) > 0.98


def test_pressed_frames_are_counted() -> None:
    drives = moving()
    drives[:50, 5] = 0.9
    assert compare("film", drives, seen(moving()), FPS).pressed == 0.25


def test_there_is_a_drive_for_every_frame_of_the_film_however_short_the_sound() -> None:
    sound = np.random.default_rng(2).normal(0, 0.1, 8_000).astype(np.float32)
    drives = expected_drives([sound], StudentStream(), FPS, 40)
    assert drives.shape == (40, 8)
    assert np.array_equal(drives[-1], drives[13])
    assert expected_drives([sound[:0]], StudentStream(), FPS, 3).tolist() == [[0.0] * 8] * 3
