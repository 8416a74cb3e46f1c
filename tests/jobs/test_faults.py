"""A full disk, a queue out of order, a thread that dies and a clock that jumps: jobs go on by themselves afterwards."""

from __future__ import annotations

import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lipsmith.jobs import disk
from lipsmith.jobs.disk import RESERVE, RESERVE_BYTES, SPARE_BYTES, START_BYTES, DataDisk
from lipsmith.jobs.queue import JobRecord, NewJob
from lipsmith.jobs.runner import JobRunner, RunnerOptions
from lipsmith.jobs.sqlite import SqliteQueue
from tests.support import SUPPORT
from tests.support.waiting import until

ODD = (sys.executable, str(SUPPORT / "odd_worker.py"))
WRITES = ("lease", "heartbeat", "fail", "release", "finish", "cancel", "purge", "submit")


class FullQueue(SqliteQueue):
    """A queue whose disk is full while ``full`` is set: then nothing can be written."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.full, self.refused = threading.Event(), list[str]()

    def __getattribute__(self, name: str) -> object:
        found = super().__getattribute__(name)
        return self._refusing(name, found) if name in WRITES else found

    def _refusing(self, name: str, act: Callable[..., object]) -> Callable[..., object]:
        def call(*given: object, **named: object) -> object:
            if self.full.is_set():
                self.refused.append(name)
                raise sqlite3.OperationalError("database or disk is full")
            return act(*given, **named)

        return call


class Place:
    """A data folder, its queue and its runner; what the runner told."""

    def __init__(self, data: Path) -> None:
        (data / "jobs").mkdir()
        self.data, self.queue, self.told = data, FullQueue(data / "jobs.sqlite"), list[tuple[str, str]]()
        self.runners: list[JobRunner] = []

    def runner(self, queue: SqliteQueue | None = None, **options: int) -> JobRunner:
        how = RunnerOptions(self.data, **{"lease_seconds": 1, "attempts": 3, **options})  # type: ignore[arg-type]
        made = JobRunner(queue or self.queue, how, ODD, lambda job, _: self.told.append((job.id, job.state)))
        self.runners.append(made)
        return made

    def add(self, job: str, **task: object) -> None:
        (self.data / "jobs" / job).mkdir()
        self.queue.submit(NewJob(job, "alice", "dub", {"asked": {}, "task": task}, 1))

    def row(self, job: str) -> JobRecord:
        found = self.queue.get(job)
        assert found
        return found


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.queue.full.clear()
    for runner in made.runners:
        runner.drain(0)
    made.queue.close()


def test_a_job_goes_on_while_its_heartbeats_cannot_be_written_and_ends_when_they_can(place: Place) -> None:
    gate = place.data / "gate"
    place.add("a", odd="done", gate=str(gate))
    place.add("b", odd="done")
    runner = place.runner()
    runner.start()
    until(lambda: place.row("a").stage == "speak")
    place.queue.full.set()
    until(lambda: place.queue.refused.count("heartbeat") > 3)
    gate.touch()
    until(lambda: "lease" in place.queue.refused)  # the work is over, and its thread wants more
    assert (place.row("a").state, place.told) == ("running", [])
    assert "end of 1 job cannot be written" in str(runner.trouble())
    place.queue.full.clear()
    until(lambda: place.queue.counts() == {"done": 2})
    assert [place.row(job).attempts for job in "ab"] == [1, 1]
    until(lambda: place.told == [("a", "done"), ("b", "done")])
    assert runner.trouble() is None
    assert not list(place.data.glob("jobs/*/attempt-*"))


@pytest.mark.parametrize(("odd", "ends"), [("fail", "failed"), ("crash", "failed"), ("hang", "cancelled")])
def test_however_a_job_ends_on_a_full_disk_it_ends_once_the_disk_is_freed(place: Place, odd: str, ends: str) -> None:
    place.add("a", odd=odd)
    runner = place.runner(attempts=1)
    filling = runner._endings.add
    runner._endings.add = lambda ending: (place.queue.full.set(), filling(ending))[1]  # type: ignore[method-assign]
    runner.start()
    if odd == "hang":
        until(lambda: place.row("a").state == "running" and runner.workers[0].pid is not None)
        place.queue.cancel("a")
    until(lambda: runner._endings.waiting == 1 or place.told != [])
    place.queue.full.clear()
    until(lambda: place.told != [])
    assert (place.told, place.row("a").state) == ([("a", ends)], ends)


def test_work_that_finds_the_disk_full_is_given_back_and_at_last_told_so(place: Place) -> None:
    place.add("a", odd="full")
    place.runner(attempts=2).start()
    until(lambda: place.row("a").state == "failed")
    problem = place.row("a").problem
    assert problem
    assert (problem["type"], problem["status"], place.row("a").attempts) == ("no-space", 507, 2)
    until(lambda: place.told == [("a", "queued"), ("a", "failed")])


def test_no_job_starts_without_room_and_all_start_when_there_is_some(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    free, looked = [START_BYTES - 1], list[int]()
    monkeypatch.setattr(DataDisk, "free", lambda _: (looked.append(1), free[0])[1])
    place.add("a", odd="done")
    runner = place.runner()
    runner.start()
    until(lambda: len(looked) > 5)
    assert (place.row("a").state, place.row("a").attempts) == ("queued", 0)
    assert str(runner.trouble()) == "The disk is full: 49 MB are free, and new jobs need 200 MB."
    free[0] = SPARE_BYTES
    until(lambda: place.row("a").state == "done")
    assert runner.trouble() is None


def test_a_thread_that_dies_is_started_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever ends it: of ours nothing raises SystemExit, but a library in a thread of ours may."""
    die = {"lease": 2, "expired": 2}

    def deadly(name: str) -> None:
        real = getattr(place.queue, name)

        def call(*given: object) -> object:
            if die[name]:
                die[name] -= 1
                raise SystemExit
            return real(*given)

        monkeypatch.setattr(place.queue, name, call)

    deadly("lease")
    deadly("expired")
    place.add("a", odd="done")
    runner = place.runner()
    runner.start()
    until(lambda: "broke off" in str(runner.trouble()))
    until(lambda: place.row("a").state == "done" and die == {"lease": 0, "expired": 0})
    until(lambda: runner.trouble() is None)


