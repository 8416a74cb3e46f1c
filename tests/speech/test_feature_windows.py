"""Rows per frame: MuseTalk's own count case by case, and what is right where it slips."""

import hashlib
from fractions import Fraction

import numpy as np
import pytest

from lipsmith.errors import OptionError, SoundError
from lipsmith.speech.feature_windows import STEP, WindowPlan, gather_windows, window_table
from lipsmith.timing import frame_count, sample_at
from tests.support.goldens import golden_arrays, golden_json, named_normal, sha256

GOLDEN = golden_json("audio_windows")
CASES = GOLDEN["cases"]
MESSAGES = {"exit": r"\(exit\)", "ValueError": r"\(ValueError\)"}
NTSC = Fraction(30_000, 1001)


def plan_of(case, strict):
    return WindowPlan(Fraction(str(case["fps"])), case["left"], case["right"], strict)


def test_musetalk_s_146_cases_are_met_row_by_row_with_their_errors():
    assert len(CASES) == 146
    for case in CASES:
        if "error" in case:
            with pytest.raises(SoundError, match=MESSAGES[case["error"]]):
                window_table(case["samples"], plan_of(case, True))
            continue
        table = window_table(case["samples"], plan_of(case, True))
        assert len(table) == case["frames"], case
        assert hashlib.sha256(table.astype("<i4").tobytes()).hexdigest() == case["start_hash"], case


def test_the_default_is_musetalk_s_own_where_that_is_right():
    """Whole frame rates from 25 on, with MuseTalk's frames; a last part of a frame gets one more."""
    compared = 0
    for case in CASES:
        if "error" in case or case["fps"] not in (25, 30):
            continue
        table = window_table(case["samples"], plan_of(case, False))
        assert len(table) == frame_count(case["samples"], Fraction(case["fps"]))
        assert np.array_equal(table[: case["frames"]], window_table(case["samples"], plan_of(case, True))), case
        compared += 1
    assert compared > 25


@pytest.mark.parametrize(
    "fps", [Fraction(n) for n in (1, 10, 12, 15, 24, 25, 30, 48, 50, 60, 120)] + [NTSC, NTSC * 4 / 5]
)
@pytest.mark.parametrize("samples", [1, 319, 320, 640, 1599, 1600, 48_000, 100_001])
def test_every_frame_of_any_sound_at_any_rate_has_its_window(fps, samples):
    table = window_table(samples, WindowPlan(fps))
    assert table.shape == (frame_count(samples, fps), 10)
    assert table.max() < max(1, samples // STEP)
    assert np.any(table[0] >= 0)


@pytest.mark.parametrize("fps", [Fraction(12), Fraction(15), Fraction(24), NTSC, Fraction(50), Fraction(60)])
def test_windows_stay_with_their_frames_for_ten_minutes(fps):
    """A window begins 80 ms before the row in which its frame begins: MuseTalk is up to 120 ms early under 25 fps."""
    table = window_table(600 * 16_000, WindowPlan(fps))
    for frame in (10, 999, len(table) - 20):
        begins = sample_at(frame, fps) / STEP
        assert begins - 1 < table[frame, 4] <= begins
        assert np.array_equal(np.diff(table[frame]), np.ones(9))


@pytest.mark.parametrize(("fps", "late"), [(12, 6), (15, 4), (24, 2), (25, 0), (30, 0)])
def test_strict_mode_slides_under_25_fps_as_musetalk_does(fps, late):
    strict, ours = (window_table(48_000, WindowPlan(Fraction(fps), strict=on)) for on in (True, False))
    assert np.all(ours[20] - strict[20] == late)


@pytest.mark.parametrize(("left", "right"), [(0, 0), (1, 3), (4, 1)])
def test_padding_widens_the_window_on_its_side(left, right):
    row = window_table(48_000, WindowPlan(Fraction(25), left, right))[30]
    assert (row[0], row[-1]) == (60 - 2 * left, 61 + 2 * right)


def test_no_sound_has_no_windows():
    assert window_table(0, WindowPlan(Fraction(25))).shape == (0, 10)


def test_rows_of_features_are_laid_out_as_musetalk_s():
    features = np.array([[[100 * (t + 1) + 10 * layer + c for c in range(3)] for layer in range(5)] for t in range(25)])
    table = window_table(8_000, WindowPlan(Fraction(25)))
    assert len(table) == 13
    whole = gather_windows(features, window_table(8_000, WindowPlan(Fraction(25), strict=True)))
    assert np.array_equal(whole, golden_arrays("audio")["full_8000_25_c3"])


def test_whole_windows_of_random_states_are_the_same_bits():
    states = np.stack([named_normal(f"hidden.0.{layer}", (1, 1500, 384))[0] for layer in range(5)], axis=1)
    seen = gather_windows(states, window_table(48_000, WindowPlan(Fraction(25), strict=True)))
    assert list(seen.shape) == GOLDEN["random384"]["shape"]
    assert sha256(seen) == GOLDEN["random384"]["sha256"]


def test_features_too_short_for_the_table_are_refused():
    with pytest.raises(ValueError, match="row 24 of 24"):
        gather_windows(np.zeros((24, 5, 3), np.float32), window_table(8_000, WindowPlan(Fraction(25))))


@pytest.mark.parametrize("plan", [(25, -1, 2), (25, 2, -1), (0, 2, 2)])
def test_impossible_plans_are_refused(plan):
    with pytest.raises(OptionError):
        WindowPlan(Fraction(plan[0]), *plan[1:])
    with pytest.raises(OptionError, match="MuseTalk"):
        WindowPlan(Fraction(1, 2), strict=True)
