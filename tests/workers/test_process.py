"""One worker process: what it is started with, what it prints, and how it ends."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time

import pytest

from lipsmith.workers.messages import Message
from lipsmith.workers.process import WorkerLost, WorkerProcess
from lipsmith.workers.supervised import SupervisedWorker, TaskFailed

ECHO = """
import os, sys
from lipsmith.workers.child import serve
from lipsmith.workers.messages import Message
def echo(request, progress):
    print("a library prints")
    header = {"nice": os.nice(0), "group": os.getpgid(0), "pid": os.getpid(), "word": os.environ.get("WORD")}
    return Message(header, request.payload[::-1])
serve(echo)
"""
COMMAND = (sys.executable, "-c", ECHO)
FOREVER = "import time; from lipsmith.workers.child import serve; serve(lambda *_: time.sleep(600))"


def test_an_answer_carries_bytes_and_printing_disturbs_nobody() -> None:
    with tempfile.TemporaryFile() as stderr:
        worker = SupervisedWorker(lambda: WorkerProcess(COMMAND, nice=5, environment={"WORD": "yes"}, stderr=stderr))
        answer = worker.call({}, 100, payload=b"abc")
        worker.close()
        stderr.seek(0)
        assert b"a library prints" in stderr.read()
    assert (answer.payload, answer.header["word"]) == (b"cba", "yes")
    assert answer.header["group"] == answer.header["pid"]  # signals to the parent's group do not reach it
    assert answer.header["nice"] == max(5, os.nice(0))


def test_messages_may_be_heard_as_they_come() -> None:
    heard: list[Message] = []
    process = WorkerProcess(COMMAND, heard.append)
    assert process.wait_ready(100)
    for _ in range(3):
        process.send({})
    while len(heard) < 3:
        time.sleep(0.01)
    process.finish(100)
    assert (process.over, process.alive, len(heard)) == (True, False, 3)


def test_a_killed_process_is_lost_for_whoever_sends_and_receives() -> None:
    process = WorkerProcess((sys.executable, "-c", FOREVER))
    assert process.wait_ready(100)
    assert process.receive(0.01) is None
    process.send({})
    process.kill()
    for _ in range(2):
        with pytest.raises(WorkerLost, match="signal 9") as lost:
            process.receive(10)
        assert lost.value.exit_code == -9
    with pytest.raises(WorkerLost):
        process.send({}, bytes(1_000_000))
    process.finish(10)


def test_a_process_that_never_gets_ready_is_lost_at_once() -> None:
    worker = SupervisedWorker(lambda: WorkerProcess((sys.executable, "-c", "raise SystemExit(3)")))
    with pytest.raises(WorkerLost, match="exit code 3"):
        worker.call({}, 100)
    assert worker.pid is None


def test_a_worker_ends_in_the_middle_of_its_work_when_its_parent_is_killed() -> None:
    parent = (
        "import sys; from lipsmith.workers.process import WorkerProcess\n"
        f"process = WorkerProcess((sys.executable, '-c', {FOREVER!r}))\n"
        "assert process.wait_ready(100); process.send({}); print(process.pid, flush=True); input()"
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as killed:
        assert killed.stdout
        pid = int(killed.stdout.readline())
        os.kill(pid, 0)
        killed.kill()
    for _ in range(1000):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.02)
    pytest.fail("the worker outlived its parent")


def test_what_a_worker_says_is_logged_a_traceback_as_one_event(caplog: pytest.LogCaptureFixture) -> None:
    code = "from lipsmith.workers.child import serve; serve(lambda *_: 1 / 0)"
    worker = SupervisedWorker(lambda: WorkerProcess((sys.executable, "-c", code)))
    with pytest.raises(TaskFailed):
        worker.call({}, 100)
    worker.close()
    (said,) = [record for record in caplog.records if record.name == "lipsmith.workers.process.stderr"]
    assert said.getMessage().count("Traceback") == 1
    assert said.getMessage().endswith("ZeroDivisionError: division by zero")
