"""How jobs and sessions ended: a line in the log, and the metrics."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..jobs.queue import JobRecord
    from .metrics import Metrics
    from .sessions.handle import SessionHandle

GIVEN_BACK = "given-back"
"""Outcome of a job that waits again, as its worker or the server was stopped."""
log = logging.getLogger(__name__)


class Outcomes:
    """Hears of every job and session that ends."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def job_ended(self, job: JobRecord, seconds: float) -> None:
        """The work on ``job`` ended after ``seconds``, and its record says how. Called on a thread of the runner."""
        outcome = outcome_of(job)
        self._metrics.job_ended(job.kind, outcome, seconds)
        fields = {
            "job": job.id, "kind": job.kind, "client": job.owner, "outcome": outcome, "attempt": job.attempts,
            "seconds": round(seconds, 3),
        }  # fmt: skip
        if job.problem:
            fields["reason"] = str(job.problem["detail"])
        log.log(logging.WARNING if job.state == "failed" else logging.INFO, "job ended", extra=fields)

    def session_opened(self, session: SessionHandle) -> None:
        """A live session began."""
        fields = {"session": session.id, "client": session.owner, "avatar": session.avatar.info.id}
        log.info("session opened", extra=fields)

    def session_closed(self, session: SessionHandle, reason: str) -> None:
        """A live session is over."""
        self._metrics.session_ended(reason)
        seconds = round(time.time() - session.created, 3)
        fields = {"session": session.id, "client": session.owner, "outcome": reason, "seconds": seconds}
        log.info("session closed", extra=fields)


def outcome_of(job: JobRecord) -> str:
    """``done``, ``cancelled``, ``given-back``, or the type of the problem with which it failed."""
    if job.state == "failed" and job.problem:
        return str(job.problem["type"])
    return GIVEN_BACK if job.state == "queued" else job.state
