"""The runner does every job once, whatever becomes of workers and other runners."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lipsmith.jobs.queue import JobRecord, NewJob
from lipsmith.jobs.runner import JobRunner, RunnerOptions
from lipsmith.jobs.sqlite import SqliteQueue
from tests.support import SUPPORT
from tests.support.waiting import until

ODD = (sys.executable, str(SUPPORT / "odd_worker.py"))
Make = Callable[..., tuple[JobRunner, SqliteQueue]]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[tuple[JobRunner, SqliteQueue]] = []

    def make(**options: int) -> tuple[JobRunner, SqliteQueue]:
        (tmp_path / "jobs").mkdir(exist_ok=True)
        queue = SqliteQueue(tmp_path / "jobs.sqlite")
        runner = JobRunner(queue, RunnerOptions(tmp_path, **{"lease_seconds": 1, "keep_hours": 24, **options}), ODD)  # type: ignore[arg-type]
        made.append((runner, queue))
        return runner, queue

    yield make
    for runner, queue in made:
        runner.drain(0)
        queue.close()


def add(queue: SqliteQueue, folder: Path, job: str, **task: object) -> None:
    (folder / "jobs" / job).mkdir()
    queue.submit(NewJob(job, "alice", "dub", {"asked": {}, "task": task}, 1))


def found(queue: SqliteQueue, job: str) -> JobRecord:
    row = queue.get(job)
    assert row
    return row


def state(queue: SqliteQueue, job: str) -> str:
    return found(queue, job).state


def test_jobs_are_done_and_their_results_stand(make: Make, tmp_path: Path) -> None:
    runner, queue = make()
    for name in "abc":
        add(queue, tmp_path, name, odd="done", steps=2)
    runner.start()
    until(lambda: queue.counts() == {"done": 3})
    assert all((tmp_path / "jobs" / name / "result" / "film.mp4").exists() for name in "abc")
    assert not list(tmp_path.glob("jobs/*/attempt-*"))
    assert found(queue, "a").bytes > 1


def test_a_job_that_kills_its_worker_is_given_up(make: Make, tmp_path: Path) -> None:
    runner, queue = make(attempts=2)
    add(queue, tmp_path, "a", odd="crash")
    add(queue, tmp_path, "b", odd="done")
    runner.start()
    until(lambda: queue.counts() == {"failed": 1, "done": 1})
    row = found(queue, "a")
    assert row.attempts == 2
    assert row.problem
    assert row.problem["type"] == "interrupted"


def test_a_failure_is_final_and_told(make: Make, tmp_path: Path) -> None:
    runner, queue = make()
    add(queue, tmp_path, "a", odd="fail")
    runner.start()
    until(lambda: state(queue, "a") == "failed")
    assert found(queue, "a").attempts == 1


def test_cancelling_ends_the_worker(make: Make, tmp_path: Path) -> None:
    runner, queue = make()
    add(queue, tmp_path, "a", odd="hang")
    runner.start()
    until(lambda: state(queue, "a") == "running" and runner.workers[0].pid is not None)
    queue.cancel("a", "alice")
    until(lambda: runner.workers[0].pid is None)
    assert state(queue, "a") == "cancelled"
    until(lambda: not list(tmp_path.glob("jobs/a/attempt-*")))


def test_a_job_that_is_cancelled_while_it_waits_is_told_of_once(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    queue, told = SqliteQueue(tmp_path / "jobs.sqlite"), list[tuple[str, str, float]]()
    runner = JobRunner(
        queue, RunnerOptions(tmp_path, workers=0), ODD, lambda job, seconds: told.append((job.id, job.state, seconds))
    )
    add(queue, tmp_path, "a")
    assert runner.cancel("a", "bob") is None
    for _ in range(2):
        row = runner.cancel("a", "alice")
        assert row
        assert row.state == "cancelled"
    assert told == [("a", "cancelled", 0.0)]
    runner.drain(0)
    queue.close()


def test_draining_puts_back_what_is_not_done_in_time(make: Make, tmp_path: Path) -> None:
    runner, queue = make()
    add(queue, tmp_path, "a", odd="hang")
    add(queue, tmp_path, "b", odd="done")
    runner.start()
    until(lambda: runner.workers[0].pid is not None)
    runner.drain(0.1)
    assert (state(queue, "a"), found(queue, "a").attempts, state(queue, "b")) == ("queued", 0, "queued")


def test_draining_lets_a_job_finish(make: Make, tmp_path: Path) -> None:
    runner, queue = make()
    add(queue, tmp_path, "a", odd="done", gate=str(tmp_path / "gate"))
    runner.start()
    until(lambda: found(queue, "a").stage == "speak")
    opening = threading.Thread(target=lambda: runner.draining.wait() and (tmp_path / "gate").touch())
    opening.start()
    runner.drain(120)
    opening.join()
    assert state(queue, "a") == "done"


def test_what_a_dead_server_left_is_begun_again(make: Make, tmp_path: Path) -> None:
    runner, queue = make()
    add(queue, tmp_path, "a", odd="done")
    assert queue.lease(0.1)
    (tmp_path / "jobs" / "a" / "attempt-1").mkdir()
    runner.start()
    until(lambda: state(queue, "a") == "done")
    assert found(queue, "a").attempts == 2
    until(lambda: not list(tmp_path.glob("jobs/*/attempt-*")))


@pytest.mark.parametrize("step", [86_400, -86_400])
def test_a_step_of_the_clock_disturbs_no_job_that_runs(make: Make, tmp_path: Path, step: int) -> None:
    runner, queue = make()
    add(queue, tmp_path, "a", odd="done", gate=str(tmp_path / "gate"))
    runner.start()
    until(lambda: found(queue, "a").stage == "speak")
    queue._clock = lambda: time.time() + step
    runner.recover()
    (tmp_path / "gate").touch()
    until(lambda: state(queue, "a") == "done")
    assert found(queue, "a").attempts == 1


def test_a_result_that_was_committed_is_not_made_again(make: Make, tmp_path: Path) -> None:
    runner, queue = make()
    add(queue, tmp_path, "a", odd="crash")
    assert queue.lease(0.1)
    (tmp_path / "jobs" / "a" / "result").mkdir()
    (tmp_path / "jobs" / "a" / "result" / "report.json").write_text('{"frames": 7}')
    runner.start()
    until(lambda: state(queue, "a") == "done")
    assert (found(queue, "a").report, found(queue, "a").attempts) == ({"frames": 7}, 1)


def test_who_lost_the_lease_commits_nothing(make: Make, tmp_path: Path) -> None:
    runner, queue = make()
    add(queue, tmp_path, "a", odd="done", gate=str(tmp_path / "gate"))
    runner.start()
    until(lambda: found(queue, "a").stage == "speak")
    shutil.rmtree(tmp_path / "jobs" / "a")
    queue.purge("a")
    until(lambda: runner.workers[0].pid is None)
    assert not (tmp_path / "jobs" / "a").exists()


def test_work_that_was_cancelled_at_the_last_moment_is_not_committed(make: Make, tmp_path: Path) -> None:
    runner, queue = make()
    add(queue, tmp_path, "a", odd="done")
    job = queue.lease(60)
    assert job
    runner.workers[0].call({"options": {"odd": "done"}}, 60)
    queue.cancel("a", "alice")
    runner._do(job, runner.workers[0])
    assert state(queue, "a") == "cancelled"
    assert list((tmp_path / "jobs" / "a").iterdir()) == []
    runner.workers[0].close()


def test_old_jobs_go_and_strange_folders_too(make: Make, tmp_path: Path) -> None:
    import os

    runner, queue = make()
    for name in ("old", "new"):
        add(queue, tmp_path, name, odd="done")
        row = queue.lease(60)
        assert row
        queue.finish(row, {}, 1)
    queue._run("UPDATE jobs SET finished=? WHERE id='old'", time.time() - 25 * 3600)
    (tmp_path / "jobs" / "strange").mkdir()
    os.utime(tmp_path / "jobs" / "strange", (0, 0))
    (tmp_path / "jobs" / "upload").mkdir()  # on its way in, so not in the table yet
    runner.sweep()
    assert queue.ids() == {"new"}
    assert {path.name for path in (tmp_path / "jobs").iterdir()} == {"new", "upload"}


def test_the_oldest_finished_jobs_make_room_on_the_disk(make: Make, tmp_path: Path) -> None:
    runner, queue = make(disk_bytes=1_000_000_000)
    for name in "abc":
        add(queue, tmp_path, name, odd="done")
        row = queue.lease(60)
        assert row
        queue.finish(row, {}, 400_000_000)
    runner.sweep()
    assert queue.ids() == {"b", "c"}
    assert not (tmp_path / "jobs" / "a").exists()


def test_only_who_finished_a_job_tells_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "jobs").mkdir()
    queue, told = SqliteQueue(tmp_path / "jobs.sqlite"), list[str]()
    runner = JobRunner(queue, RunnerOptions(tmp_path), ODD, lambda job, _: told.append(job.id))
    beat = queue.heartbeat
    monkeypatch.setattr(
        queue, "heartbeat", lambda job, *how: beat(job, *how) and (job.id, how[1][0]) != ("a", "commit")
    )
    add(queue, tmp_path, "a", odd="done")
    add(queue, tmp_path, "b", odd="done")
    runner.start()
    until(lambda: told == ["b"] or len(told) > 1)
    runner.drain(0)
    queue.close()
    assert told == ["b"]
