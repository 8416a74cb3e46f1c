from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipsmith.timing import frame_count, sample_at, seconds

RATES = [Fraction(25), Fraction(30), Fraction(30000, 1001), Fraction(24000, 1001), Fraction(50)]


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000])
def test_the_grid_does_not_drift_in_an_hour(fps: Fraction, rate: int) -> None:
    frames = int(3600 * fps)
    assert 0 <= Fraction(frames) / fps * rate - sample_at(frames, fps, rate) < 1


def test_a_rounded_frame_length_would_drift() -> None:
    fps = Fraction(30000, 1001)
    rounded = round(16_000 / fps) * int(3600 * fps)
    assert abs(rounded - sample_at(int(3600 * fps), fps)) > 14_000  # 0.9 s: why the grid is exact


@given(samples=st.integers(0, 10**9), fps=st.sampled_from(RATES), rate=st.sampled_from([8_000, 22_050, 48_000]))
def test_frames_cover_the_samples_and_no_more(samples: int, fps: Fraction, rate: int) -> None:
    frames = frame_count(samples, fps, rate)
    assert sample_at(frames, fps, rate) >= samples
    assert frames == 0 or sample_at(frames - 1, fps, rate) < samples


def test_seconds_are_for_people() -> None:
    assert seconds(30000, Fraction(30000, 1001)) == 1001.0