def test_one_job_that_cannot_be_recovered_stops_no_other(place: Place) -> None:
    for job in "ab":
        place.add(job, odd="done")
        assert place.queue.lease(0.01)
    (place.data / "jobs" / "a" / "result").mkdir()
    (place.data / "jobs" / "a" / "result" / "report.json").mkdir()  # nobody can read it
    place.runner().start()
    until(lambda: place.row("b").state == "done")
    assert place.row("a").state == "running"


def test_a_damaged_report_does_not_hide_a_result(place: Place) -> None:
    place.add("a", odd="crash")
    assert place.queue.lease(0.01)
    (place.data / "jobs" / "a" / "result").mkdir()
    (place.data / "jobs" / "a" / "result" / "report.json").write_text('{"frames": ')
    place.runner().start()
    until(lambda: place.row("a").state == "done")
    assert (place.row("a").report, place.told) == ({}, [("a", "done")])


@pytest.mark.parametrize("step", [86_400, -86_400])
def test_a_step_of_the_clock_beside_a_second_runner_starts_no_job_twice(place: Place, step: int) -> None:
    gate = place.data / "gate"
    place.add("a", odd="done", gate=str(gate))
    place.runner(lease_seconds=60).start()
    until(lambda: place.row("a").stage == "speak")
    second = SqliteQueue(place.data / "jobs.sqlite", lambda: time.time() + step)  # the first has yet to notice
    beside = place.runner(second, lease_seconds=60, workers=0)
    assert [job.id for job in second.expired()] == ["a"]
    beside.recover()
    until_beaten = place.row("a").lease_until
    until(lambda: place.row("a").lease_until != until_beaten)
    beside.recover()
    assert (place.row("a").state, place.row("a").attempts) == ("running", 1)
    gate.touch()
    until(lambda: place.row("a").state == "done")
    assert place.row("a").attempts == 1
    beside.drain(0)
    second.close()


def test_deleting_takes_the_reserve_and_the_keeper_makes_it_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.add("a", odd="done")
    runner, reserve = place.runner(), place.data / RESERVE
    runner.start()
    until(reserve.exists)
    assert reserve.stat().st_size == RESERVE_BYTES
    until(lambda: place.row("a").state == "done")

    monkeypatch.setattr(DataDisk, "free", lambda _: 0)

    def remove() -> str:
        if reserve.exists():
            raise sqlite3.OperationalError("database or disk is full")
        return "removed"

    assert runner.freeing(remove) == "removed"
    with pytest.raises(sqlite3.OperationalError):  # a second time there is none
        runner.freeing(lambda: place.queue.full.set() or place.queue.purge("a"))
    place.queue.full.clear()
    monkeypatch.undo()
    until(reserve.exists)


def test_what_is_no_full_disk_leaves_the_reserve_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / RESERVE).touch()
    monkeypatch.setattr(disk, "RESERVE_BYTES", 1)

    def fail() -> None:
        raise FileNotFoundError("no such job")

    with pytest.raises(FileNotFoundError):
        DataDisk(tmp_path).freeing(fail)
    assert (tmp_path / RESERVE).exists()
