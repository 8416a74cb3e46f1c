"""A worker that writes nonsense, never reads, or leaves something behind neither holds up nor misleads its parent."""

from __future__ import annotations

import io
import os
import signal
import struct
import sys
import threading
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from lipsmith.workers.messages import MessageError, read_message
from lipsmith.workers.process import WorkerLost, WorkerProcess
from lipsmith.workers.shared import SharedWorker, WorkerBusy
from lipsmith.workers.supervised import SupervisedWorker, WorkerTimeout
from tests.support import SUPPORT
from tests.support.waiting import until

ODD = (sys.executable, str(SUPPORT / "odd_worker.py"))
READY = "import os, sys; from lipsmith.workers.child import ParentConnection; c = ParentConnection.open(); c.ready()\n"


def running(code: str) -> SupervisedWorker:
    return SupervisedWorker(partial(WorkerProcess, (sys.executable, "-c", code)))


@pytest.mark.parametrize(
    "data",
    [
        b"Hello, this library was loaded.\n",
        struct.pack("<IQ", 2**32 - 1, 0),
        struct.pack("<iq", -1, -1),
        struct.pack("<IQ", 2, 2**63) + b"{}",
        struct.pack("<IQ", 4, 0) + b"\xff\x00ab",
        struct.pack("<IQ", 2, 0) + b"[]",
        struct.pack("<IQ", 100_000, 0) + b"[" * 100_000,
    ],
)
def test_nonsense_is_no_message(data: bytes) -> None:
    with pytest.raises(MessageError, match="no message"):
        read_message(io.BytesIO(data))


@pytest.mark.parametrize("before", ["", READY])
def test_a_worker_that_writes_nonsense_is_lost_at_once(before: str) -> None:
    write = "c._output.write(text); c._output.flush()" if before else "import os; os.write(1, text)"
    worker = running(f"{before}import time; text = b'a library prints, and more'\n{write}\ntime.sleep(600)")
    with pytest.raises(WorkerLost, match="signal 9"):  # not WorkerTimeout: nobody waited for the end of its time
        worker.call({}, 100)
    assert worker.pid is None


def test_a_worker_that_never_reads_runs_out_of_time() -> None:
    worker = running(READY + "import time; time.sleep(600)")
    with pytest.raises(WorkerTimeout):
        worker.call({}, 0.5, payload=bytes(10_000_000))
    assert worker.pid is None


def test_an_answer_that_comes_late_is_not_for_the_next_call(tmp_path: Path) -> None:
    """Where ``watch`` fails, as a queue does on a full disk, the process ends with the call."""
    worker, gate = SupervisedWorker(partial(WorkerProcess, ODD)), tmp_path / "gate"

    def full(progress: Mapping[str, Any]) -> bool:
        if progress:
            raise OSError("the disk is full")
        return True

    with pytest.raises(OSError, match="full"):
        worker.call({"options": {"odd": "done", "gate": str(gate)}}, 100, full)
    gate.touch()
    assert worker.call({"options": {"odd": "done"}}, 100, payload=b"second").payload == b"dnoces"
    worker.close()


def test_libraries_of_a_worker_cannot_read_its_messages() -> None:
    worker = running(
        "import os; from lipsmith.workers.child import serve; from lipsmith.workers.messages import Message\n"
        "serve(lambda request, _: Message({'read': len(os.read(0, 100))}))"
    )
    assert worker.call({}, 100).header == {"read": 0}
    worker.close()


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="the system knows no groups of processes")
def test_what_a_worker_started_ends_with_it() -> None:
    process = WorkerProcess((sys.executable, "-c", READY + "os.fork(); import time; time.sleep(600)"))
    assert process.wait_ready(100)
    process.kill()
    process.finish(5)
    assert process.over


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="the system does not list open files")
def test_many_crashes_leave_no_files_open_and_no_dead_processes() -> None:
    worker = running("import os, sys; os.write(1, b'x' * 12); os._exit(1)")
    counts = []
    for _ in range(60):
        with pytest.raises(WorkerLost):
            worker.call({}, 100)
        counts.append((len(list(Path("/proc/self/fd").iterdir())), threading.active_count()))
    assert max(counts[10:]) <= max(counts[:10])
    assert [one.pid for one in psutil.Process().children() if one.status() == psutil.STATUS_ZOMBIE] == []


def test_closing_a_shared_worker_does_not_wait_for_the_call_that_hangs() -> None:
    inner = SupervisedWorker(partial(WorkerProcess, ODD))
    shared = SharedWorker(inner, 100, callers=6)
    ended: list[type[BaseException]] = []

    def call() -> None:
        try:
            shared.call({"options": {"odd": "hang"}})
        except (WorkerLost, WorkerBusy) as reason:
            ended.append(type(reason))

    callers = [threading.Thread(target=call) for _ in range(3)]
    for caller in callers:
        caller.start()
    until(lambda: inner.pid is not None)
    shared.close()
    for caller in callers:
        caller.join()
    assert sorted(one.__name__ for one in ended) == ["WorkerBusy", "WorkerBusy", "WorkerLost"]
    assert inner.pid is None


@pytest.mark.skipif(sys.platform == "win32", reason="signals end programs there")
@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_all_processes_leaves_the_end_to_the_parent(sign: signal.Signals, tmp_path: Path) -> None:
    """As systemd sends it: the parent may still want what the worker does."""
    worker, gate = SupervisedWorker(partial(WorkerProcess, ODD)), tmp_path / "gate"

    def signalled(progress: Mapping[str, Any]) -> bool:
        if progress and not gate.exists():
            assert worker.pid
            os.kill(worker.pid, sign)
            gate.touch()
        return True

    assert worker.call({"options": {"odd": "done", "gate": str(gate)}}, 100, signalled).header["frames"] == 1
    worker.close()
