"""Jobs end once, whoever believes to run them; leases decide."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lipsmith.jobs.queue import JobRecord, NewJob
from lipsmith.jobs.sqlite import SqliteQueue


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        self.now += 0.001
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(tmp_path: Path, clock: Clock) -> SqliteQueue:
    return SqliteQueue(tmp_path / "jobs.sqlite", clock)


def add(queue: SqliteQueue, job: str, owner: str = "alice") -> JobRecord:
    return queue.submit(NewJob(job, owner, "dub", {"asked": {}, "task": {}}, 10))


def claim(queue: SqliteQueue) -> JobRecord:
    job = queue.lease(5)
    assert job
    return job


def test_the_first_that_came_is_the_first_begun(queue: SqliteQueue) -> None:
    for name in "cab":
        add(queue, name)
    assert [claim(queue).id for _ in range(3)] == ["c", "a", "b"]
    assert queue.lease(5) is None


def test_who_waits_is_told_how_many_come_before(queue: SqliteQueue) -> None:
    for name in "cab":
        add(queue, name)
    assert queue.start_order() == ["c", "a", "b"]
    claim(queue)
    assert queue.start_order() == ["a", "b"]


def test_others_may_not_read_the_file(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    opened = SqliteQueue(path)
    add(opened, "a")
    files = [path, *(tmp_path / f"jobs.sqlite-{end}" for end in ("wal", "shm"))]
    assert [file.stat().st_mode & 0o777 for file in files] == [0o600] * 3
    for file in files:
        file.chmod(0o644)
    SqliteQueue(path).close()
    assert [file.stat().st_mode & 0o777 for file in files] == [0o600] * 3
    opened.close()


def test_a_lost_lease_changes_nothing(queue: SqliteQueue, clock: Clock) -> None:
    add(queue, "a")
    first = claim(queue)
    clock.now += 6
    (lost,) = queue.expired()
    assert queue.release(lost, counted=True)
    second = claim(queue)
    assert not queue.heartbeat(first, 5, ("speak", 1, 2))
    assert not queue.finish(first, {"by": "first"}, 1)
    assert not queue.fail(first, {})
    assert not queue.release(first, counted=True)
    assert queue.finish(second, {"by": "second"}, 1)
    found = queue.get("a")
    assert found
    assert (found.report, found.attempts, found.state) == ({"by": "second"}, 2, "done")


def test_a_beating_job_is_not_lost(queue: SqliteQueue, clock: Clock) -> None:
    add(queue, "a")
    job = claim(queue)
    for done in range(5):
        clock.now += 4
        assert queue.heartbeat(job, 5, ("speak", done, 5))
        assert queue.expired() == []


def test_a_crashed_job_is_found_though_the_clock_was_set_back(queue: SqliteQueue, clock: Clock) -> None:
    add(queue, "a")
    claim(queue)
    clock.now -= 86_400
    assert [job.id for job in queue.expired()] == ["a"]


def test_who_cancels_ends_it_for_the_runner_too(queue: SqliteQueue) -> None:
    add(queue, "a")
    job = claim(queue)
    cancelled = queue.cancel("a", "alice")
    assert cancelled
    assert cancelled.state == "cancelled"
    assert not queue.heartbeat(job, 5, ("speak", 1, 2))
    assert not queue.finish(job, {}, 1)


def test_others_see_and_cancel_nothing(queue: SqliteQueue) -> None:
    add(queue, "a")
    assert queue.get("a", "bob") is None
    assert queue.cancel("a", "bob") is None
    assert queue.page("bob", 10) == []
    assert queue.counts("bob") == {}
    assert queue.counts("alice") == {"queued": 1}


def test_what_is_over_stays_as_it_is(queue: SqliteQueue) -> None:
    add(queue, "a")
    assert queue.finish(claim(queue), {"frames": 1}, 1)
    before = queue.get("a")
    assert queue.cancel("a", "alice") == before


def test_only_changes_raise_the_revision(queue: SqliteQueue) -> None:
    add(queue, "a")
    job = claim(queue)
    revisions = []
    for stage in [("look", 1, 9), ("look", 1, 9), ("look", 2, 9)]:
        queue.heartbeat(job, 5, stage)
        found = queue.get("a")
        assert found
        revisions.append(found.revision)
    assert revisions[0] == revisions[1] < revisions[2]


def test_pages_are_newest_first_and_leave_nobody_out(queue: SqliteQueue) -> None:
    for number in range(5):
        add(queue, str(number))
    first = queue.page("alice", 3)
    rest = queue.page("alice", 3, first[-1].created)
    assert [row.id for row in [*first, *rest]] == ["4", "3", "2", "1", "0"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["claim", "crash", "recover", "finish", "fail", "cancel", "back"]), max_size=30))
def test_whatever_happens_a_job_ends_once_and_none_is_lost(acts: list[str]) -> None:
    clock = Clock()
    queue = SqliteQueue(Path(":memory:"), clock)
    for name in "abc":
        add(queue, name)
    held: list[JobRecord] = []  # by runners dead or alive
    ended: list[str] = []
    for act in acts:
        if act == "claim" and (job := queue.lease(5)):
            held.append(job)
        elif act == "crash":
            clock.now += 6
        elif act == "recover":
            assert all(queue.release(job, counted=True) for job in queue.expired())
        elif act == "back" and held:
            queue.release(held[0], counted=False)
        elif act in ("finish", "fail"):
            ended += [
                job.id
                for job in held
                if (queue.finish if act == "finish" else queue.fail)(job, {}, *([1] if act == "finish" else []))
            ]
        elif act == "cancel":
            queue.cancel("b", "alice")
    assert len(ended) == len(set(ended))
    assert queue.ids() == set("abc")
    queue.close()
