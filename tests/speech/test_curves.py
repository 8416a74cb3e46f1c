"""Correlation and lag of curves."""

import numpy as np
import pytest

from lipsmith.speech.curves import align, correlation, smoothed

CURVE = smoothed(np.random.default_rng(1).normal(size=300), 2.0)


def test_correlation():
    assert correlation(CURVE, 3 * CURVE + 5) == pytest.approx(1)
    assert correlation(CURVE, -CURVE) == pytest.approx(-1)
    assert correlation(CURVE, np.ones(300)) == 0


@pytest.mark.parametrize("ahead", [-5, -1, 0, 2, 6])
def test_the_lag_is_found_and_means_that_the_first_runs_ahead(ahead):
    found = align(CURVE[20 + ahead : 260 + ahead], CURVE[20:260])
    assert found.lag == ahead
    assert found.best == pytest.approx(1)


def test_a_lag_between_frames_is_found():
    between = np.interp(np.arange(300) + 1.5, np.arange(300), CURVE)
    assert align(between, CURVE).lag == pytest.approx(1.5, abs=0.25)


def test_no_further_than_asked_and_short_curves_do_not_break_it():
    assert abs(align(CURVE[12:], CURVE[:-12], most=4).lag) <= 4
    assert align(CURVE[:5], CURVE[:5]).best == pytest.approx(1)


def test_smoothing_keeps_length_and_level():
    assert len(smoothed(CURVE, 1.0)) == 300
    assert np.allclose(smoothed(np.full(20, 3.0), 1.5), 3.0)
