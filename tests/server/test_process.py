"""A worker process is stopped, lost or too slow, and the next task finds a fresh one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from lipsmith.errors import JobTimeout
from lipsmith.server.process import Stopped, TaskFailed, WorkerLost, WorkerProcess
from tests.support import SUPPORT

ODD = (sys.executable, str(SUPPORT / "odd_worker.py"))


@pytest.fixture
def worker() -> Iterator[WorkerProcess]:
    made = WorkerProcess(ODD)
    yield made
    made.kill()


def test_the_process_is_kept_between_tasks(worker: WorkerProcess) -> None:
    pids = {worker.call({"odd": "done"}, 100)["pid"] for _ in range(2)}
    assert pids == {worker.pid}


def test_progress_is_told_in_order(worker: WorkerProcess) -> None:
    heard: list[tuple[str, int, int]] = []
    worker.call({"odd": "done", "steps": 4}, 100, lambda stage: heard.append(stage) is None)
    assert [stage for stage in heard if stage[0] == "speak"] == [("speak", done, 4) for done in range(4)]


def test_a_failure_comes_with_its_problem_and_keeps_the_process(worker: WorkerProcess) -> None:
    with pytest.raises(TaskFailed, match="no face") as failure:
        worker.call({"odd": "fail"}, 100)
    assert failure.value.body["status"] == 422
    assert worker.pid is not None


def test_a_crash_is_told_and_the_next_task_gets_another_process(worker: WorkerProcess) -> None:
    with pytest.raises(WorkerLost):
        worker.call({"odd": "crash"}, 100)
    assert worker.call({"odd": "done"}, 100)["frames"] == 1


def test_a_stopped_task_ends_with_its_process(worker: WorkerProcess) -> None:
    worker.call({"odd": "done"}, 100)
    pid = worker.pid
    assert pid
    with pytest.raises(Stopped):
        worker.call({"odd": "hang"}, 60, lambda _: False)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_task_that_takes_too_long_is_stopped(worker: WorkerProcess) -> None:
    with pytest.raises(JobTimeout, match="longer than this server allows") as problem:
        worker.call({"odd": "hang"}, 0.2)
    assert problem.value.kind == "too-long"
    assert worker.pid is None


def test_a_worker_without_a_server_ends_at_once() -> None:
    import subprocess

    process = subprocess.Popen(
        [sys.executable, "-m", "lipsmith.server.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin
    assert process.stdout
    assert "ready" in process.stdout.readline()
    process.stdin.close()
    assert process.wait(120) == 0
    process.stdout.close()
