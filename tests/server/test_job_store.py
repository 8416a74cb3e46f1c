"""Jobs end once, whoever believes to run them; leases decide."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lipsmith.server.store import JobRecord, NewJob, SqliteQueue


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        self.now += 0.001
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> SqliteQueue:
    return SqliteQueue(tmp_path / "jobs.sqlite", clock)


def add(store: SqliteQueue, job: str, owner: str = "alice") -> JobRecord:
    return store.add(NewJob(job, owner, "dub", {"asked": {}, "task": {}}, 10))


def claim(store: SqliteQueue) -> JobRecord:
    job = store.claim(5)
    assert job
    return job


def test_the_first_that_came_is_the_first_begun(store: SqliteQueue) -> None:
    for name in "cab":
        add(store, name)
    assert [claim(store).id for _ in range(3)] == ["c", "a", "b"]
    assert store.claim(5) is None


def test_who_waits_is_told_how_many_come_before(store: SqliteQueue) -> None:
    rows = [add(store, name) for name in "cab"]
    assert [store.waiting_before(row) for row in rows] == [0, 1, 2]
    claim(store)
    assert [store.waiting_before(row) for row in rows[1:]] == [0, 1]


def test_a_lost_lease_changes_nothing(store: SqliteQueue, clock: Clock) -> None:
    add(store, "a")
    first = claim(store)
    clock.now += 6
    (lost,) = store.lost()
    assert store.put_back(lost, counted=True)
    second = claim(store)
    assert not store.beat(first, 5, ("speak", 1, 2))
    assert not store.finish(first, {"by": "first"}, 1)
    assert not store.fail(first, {})
    assert not store.put_back(first, counted=True)
    assert store.finish(second, {"by": "second"}, 1)
    found = store.get("a")
    assert found
    assert (found.report, found.attempts, found.state) == ({"by": "second"}, 2, "done")


def test_a_beating_job_is_not_lost(store: SqliteQueue, clock: Clock) -> None:
    add(store, "a")
    job = claim(store)
    for done in range(5):
        clock.now += 4
        assert store.beat(job, 5, ("speak", done, 5))
        assert store.lost() == []


def test_a_crashed_job_is_found_though_the_clock_was_set_back(store: SqliteQueue, clock: Clock) -> None:
    add(store, "a")
    claim(store)
    clock.now -= 86_400
    assert [job.id for job in store.lost()] == ["a"]


def test_who_cancels_ends_it_for_the_runner_too(store: SqliteQueue) -> None:
    add(store, "a")
    job = claim(store)
    cancelled = store.cancel("a", "alice")
    assert cancelled
    assert cancelled.state == "cancelled"
    assert not store.beat(job, 5, ("speak", 1, 2))
    assert not store.finish(job, {}, 1)


def test_others_see_and_cancel_nothing(store: SqliteQueue) -> None:
    add(store, "a")
    assert store.get("a", "bob") is None
    assert store.cancel("a", "bob") is None
    assert store.page("bob", 10) == []
    assert store.counts("bob") == {}
    assert store.counts("alice") == {"queued": 1}


def test_what_is_over_stays_as_it_is(store: SqliteQueue) -> None:
    add(store, "a")
    assert store.finish(claim(store), {"frames": 1}, 1)
    before = store.get("a")
    assert store.cancel("a", "alice") == before


def test_only_changes_raise_the_revision(store: SqliteQueue) -> None:
    add(store, "a")
    job = claim(store)
    revisions = []
    for stage in [("look", 1, 9), ("look", 1, 9), ("look", 2, 9)]:
        store.beat(job, 5, stage)
        found = store.get("a")
        assert found
        revisions.append(found.revision)
    assert revisions[0] == revisions[1] < revisions[2]


def test_pages_are_newest_first_and_leave_nobody_out(store: SqliteQueue) -> None:
    for number in range(5):
        add(store, str(number))
    first = store.page("alice", 3)
    rest = store.page("alice", 3, first[-1].created)
    assert [row.id for row in [*first, *rest]] == ["4", "3", "2", "1", "0"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["claim", "crash", "recover", "finish", "fail", "cancel", "back"]), max_size=30))
def test_whatever_happens_a_job_ends_once_and_none_is_lost(acts: list[str]) -> None:
    clock = Clock()
    store = SqliteQueue(Path(":memory:"), clock)
    for name in "abc":
        add(store, name)
    held: list[JobRecord] = []  # by runners dead or alive
    ended: list[str] = []
    for act in acts:
        if act == "claim" and (job := store.claim(5)):
            held.append(job)
        elif act == "crash":
            clock.now += 6
        elif act == "recover":
            assert all(store.put_back(job, counted=True) for job in store.lost())
        elif act == "back" and held:
            store.put_back(held[0], counted=False)
        elif act in ("finish", "fail"):
            ended += [
                job.id
                for job in held
                if (store.finish if act == "finish" else store.fail)(job, {}, *([1] if act == "finish" else []))
            ]
        elif act == "cancel":
            store.cancel("b", "alice")
    assert len(ended) == len(set(ended))
    assert store.ids() == set("abc")
    store.close()
