import time

from lipsmith.stopwatch import Stopwatch


def test_an_inner_stage_stops_the_outer_clock() -> None:
    watch = Stopwatch()
    with watch.stage("outer"), watch.stage("inner"):
        time.sleep(0.05)
    assert watch.seconds["inner"] >= 0.05
    assert watch.seconds["outer"] < watch.seconds["inner"]
    assert sum(watch.seconds.values()) <= watch.elapsed()


def test_each_counts_the_making_not_the_using() -> None:
    watch = Stopwatch()
    for _ in watch.each("make", iter(range(3))):
        time.sleep(0.02)
    assert watch.seconds["make"] < 0.03
