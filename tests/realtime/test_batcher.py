"""Earliest deadline first, at most 4 ms of waiting, nothing stale."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipsmith.realtime.batcher import COLLECT, Batcher, RenderRequest
from lipsmith.types import AVFrame


@dataclass
class One:
    """Asks, and notes what it gets."""

    epoch: int = 0
    got: list[RenderRequest] = field(default_factory=list)

    def deliver(self, request: RenderRequest, frames: list[AVFrame]) -> None:
        self.got.append(request)

    def fail(self, reason: str) -> None:
        raise AssertionError(reason)


def request(due: float, requester: One | None = None) -> RenderRequest:
    requester = requester or One()
    return RenderRequest(requester, requester.epoch, 0, [], due)


def test_a_full_batch_goes_at_once_and_its_earliest_first() -> None:
    batcher = Batcher(2)
    for due in (3.0, 1.0, 2.0):
        batcher.submit(request(due), 0.0)
    assert batcher.wait(0.0) == 0
    assert [one.due for one in batcher.next_batch(0.0)] == [1.0, 2.0]
    assert [one.due for one in batcher.next_batch(0.0)] == [3.0]
    assert batcher.wait(0.0) is None


def test_a_lone_run_waits_for_company_at_most_so_long() -> None:
    batcher = Batcher(8)
    batcher.submit(request(0.0), 10.0)
    assert batcher.next_batch(10.001) == []
    assert batcher.wait(10.001) == pytest.approx(COLLECT - 0.001)
    batcher.submit(request(5.0), 10.003)
    assert len(batcher.next_batch(10.0 + COLLECT)) == 2


def test_alone_in_a_batch_of_one_nobody_waits() -> None:
    batcher = Batcher(1)
    batcher.submit(request(9.0), 0.0)
    assert batcher.wait(0.0) == 0


def test_stale_runs_are_never_drawn() -> None:
    batcher, one, other = Batcher(1), One(), One()
    for requester in (one, other, one):
        batcher.submit(request(1.0, requester), 0.0)
    one.epoch += 1
    assert [a.requester for a in batcher.next_batch(0.0)] == [other]
    assert batcher.next_batch(0.0) == []
    assert len(batcher) == 0


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 0.01)), max_size=30), st.integers(1, 8))
def test_everything_is_drawn_once_within_the_wait(requests: list[tuple[float, float]], most: int) -> None:
    batcher, now, came, drawn = Batcher(most), 0.0, {}, []
    for due, pause in requests:
        one = request(due)
        batcher.submit(one, now)
        came[id(one)] = (one, now)
        now += pause
        while batch := batcher.next_batch(now):
            assert len(batch) <= most
            drawn += batch
    now += COLLECT
    while batch := batcher.next_batch(now):
        drawn += batch
    assert sorted(map(id, drawn)) == sorted(came)
    assert batcher.wait(now) is None
