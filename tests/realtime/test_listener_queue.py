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
    queue, put, got = ListenerQueue(pictures, 100), 0, []
    for action in script:
        if action == "t":
            one = queue.get()
            got += [one] if one else []
        else:
            queue.put(tick(put), late=action == "L")
            put += 1
    while one := queue.get():
        got.append(one)
    assert [int(one.samples[0]) for one in got] == list(range(1, put + 1))
    assert queue.dropped == sum(one.image is None for one in got)
    assert not queue.overflowed


def test_the_newest_pictures_are_kept() -> None:
    queue = ListenerQueue(2, 10)
    for number in range(5):
        queue.put(tick(number))
    kept = [queue.get() for _ in range(5)]
    assert [one.image is not None for one in kept if one] == [False, False, False, True, True]


def test_a_picture_that_is_past_is_not_shown() -> None:
    queue = ListenerQueue()
    queue.put(tick(0), late=True)
    queue.put(tick(1))
    assert [one.image is None for one in iter(queue.get, None)] == [True, False]
    assert queue.dropped == 1


def test_who_does_not_read_at_all_is_given_up() -> None:
    queue = ListenerQueue(2, 3)
    for number in range(5):
        queue.put(tick(number))
    assert queue.overflowed
    assert len(queue) == 0


def test_after_an_interruption_what_waits_is_silent_and_as_long() -> None:
    queue = ListenerQueue()
    for number in range(3):
        queue.put(tick(number))
    queue.mute()
    assert [one.samples.tolist() for one in iter(queue.get, None)] == [[0.0]] * 3
