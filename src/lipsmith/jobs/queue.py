"""What a queue of jobs is: records under leases.

A running job has a lease: a random word that is valid for some seconds. The process that runs the job renews it with
heartbeats. An expired lease means that nobody runs the job any more. Every change of a running job names its lease, so
a process that lost the lease changes nothing, and a job ends once.
"""

from __future__ import annotations

import secrets
import sqlite3
from dataclasses import dataclass
from typing import Any, Literal, Protocol

JobState = Literal["queued", "running", "done", "failed", "cancelled"]
FINISHED: tuple[JobState, ...] = ("done", "failed", "cancelled")
LONGEST_LEASE = 600
"""Seconds. A lease that is good for longer was given before the clock was set back."""
QUEUE_ERRORS = (OSError, sqlite3.Error)
"""What a queue raises that cannot be read or written for now: the disk is full, or somebody else holds it too long."""
StageProgress = tuple[str, int, int]
"""Name of a stage of the work, frames done, and frames in total, 0 while that is not known."""


@dataclass(frozen=True, slots=True)
class NewJob:
    """One job before it is queued."""

    id: str
    owner: str
    kind: str  # name of a task that is a kind of job
    request: dict[str, Any]  # "asked": what the client asked for, to be shown; "task": the task's options
    size: int  # bytes of its uploads


@dataclass(frozen=True, slots=True)
class JobRecord:
    """One job as it stands. Times are seconds since 1970, which outlive a restart of the machine."""

    id: str
    owner: str
    kind: str
    request: dict[str, Any]  # as in ``NewJob``
    state: JobState
    created: float
    started: float | None  # the last time
    finished: float | None
    attempts: int  # how many times it was started
    stage: str  # of the work, see stopwatch.Stage
    stage_done: int
    stage_total: int  # 0: not known
    lease: str | None
    lease_until: float | None
    report: dict[str, Any] | None  # when done
    problem: dict[str, Any] | None  # when failed: see errors.problem_of
    bytes: int  # on disk
    revision: int  # counts the changes

    @property
    def over(self) -> bool:
        """Whether it is done, failed or cancelled."""
        return self.state in FINISHED


class JobQueue(Protocol):
    """A queue. Every method is one transaction; threads and processes may share a queue. May raise ``QUEUE_ERRORS``."""

    def submit(self, new: NewJob) -> JobRecord:
        """Put a job behind those of its owner."""
        ...

    def submit_running(self, new: NewJob, seconds: float) -> JobRecord:
        """Add a job that the caller runs already, under a fresh lease of ``seconds``. It takes nobody's turn."""
        ...

    def lease(self, seconds: float) -> JobRecord | None:
        """Start the first job of ``start_order``, under a fresh lease of ``seconds``; None if no job waits."""
        ...

    def heartbeat(self, job: JobRecord, seconds: float, progress: StageProgress) -> bool:
        """Prolong the lease and store the progress; False: the lease is lost, and the work must stop."""
        ...

    def resize(self, job: JobRecord, size: int) -> None:
        """Store that the job takes ``size`` bytes on disk by now."""
        ...

    def finish(self, job: JobRecord, report: dict[str, Any], size: int) -> bool:
        """The job is done and takes ``size`` bytes; False: the lease was lost."""
        ...

    def fail(self, job: JobRecord, problem: dict[str, Any]) -> bool:
        """The job cannot be done; False: the lease was lost."""
        ...

    def release(self, job: JobRecord, *, counted: bool) -> bool:
        """Give the job back to its place among its owner's; False: the lease was lost.

        Args:
            counted: whether this attempt counts as one.
        """
        ...

    def cancel(self, job: str, owner: str | None = None) -> JobRecord | None:
        """End a job that waits or runs, at once; who runs it loses the lease. A finished job stays as it is.

        Returns the job; None: there is none of that id, or it is not ``owner``'s.
        """
        ...

    def purge(self, job: str) -> None:
        """Forget a job."""
        ...

    def get(self, job: str, owner: str | None = None) -> JobRecord | None:
        """The job of the id ``job``; None: there is none, or it is not ``owner``'s."""
        ...

    def page(self, owner: str | None, limit: int, before: float | None = None) -> list[JobRecord]:
        """Jobs of ``owner`` (None: of everybody) that were created before ``before``, newest first."""
        ...

    def find(self, owner: str, kind: str, name: str, value: str) -> list[JobRecord]:
        """Jobs of ``owner`` and ``kind`` of which ``value`` was asked as ``name``, newest first."""
        ...

    def start_order(self) -> list[str]:
        """The ids of the waiting jobs in the order in which they start as things stand: see ``fairness``."""
        ...

    def counts(self, owner: str | None = None) -> dict[JobState, int]:
        """State -> number of jobs, of ``owner`` alone if given."""
        ...

    def used(self) -> int:
        """Bytes that all jobs take on disk together."""
        ...

    def ids(self) -> set[str]:
        """The ids of all jobs."""
        ...

    def expired(self) -> list[JobRecord]:
        """Running jobs whose lease is expired, or good for longer than any: whoever ran them is gone."""
        ...

    def finished(self) -> list[JobRecord]:
        """Jobs that are over, the longest finished first."""
        ...

    def close(self) -> None:
        """Close the queue; jobs stay as they are."""
        ...


def new_id() -> str:
    """64 random bits in 16 hex digits."""
    return secrets.token_hex(8)
