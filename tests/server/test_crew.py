"""The crew does every job once, whatever becomes of workers and servers."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lipsmith.server.config import ServerSettings
from lipsmith.server.crew import JobRunner
from lipsmith.server.store import JobRecord, NewJob, SqliteQueue
from tests.support import SUPPORT
from tests.support.live_server import until

ODD = (sys.executable, str(SUPPORT / "odd_worker.py"))
Make = Callable[..., tuple[JobRunner, SqliteQueue]]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[tuple[JobRunner, SqliteQueue]] = []

    def make(**options: int) -> tuple[JobRunner, SqliteQueue]:
        (tmp_path / "jobs").mkdir(exist_ok=True)
        store = SqliteQueue(tmp_path / "jobs.sqlite")
        crew = JobRunner(store, ServerSettings(data=str(tmp_path), **{"lease_seconds": 1, **options}), ODD)  # type: ignore[arg-type]
        made.append((crew, store))
        return crew, store

    yield make
    for crew, store in made:
        crew.drain(0)
        store.close()


def add(store: SqliteQueue, folder: Path, job: str, **task: object) -> None:
    (folder / "jobs" / job).mkdir()
    store.add(NewJob(job, "alice", "dub", {"asked": {}, "task": task}, 1))


def found(store: SqliteQueue, job: str) -> JobRecord:
    row = store.get(job)
    assert row
    return row


def state(store: SqliteQueue, job: str) -> str:
    return found(store, job).state


def test_jobs_are_done_and_their_results_stand(make: Make, tmp_path: Path) -> None:
    crew, store = make()
    for name in "abc":
        add(store, tmp_path, name, odd="done", steps=2)
    crew.start()
    until(lambda: store.counts() == {"done": 3})
    assert all((tmp_path / "jobs" / name / "result" / "film.mp4").exists() for name in "abc")
    assert not list(tmp_path.glob("jobs/*/attempt-*"))
    assert found(store, "a").bytes > 1


def test_a_job_that_kills_its_worker_is_given_up(make: Make, tmp_path: Path) -> None:
    crew, store = make(attempts=2)
    add(store, tmp_path, "a", odd="crash")
    add(store, tmp_path, "b", odd="done")
    crew.start()
    until(lambda: store.counts() == {"failed": 1, "done": 1})
    row = found(store, "a")
    assert row.attempts == 2
    assert row.problem
    assert row.problem["type"] == "interrupted"


def test_a_failure_is_final_and_told(make: Make, tmp_path: Path) -> None:
    crew, store = make()
    add(store, tmp_path, "a", odd="fail")
    crew.start()
    until(lambda: state(store, "a") == "failed")
    assert found(store, "a").attempts == 1


def test_cancelling_ends_the_worker(make: Make, tmp_path: Path) -> None:
    crew, store = make()
    add(store, tmp_path, "a", odd="hang")
    crew.start()
    until(lambda: state(store, "a") == "running" and crew.workers[0].pid is not None)
    store.cancel("a", "alice")
    until(lambda: crew.workers[0].pid is None)
    assert state(store, "a") == "cancelled"
    until(lambda: not list(tmp_path.glob("jobs/a/attempt-*")))


def test_draining_puts_back_what_is_not_done_in_time(make: Make, tmp_path: Path) -> None:
    crew, store = make()
    add(store, tmp_path, "a", odd="hang")
    add(store, tmp_path, "b", odd="done")
    crew.start()
    until(lambda: crew.workers[0].pid is not None)
    crew.drain(0.1)
    assert (state(store, "a"), found(store, "a").attempts, state(store, "b")) == ("queued", 0, "queued")


def test_draining_lets_a_job_finish(make: Make, tmp_path: Path) -> None:
    crew, store = make()
    add(store, tmp_path, "a", odd="done", gate=str(tmp_path / "gate"))
    crew.start()
    until(lambda: found(store, "a").stage == "speak")
    opening = threading.Thread(target=lambda: crew.draining.wait() and (tmp_path / "gate").touch())
    opening.start()
    crew.drain(120)
    opening.join()
    assert state(store, "a") == "done"


def test_what_a_dead_server_left_is_begun_again(make: Make, tmp_path: Path) -> None:
    crew, store = make()
    add(store, tmp_path, "a", odd="done")
    assert store.claim(0.1)
    (tmp_path / "jobs" / "a" / "attempt-1").mkdir()
    crew.start()
    until(lambda: state(store, "a") == "done")
    assert found(store, "a").attempts == 2
    until(lambda: not list(tmp_path.glob("jobs/*/attempt-*")))


@pytest.mark.parametrize("step", [86_400, -86_400])
def test_a_step_of_the_clock_disturbs_no_job_that_runs(make: Make, tmp_path: Path, step: int) -> None:
    crew, store = make()
    add(store, tmp_path, "a", odd="done", gate=str(tmp_path / "gate"))
    crew.start()
    until(lambda: found(store, "a").stage == "speak")
    store._clock = lambda: time.time() + step
    crew.recover()
    (tmp_path / "gate").touch()
    until(lambda: state(store, "a") == "done")
    assert found(store, "a").attempts == 1


def test_a_result_that_was_committed_is_not_made_again(make: Make, tmp_path: Path) -> None:
    crew, store = make()
    add(store, tmp_path, "a", odd="crash")
    assert store.claim(0.1)
    (tmp_path / "jobs" / "a" / "result").mkdir()
    (tmp_path / "jobs" / "a" / "result" / "report.json").write_text('{"frames": 7}')
    crew.start()
    until(lambda: state(store, "a") == "done")
    assert (found(store, "a").report, found(store, "a").attempts) == ({"frames": 7}, 1)


def test_who_lost_the_lease_commits_nothing(make: Make, tmp_path: Path) -> None:
    crew, store = make()
    add(store, tmp_path, "a", odd="done", gate=str(tmp_path / "gate"))
    crew.start()
    until(lambda: found(store, "a").stage == "speak")
    shutil.rmtree(tmp_path / "jobs" / "a")
    store.delete("a")
    until(lambda: crew.workers[0].pid is None)
    assert not (tmp_path / "jobs" / "a").exists()


def test_work_that_was_cancelled_at_the_last_moment_is_not_committed(make: Make, tmp_path: Path) -> None:
    crew, store = make()
    add(store, tmp_path, "a", odd="done")
    job = store.claim(60)
    assert job
    crew.workers[0].call({"odd": "done"}, 60)
    store.cancel("a", "alice")
    crew._do(job, crew.workers[0])
    assert state(store, "a") == "cancelled"
    assert list((tmp_path / "jobs" / "a").iterdir()) == []
    crew.workers[0].kill()


def test_old_jobs_go_and_strange_folders_too(make: Make, tmp_path: Path) -> None:
    import os

    crew, store = make()
    for name in ("old", "new"):
        add(store, tmp_path, name, odd="done")
        row = store.claim(60)
        assert row
        store.finish(row, {}, 1)
    store._run("UPDATE jobs SET finished=? WHERE id='old'", time.time() - 25 * 3600)
    (tmp_path / "jobs" / "strange").mkdir()
    os.utime(tmp_path / "jobs" / "strange", (0, 0))
    (tmp_path / "jobs" / "upload").mkdir()  # on its way in, so not in the table yet
    crew.sweep()
    assert store.ids() == {"new"}
    assert {path.name for path in (tmp_path / "jobs").iterdir()} == {"new", "upload"}


def test_the_oldest_finished_jobs_make_room_on_the_disk(make: Make, tmp_path: Path) -> None:
    crew, store = make(disk_gb=1)
    for name in "abc":
        add(store, tmp_path, name, odd="done")
        row = store.claim(60)
        assert row
        store.finish(row, {}, 400_000_000)
    crew.sweep()
    assert store.ids() == {"b", "c"}
    assert not (tmp_path / "jobs" / "a").exists()
