"""Clients take turns: nobody's jobs stand before everybody's next, nobody starves, and own jobs keep their order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lipsmith.jobs.fairness import start_order
from lipsmith.jobs.queue import JobRecord, NewJob
from lipsmith.jobs.sqlite import SqliteQueue


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[SqliteQueue]:
    opened = SqliteQueue(tmp_path / "jobs.sqlite")
    yield opened
    opened.close()


def add(queue: SqliteQueue, *jobs: str) -> None:
    """Jobs called by the first letter of their owner and a number."""
    for job in jobs:
        queue.submit(NewJob(job, job[0], "dub", {"asked": {}, "task": {}}, 10))


def claim(queue: SqliteQueue) -> JobRecord:
    job = queue.lease(5)
    assert job
    return job


def work_off(queue: SqliteQueue, workers: int = 1) -> list[str]:
    """The order in which jobs start, where the job that started first ends first."""
    started, running = [], deque[JobRecord]()
    while job := queue.lease(5):
        started.append(job.id)
        running.append(job)
        if len(running) == workers:
            queue.finish(running.popleft(), {}, 1)
    return started


def test_sixteen_jobs_of_one_client_do_not_stand_before_the_next_of_others(queue: SqliteQueue) -> None:
    add(queue, *(f"a{number:02}" for number in range(16)), "b1", "c1", "b2")
    told = queue.start_order()
    started = work_off(queue)
    assert started[:5] == ["a00", "b1", "c1", "a01", "b2"]
    assert started == told


def test_who_comes_while_others_work_is_next(queue: SqliteQueue) -> None:
    add(queue, "a1", "a2", "a3")
    queue.finish(claim(queue), {}, 1)
    queue.finish(claim(queue), {}, 1)
    add(queue, "b1")
    assert queue.start_order() == ["b1", "a3"]
    assert claim(queue).id == "b1"


def test_a_client_whose_jobs_are_long_does_not_get_all_workers(queue: SqliteQueue) -> None:
    add(queue, "a1", "a2", "b1", "b2", "b3")
    assert claim(queue).id == "a1"  # and goes on
    for wanted in ("b1", "b2", "b3"):
        job = claim(queue)
        assert job.id == wanted
        queue.finish(job, {}, 1)
    assert claim(queue).id == "a2"


def test_with_two_workers_clients_take_turns_too(queue: SqliteQueue) -> None:
    add(queue, "a1", "a2", "a3", "a4", "b1", "b2", "c1")
    assert work_off(queue, workers=2) == ["a1", "b1", "c1", "a2", "b2", "a3", "a4"]


def test_turns_outlive_a_restart_and_what_is_purged(queue: SqliteQueue, tmp_path: Path) -> None:
    add(queue, "a1", "a2", "b1", "b2")
    for _ in range(2):
        job = claim(queue)
        queue.finish(job, {}, 1)
        queue.purge(job.id)
    add(queue, "a0")
    queue.close()
    again = SqliteQueue(tmp_path / "jobs.sqlite")
    assert work_off(again) == ["a2", "b2", "a0"]
    again.close()


def test_a_job_that_is_given_back_keeps_its_place_among_its_owners(queue: SqliteQueue) -> None:
    add(queue, "a1", "a2", "b1")
    assert queue.release(claim(queue), counted=True)
    assert work_off(queue) == ["b1", "a1", "a2"]


def test_a_recording_takes_nobodys_turn(queue: SqliteQueue) -> None:
    queue.submit_running(NewJob("a0", "a", "recording", {"asked": {}, "task": {}}, 0), 60)
    add(queue, "a1", "b1", "b2")
    assert work_off(queue) == ["a1", "b1", "b2"]


def test_a_step_of_the_clock_changes_no_turn(tmp_path: Path) -> None:
    now = [1000.0]
    queue = SqliteQueue(tmp_path / "jobs.sqlite", lambda: now[0])
    add(queue, "a1", "b1")
    queue.finish(claim(queue), {}, 1)
    now[0] -= 900
    add(queue, "a2")
    assert work_off(queue) == ["b1", "a2"]
    queue.close()


acts = st.lists(st.sampled_from(["add a", "add b", "add c", "start", "start", "end first", "end last"]), max_size=60)


@settings(max_examples=60, deadline=None)
@given(acts)
def test_nobody_starves_and_own_jobs_keep_their_order(done: list[str]) -> None:
    """Between the moment when a client waits without a running job and its start, each other client starts once."""
    queue, running, count = SqliteQueue(Path(":memory:")), list[JobRecord](), 0
    started: dict[str, list[str]] = {"a": [], "b": [], "c": []}
    passed: dict[str, list[str]] = {"a": [], "b": [], "c": []}  # who started while the client waited so
    for act in done:
        if act.startswith("add"):
            count += 1
            add(queue, f"{act[-1]}{count:02}")
        elif act == "start":
            told = queue.start_order()
            job = queue.lease(5)
            assert (job.id if job else None) == (told[0] if told else None)
            if job:
                idle = {one[0] for one in told} - {one.owner for one in running}
                for owner in idle - {job.owner}:
                    passed[owner].append(job.owner)
                started[job.owner].append(job.id)
                passed[job.owner] = []
                running.append(job)
        elif running:
            queue.finish(running.pop(0 if act == "end first" else -1), {}, 1)
        assert all(len(set(owners)) == len(owners) for owners in passed.values())
    assert all(jobs == sorted(jobs) for jobs in started.values())
    left = work_off(queue)
    assert len(left) + sum(map(len, started.values())) == count
    queue.close()


def test_many_jobs_are_put_into_order_at_once() -> None:
    waiting = [(f"{owner}{number}", owner) for owner in "abcd" for number in range(3)]
    assert list(start_order(waiting, {"a": 1}, {"b": 7})) == [
        "c0", "d0", "b0", "a0", "c1", "d1", "b1", "a1", "c2", "d2", "b2", "a2"
    ]  # fmt: skip
