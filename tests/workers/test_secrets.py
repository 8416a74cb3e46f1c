"""Workers read files of strangers, so they do not get the secrets of whoever starts them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lipsmith.jobs.runner import JobRunner, RunnerOptions
from lipsmith.jobs.sqlite import SqliteQueue
from lipsmith.workers.process import WorkerProcess, without_secrets
from lipsmith.workers.supervised import SupervisedWorker

TELL = (
    "import os; from lipsmith.workers.child import serve; from lipsmith.workers.messages import Message\n"
    "serve(lambda request, send: Message(dict(os.environ)))"
)
COMMAND = (sys.executable, "-c", TELL)
SECRETS = ("LIPSMITH_KEYS", "LIPSMITH_TURN_SECRET", "LIPSMITH_VOICE_KEY", "LIPSMITH_PUSH", "OPENAI_API_KEY", "HF_TOKEN")


def test_a_worker_gets_no_secret_but_what_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SECRETS:
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("LIPSMITH_DATA", "films")
    worker = SupervisedWorker(lambda: WorkerProcess(COMMAND, environment={"OPENAI_API_KEY": "mine"}))
    found = worker.call({}, 60).header
    worker.close()
    assert {name: found.get(name) for name in SECRETS} == {**dict.fromkeys(SECRETS), "OPENAI_API_KEY": "mine"}
    assert (found["LIPSMITH_DATA"], found["PATH"]) == ("films", without_secrets({"PATH": found["PATH"]})["PATH"])


def test_a_job_gets_the_key_of_the_voice_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SECRETS:
        monkeypatch.setenv(name, "secret")
    queue = SqliteQueue(tmp_path / "jobs.sqlite")
    (worker,) = JobRunner(queue, RunnerOptions(tmp_path), COMMAND).workers
    found = worker.call({}, 60).header
    worker.close()
    queue.close()
    assert [name for name in SECRETS if name in found] == ["LIPSMITH_VOICE_KEY"]
