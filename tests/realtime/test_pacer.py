"""The schedule is absolute: lags never add up, and a long pause moves it."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipsmith.realtime.pacer import Pacer


@given(st.lists(st.floats(0, 0.03), min_size=50, max_size=50), st.sampled_from([Fraction(25), Fraction(30_000, 1001)]))
def test_waking_late_does_not_add_up(delays: list[float], fps: Fraction) -> None:
    pacer, now = Pacer(fps), 100.0
    for delay in delays:
        now += pacer.wait(now) + delay
        pacer.tick(now)
    assert pacer.due() == pytest.approx(100.0 + float(50 / fps))
    assert pacer.rebased == 0


def test_late_ticks_are_counted_and_caught_up() -> None:
    pacer = Pacer(Fraction(25))
    assert [pacer.wait(0.0), pacer.tick(0.0)] == [0.0, False]
    assert pacer.tick(0.125)  # due at 0.04
    assert pacer.wait(0.125) == 0.0
    assert pacer.tick(0.126)  # due at 0.08
    assert not pacer.tick(0.127)
    assert pacer.late == 2
    assert pacer.wait(0.13) == pytest.approx(0.03)
    assert pacer.lag(0.99) == pytest.approx(0.085)


@pytest.mark.parametrize("jump", [3600.0, -3600.0])
def test_a_step_of_the_clock_moves_the_schedule_once(jump: float) -> None:
    pacer, now = Pacer(Fraction(25)), 5.0
    for _ in range(10):
        now += pacer.wait(now)
        pacer.tick(now)
    now += jump
    assert pacer.wait(now) == 0.0
    assert not pacer.tick(now)
    assert pacer.wait(now) == pytest.approx(0.04)
    assert (pacer.rebased, pacer.number) == (1, 11)


def test_an_hour_does_not_drift() -> None:
    pacer, now = Pacer(Fraction(30_000, 1001)), 0.0
    for _ in range(3600 * 30):
        now += pacer.wait(now)
        pacer.tick(now)
    assert now == pytest.approx(float((3600 * 30 - 1) * Fraction(1001, 30_000)), abs=1e-6)
    assert len(pacer.lags) == 1500


def test_before_the_first_tick_there_is_no_lag() -> None:
    assert Pacer(Fraction(25)).lag(0.5) == 0.0
