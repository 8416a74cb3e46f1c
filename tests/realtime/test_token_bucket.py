"""A steady rate and a burst, by a clock in the test's hand."""

from __future__ import annotations

import pytest

from lipsmith.realtime.token_bucket import TokenBucket


class Clock:
    now = 50.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_served_then_a_rate() -> None:
    clock = Clock()
    bucket = TokenBucket(8.0, 5.0, clock)
    assert [bucket.take() for _ in range(7)] == [True] * 5 + [False] * 2
    assert bucket.wait() == pytest.approx(0.125)
    served = 0
    for _ in range(100):
        clock.now += 1 / 16
        served += bucket.take()
    assert served == 50
    clock.now += 1_000
    assert bucket.wait(5.0) == 0
    assert [bucket.take() for _ in range(7)] == [True] * 5 + [False] * 2


def test_nothing_is_taken_where_there_is_too_little() -> None:
    clock = Clock()
    bucket = TokenBucket(1.0, 4.0, clock)
    assert not bucket.take(5.0)
    assert bucket.take(4.0)
    assert bucket.wait(2.0) == pytest.approx(2.0)
