"""A slow listener loses pictures, never sound, and is given up in the end."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lipsmith.realtime.listener_queue import ListenerQueue
from lipsmith.realtime.ticks import Tick


def tick(number: int) -> Tick:
    return Tick(number, number, np.full((2, 2, 3), number, np.uint8), np.full(1, number + 1, np.float32), "idle", 0)


@given(st.lists(st.sampled_from("ppptL"), max_size=60), st.integers(0, 4))
def test_every_sample_comes_in_order_and_pictures_stay_few(script: list[str], pictures: int) -> None:
    outlet, put, got = ListenerQueue(pictures, 100), 0, []
    for action in script:
        if action == "t":
            one = outlet.take()
            got += [one] if one else []
        else:
            outlet.put(tick(put), late=action == "L")
            put += 1
    while one := outlet.take():
        got.append(one)
    assert [int(one.samples[0]) for one in got] == list(range(1, put + 1))
    assert outlet.dropped == sum(one.image is None for one in got)
    assert not outlet.overflown


def test_the_newest_pictures_are_kept() -> None:
    outlet = ListenerQueue(2, 10)
    for number in range(5):
        outlet.put(tick(number))
    kept = [outlet.take() for _ in range(5)]
    assert [one.image is not None for one in kept if one] == [False, False, False, True, True]


def test_a_picture_that_is_past_is_not_shown() -> None:
    outlet = ListenerQueue()
    outlet.put(tick(0), late=True)
    outlet.put(tick(1))
    assert [one.image is None for one in iter(outlet.take, None)] == [True, False]
    assert outlet.dropped == 1


def test_who_does_not_read_at_all_is_given_up() -> None:
    outlet = ListenerQueue(2, 3)
    for number in range(5):
        outlet.put(tick(number))
    assert outlet.overflown
    assert len(outlet) == 0


def test_after_an_interruption_what_waits_is_silent_and_as_long() -> None:
    outlet = ListenerQueue()
    for number in range(3):
        outlet.put(tick(number))
    outlet.silence()
    assert [one.samples.tolist() for one in iter(outlet.take, None)] == [[0.0]] * 3
