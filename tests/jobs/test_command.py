"""``lipsmith jobs`` in processes of their own, without a server, on one data folder."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lipsmith.cli import run
from lipsmith.jobs.folders import PICTURE, SPEECH
from lipsmith.jobs.queue import NewJob
from lipsmith.jobs.sqlite import SqliteQueue
from lipsmith.media.probe import probe
from tests.support.tones import tone
from tests.support.waiting import until


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[SqliteQueue]:
    (tmp_path / "jobs").mkdir()
    opened = SqliteQueue(tmp_path / "jobs.sqlite")
    yield opened
    opened.close()


def submit(queue: SqliteQueue, data: Path, job: str, portrait: Path, seconds: float = 0.4) -> None:
    """Queue a dub, as a server does."""
    folder = data / "jobs" / job
    folder.mkdir()
    shutil.copy(portrait, folder / PICTURE)
    (folder / SPEECH).write_bytes(tone(seconds))
    task = {"avatar": None, "format": "mp4", "options": {"engine": "fake"}}
    queue.submit(NewJob(job, "alice", "dub", {"asked": task, "task": task}, 1))


def start(data: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "lipsmith", "jobs", "work", "--data", str(data), *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def listed(data: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Id -> state, as the command line lists them."""
    capsys.readouterr()
    assert run(["jobs", "list", "--data", str(data), "--json"]) == 0
    return {job["id"]: job["state"] for job in json.loads(capsys.readouterr().out)}


def test_two_processes_empty_the_queue_and_do_every_job_once(
    queue: SqliteQueue, tmp_path: Path, astronaut_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in "abcd":
        submit(queue, tmp_path, name, astronaut_file)
    assert listed(tmp_path, capsys) == dict.fromkeys("dcba", "queued")
    workers = [start(tmp_path, "--once") for _ in range(2)]
    said = "".join(worker.communicate(timeout=200)[0] for worker in workers)
    assert [worker.returncode for worker in workers] == [0, 0], said
    assert sorted(line[0] for line in said.splitlines() if "is done" in line) == list("abcd")
    assert listed(tmp_path, capsys) == dict.fromkeys("dcba", "done")
    for name in "abcd":
        job = queue.get(name)
        assert job
        assert (job.attempts, probe(tmp_path / "jobs" / name / "result" / "film.mp4").frames) == (1, 10)
        assert job.report
        assert job.report["output"] == "film.mp4"


@pytest.mark.skipif(sys.platform == "win32", reason="signals end programs there")
@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_gives_the_running_job_back(
    queue: SqliteQueue, tmp_path: Path, astronaut_file: Path, sign: signal.Signals
) -> None:
    submit(queue, tmp_path, "a", astronaut_file, seconds=300)
    worker = start(tmp_path, "--drain-seconds", "0")
    until(lambda: queue.counts() == {"running": 1})
    worker.send_signal(sign)
    said, _ = worker.communicate(timeout=100)
    assert worker.returncode == 0, said
    job = queue.get("a")
    assert job
    assert (job.state, job.attempts) == ("queued", 0)
    assert not list(tmp_path.glob("jobs/a/attempt-*"))


def test_cancelling_stops_the_process_that_works(
    queue: SqliteQueue, tmp_path: Path, astronaut_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    submit(queue, tmp_path, "a", astronaut_file, seconds=300)
    worker = start(tmp_path, "--once")
    until(lambda: queue.counts() == {"running": 1})
    assert run(["jobs", "cancel", "a", "--data", str(tmp_path)]) == 0
    assert "cancelled" in capsys.readouterr().out
    said, _ = worker.communicate(timeout=100)
    assert worker.returncode == 0, said
    assert listed(tmp_path, capsys) == {"a": "cancelled"}
    assert {path.name for path in (tmp_path / "jobs" / "a").iterdir()} == {PICTURE, SPEECH}


def test_a_list_for_people_says_why_a_job_failed(
    queue: SqliteQueue, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    queue.submit(NewJob("a", "alice", "dub", {"asked": {}, "task": {}}, 1))
    job = queue.lease(60)
    assert job
    queue.fail(job, {"detail": "No face was found in picture."})
    assert run(["jobs", "list", "--data", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "failed No face was found in picture.  (alice)" in said
    assert said.endswith(f"1 job in {tmp_path}\n")


def test_what_is_not_there_is_said(queue: SqliteQueue, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["jobs", "cancel", "nobody", "--data", str(tmp_path)]) == 3
    assert "no job 'nobody'" in capsys.readouterr().err
    for command in (["list"], ["work", "--once"], ["cancel", "a"]):
        assert run(["jobs", *command, "--data", str(tmp_path / "none")]) == 3
        assert "holds no jobs" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("command", ["work", "list", "cancel"])
def test_every_command_shows_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["jobs", command, "--help"]) == 0
    assert f"lipsmith jobs {command}" in capsys.readouterr().out.split("Example", 1)[1]


def test_the_command_and_its_worker_need_no_web_framework() -> None:
    code = (
        "import sys; sys.modules['fastapi'] = sys.modules['pydantic'] = sys.modules['starlette'] = None\n"
        "import lipsmith.jobs.runner, lipsmith.jobs.worker\n"
        "from lipsmith.jobs.registry import task_registry\n"
        "print(task_registry().job_kinds)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['avatar', 'dub', 'recording']"


def test_a_file_that_is_no_queue_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "jobs.sqlite").write_bytes(b"something else, and long enough to be looked at" * 100)
    assert run(["jobs", "list", "--data", str(tmp_path)]) == 3
    said = capsys.readouterr().err
    assert "jobs.sqlite cannot be opened (file is not a database)" in said
    assert "Unexpected" not in said


def test_no_time_below_zero_is_given_to_running_jobs(queue: SqliteQueue, tmp_path: Path) -> None:
    assert run(["jobs", "work", "--data", str(tmp_path), "--once", "--drain-seconds", "-5"]) == 2
