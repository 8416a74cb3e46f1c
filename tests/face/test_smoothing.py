from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lipsmith.face.smoothing import zero_phase_weights
from lipsmith.types import Array
from tests.support.smoothed_runs import zero_phase


def jitter(values: Array) -> float:
    return float(np.abs(np.diff(values, 2, 0)).mean())


@settings(deadline=None)  # a busy machine is no failure
@given(length=st.integers(1, 30), data=st.data())
def test_weights_add_up_to_one_and_stay_inside_the_run(length: int, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, length - 1))
    frames, weights = zero_phase_weights(position, length)
    assert frames.start >= 0
    assert frames.stop <= length
    assert len(frames) == len(weights)
    assert weights.sum() == pytest.approx(1, abs=1e-6)


@settings(deadline=None)  # a busy machine is no failure
@given(length=st.integers(1, 30))
def test_a_steady_motion_stays_as_it_is_up_to_its_ends(length: int) -> None:
    ramp = np.arange(length, dtype=np.float32)[:, None] * np.float32([1, -2])
    np.testing.assert_allclose(zero_phase(ramp), ramp, atol=1e-4)


def test_noise_is_calmed() -> None:
    noise = np.random.default_rng(0).normal(size=(200, 5)).astype(np.float32)
    assert jitter(zero_phase(noise)) < 0.4 * jitter(noise)


def test_a_pulse_spreads_evenly_to_both_sides() -> None:
    pulse = np.zeros((21, 1), np.float32)
    pulse[10] = 1
    smoothed = zero_phase(pulse)[:, 0]
    np.testing.assert_allclose(smoothed, smoothed[::-1], atol=1e-7)
    assert 0.45 < smoothed[10] < 0.55  # a Gaussian of .8 frames
    assert smoothed.argmax() == 10
