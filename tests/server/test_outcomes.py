"""How jobs and sessions ended: one line each, counted by its cause."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lipsmith.jobs.queue import JobRecord, NewJob
from lipsmith.jobs.sqlite import SqliteQueue
from lipsmith.server.outcomes import Outcomes
from lipsmith.server.routes.jobs import admit
from lipsmith.server.sessions.handle import SessionHandle


class Counted:
    """Metrics that remember."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []

    def job_ended(self, *what: object) -> None:
        self.calls.append(what)

    def session_ended(self, *what: object) -> None:
        self.calls.append(what)


@pytest.fixture
def job(tmp_path: Path) -> JobRecord:
    queue = SqliteQueue(tmp_path / "jobs.sqlite")
    made = queue.submit(NewJob("6f1c9b0de2a74c53", "alice", "dub", {}, 1))
    queue.close()
    return made


@pytest.mark.parametrize(
    ("state", "problem", "outcome", "level"),
    [
        ("done", None, "done", logging.INFO),
        ("cancelled", None, "cancelled", logging.INFO),
        ("queued", None, "given-back", logging.INFO),
        ("failed", {"type": "face-error", "detail": "No face."}, "face-error", logging.WARNING),
    ],
)
def test_a_job_has_its_line(
    job: JobRecord, state: Any, problem: dict[str, Any] | None, outcome: str, level: int,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    counted: Any = Counted()
    with caplog.at_level(logging.INFO):
        Outcomes(counted).job_ended(replace(job, state=state, problem=problem), 2.5)
    assert counted.calls == [("dub", outcome, 2.5)]
    (said,) = (vars(record) for record in caplog.records)
    assert (said["job"], said["client"], said["outcome"], said["seconds"]) == (job.id, "alice", outcome, 2.5)
    assert said["levelno"] == level
    assert said.get("reason") == (problem["detail"] if problem else None)


def test_a_new_job_is_logged_within_its_request(job: JobRecord, caplog: pytest.LogCaptureFixture) -> None:
    new = NewJob(job.id, job.owner, job.kind, {}, 1)
    state: Any = SimpleNamespace(
        admitting=threading.Lock(), check_room=lambda _: None, runner=SimpleNamespace(notify=lambda: None),
        store=SimpleNamespace(submit=lambda _: job),
    )  # fmt: skip
    with caplog.at_level(logging.INFO):
        assert admit(state, new) is job
    (said,) = (vars(record) for record in caplog.records)
    assert (said["message"], said["job"], said["kind"], said["client"]) == ("job queued", job.id, "dub", "alice")


def test_a_session_has_a_line_when_it_opens_and_when_it_closes(caplog: pytest.LogCaptureFixture) -> None:
    counted: Any = Counted()
    avatar: Any = SimpleNamespace(info=SimpleNamespace(id="anna"))
    live: Any = None
    session = SessionHandle("9b0de2a76f1c4c53", "alice", avatar, live, time.time() - 5, 0.0)
    outcomes = Outcomes(counted)
    with caplog.at_level(logging.INFO):
        outcomes.session_opened(session)
        outcomes.session_closed(session, "idle")
    opened, closed = (vars(record) for record in caplog.records)
    assert (opened["session"], opened["client"], opened["avatar"]) == (session.id, "alice", "anna")
    assert (closed["session"], closed["outcome"]) == (session.id, "idle")
    assert closed["seconds"] >= 5
    assert counted.calls == [("idle",)]
