from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from lipsmith import stopwatch
from lipsmith.stopwatch import Stopwatch


class Clock:
    """Time passes only while somebody sleeps."""

    now = 0.0

    def perf_counter(self) -> float:
        return self.now

    def process_time(self) -> float:
        return 0.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(stopwatch, "time", made)
    return made


def test_an_inner_stage_stops_the_outer_clock(clock: Clock) -> None:
    watch = Stopwatch()
    with watch.stage("outer"):
        clock.now += 1
        with watch.stage("inner"):
            clock.now += 5
        clock.now += 2
    clock.now += 10
    assert watch.seconds == {"outer": 3, "inner": 5}
    assert watch.elapsed() == 18


def test_each_counts_the_making_not_the_using(clock: Clock) -> None:
    def made() -> Iterator[int]:
        for number in range(3):
            clock.now += 1
            yield number

    watch = Stopwatch()
    for _ in watch.each("make", made()):
        clock.now += 10
    assert watch.seconds == {"make": 3}


def test_every_thread_has_its_own_stages(clock: Clock) -> None:
    watch = Stopwatch()

    def work() -> None:
        with watch.stage("theirs"):
            clock.now += 4

    with watch.stage("mine"):
        clock.now += 1
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert watch.seconds == {"mine": 5, "theirs": 4}
