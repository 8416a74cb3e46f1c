"""A worker process is stopped, lost or too slow, and the next task finds a fresh one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import pytest

from lipsmith.errors import problem_of
from lipsmith.jobs.worker import COMMAND
from lipsmith.workers.messages import read_message
from lipsmith.workers.process import WorkerLost, WorkerProcess
from lipsmith.workers.supervised import SupervisedWorker, TaskFailed, WorkerStopped, WorkerTimeout
from tests.support import SUPPORT

ODD = (sys.executable, str(SUPPORT / "odd_worker.py"))


@pytest.fixture
def worker() -> Iterator[SupervisedWorker]:
    made = SupervisedWorker(partial(WorkerProcess, ODD))
    yield made
    made.close()


def call(
    worker: SupervisedWorker,
    seconds: float = 100,
    watch: Callable[[Mapping[str, Any]], bool] = lambda _: True,
    **options: object,
) -> dict[str, Any]:
    return worker.call({"options": options}, seconds, watch).header


def test_the_process_is_kept_between_tasks(worker: SupervisedWorker) -> None:
    pids = {call(worker, odd="done")["pid"] for _ in range(2)}
    assert pids == {worker.pid}


def test_progress_is_told_in_order(worker: SupervisedWorker) -> None:
    heard: list[list[Any]] = []
    call(worker, odd="done", steps=4, watch=lambda progress: heard.append(progress.get("stage", [])) is None)
    steps = [stage for place, stage in enumerate(heard) if stage and stage not in heard[:place]]
    assert steps == [["speak", done, 4] for done in range(4)]


def test_a_failure_comes_with_its_problem_and_keeps_the_process(worker: SupervisedWorker) -> None:
    with pytest.raises(TaskFailed, match="no face") as failure:
        call(worker, odd="fail")
    assert failure.value.body["status"] == 422
    assert problem_of(failure.value) == failure.value.body
    assert worker.pid is not None


def test_a_crash_is_told_and_the_next_task_gets_another_process(worker: SupervisedWorker) -> None:
    with pytest.raises(WorkerLost):
        call(worker, odd="crash")
    assert call(worker, odd="done")["frames"] == 1


def test_a_stopped_task_ends_with_its_process(worker: SupervisedWorker) -> None:
    call(worker, odd="done")
    pid = worker.pid
    assert pid
    with pytest.raises(WorkerStopped):
        call(worker, odd="hang", watch=lambda _: False)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_task_that_takes_too_long_is_stopped(worker: SupervisedWorker) -> None:
    with pytest.raises(WorkerTimeout):
        call(worker, odd="hang", seconds=0.2)
    assert worker.pid is None


def test_a_worker_without_a_server_ends_at_once() -> None:
    process = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin
    assert process.stdout
    ready = read_message(process.stdout)
    assert ready
    assert ready.header == {"ready": process.pid}
    process.stdin.close()
    assert process.wait(120) == 0
    process.stdout.close()
