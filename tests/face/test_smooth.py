from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lipsmith.face.smooth import OneEuro, zero_phase, zero_phase_weights
from lipsmith.types import Array


def jitter(values: Array) -> float:
    return float(np.abs(np.diff(values, 2, 0)).mean())


def still_face(eyes: float = 128.0) -> Array:
    """(478, 3) px: nothing but two outer eye corners ``eyes`` apart."""
    landmarks = np.zeros((478, 3), np.float32)
    landmarks[263, 0] = eyes
    return landmarks


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


def test_one_euro_calms_a_face_at_rest() -> None:
    noise = np.random.default_rng(0).normal(0, 0.05, (60, 478, 3)).astype(np.float32)
    filtered = OneEuro()
    calm = np.stack([filtered(still_face() + now) for now in noise])
    assert jitter(calm) < 0.6 * jitter(noise)


def test_one_euro_follows_a_step_within_two_frames() -> None:
    filtered = OneEuro()
    for _ in range(5):
        filtered(still_face())
    step = still_face() + np.float32(20)
    rest = [float(np.abs(filtered(step) - step).max()) for _ in range(3)]
    assert rest[0] < 20 * 0.1  # fast motion passes
    assert rest[1] < rest[0]
    assert rest[2] < 20 * 0.01


def test_one_euro_is_causal_and_starts_with_what_it_sees() -> None:
    first, second = OneEuro(), OneEuro()
    seen = [still_face() + np.float32(value) for value in (0, 1, 3, 2)]
    answers = [first(now) for now in seen]
    np.testing.assert_array_equal(answers[0], seen[0])
    for now, answer in zip(seen[:3], answers, strict=False):
        np.testing.assert_array_equal(second(now), answer)


def test_one_euro_treats_small_and_large_faces_alike() -> None:
    small, large = OneEuro(), OneEuro()
    rng = np.random.default_rng(1)
    for _ in range(10):
        shift = rng.normal(size=(478, 3)).astype(np.float32)
        shift[[33, 263]] = 0
        a, b = small(still_face(64) + shift), large(still_face(256) + 4 * shift)
    np.testing.assert_allclose(4 * a, b, rtol=1e-3, atol=1e-3)


def test_one_euro_forgets_at_a_cut() -> None:
    filtered = OneEuro(fps=Fraction(30000, 1001))
    filtered(still_face())
    filtered.reset()
    elsewhere = still_face() + np.float32(300)
    np.testing.assert_array_equal(filtered(elsewhere), elsewhere)


def test_the_filter_does_not_change_what_it_was_given() -> None:
    filtered, seen = OneEuro(), still_face()
    for value in (1, 2):
        filtered(seen + np.float32(value))
    np.testing.assert_array_equal(seen, still_face())
