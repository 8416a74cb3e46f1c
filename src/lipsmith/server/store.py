"""The jobs, in SQLite: what survives when the server does not.

A running job is under a lease, a random word and a time until which it is good; who runs the job prolongs it. When the
time is over nobody runs the job any more, and ``recover`` puts it back or gives it up. Every change of a running job
names the lease, so who lost it changes nothing. Times are seconds since 1970, for they must outlive the machine's
clock of uptime.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from pathlib import Path

Kind = Literal["dub", "avatar", "recording"]
State = Literal["queued", "running", "done", "failed", "cancelled"]
OVER: tuple[State, ...] = ("done", "failed", "cancelled")
LONGEST_LEASE = 600
"""Seconds. A lease that is good for longer was given before the clock was set back."""
TABLE = """
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, kind TEXT NOT NULL, request TEXT NOT NULL, state TEXT NOT NULL,
    created REAL NOT NULL, started REAL, finished REAL, attempts INTEGER NOT NULL DEFAULT 0,
    stage TEXT NOT NULL DEFAULT '', stage_done INTEGER NOT NULL DEFAULT 0, stage_total INTEGER NOT NULL DEFAULT 0,
    lease TEXT, lease_until REAL, report TEXT, problem TEXT, bytes INTEGER NOT NULL DEFAULT 0,
    revision INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS by_state ON jobs (state, created);
CREATE INDEX IF NOT EXISTS by_owner ON jobs (owner, created);
"""


@dataclass(frozen=True, slots=True)
class NewJob:
    """One job before it is in the table."""

    id: str
    owner: str
    kind: Kind
    request: dict[str, Any]  # "asked": in words of the API; "task": for the worker
    size: int  # bytes of its uploads


@dataclass(frozen=True, slots=True)
class JobRecord:
    """One job as it stands."""

    id: str
    owner: str
    kind: Kind
    request: dict[str, Any]  # what was asked, in words of the API
    state: State
    created: float
    started: float | None  # the last time
    finished: float | None
    attempts: int  # times it was begun
    stage: str  # of the work, see stopwatch.Stage
    stage_done: int
    stage_total: int  # 0: not known
    lease: str | None
    lease_until: float | None
    report: dict[str, Any] | None
    problem: dict[str, Any] | None  # members of a problem, if it failed
    bytes: int  # on disk
    revision: int  # counts the changes

    @property
    def over(self) -> bool:
        return self.state in OVER


class SqliteQueue:
    """The jobs of one data folder. Every method is one transaction and may be called from any thread."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")  # what was answered with 202 is there after a loss of power
        self._db.executescript(TABLE)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def add(self, new: NewJob) -> JobRecord:
        """A new job at the end of the queue."""
        query = """INSERT INTO jobs (id, owner, kind, request, state, created, bytes)
                   VALUES (?, ?, ?, ?, 'queued', ?, ?) RETURNING *"""
        values = (new.id, new.owner, new.kind, json.dumps(new.request), self._clock(), new.size)
        return self._rows(query, *values)[0]

    def begin(self, new: NewJob, seconds: float) -> JobRecord:
        """A new job that runs already, under a fresh lease of ``seconds``."""
        query = """INSERT INTO jobs (id, owner, kind, request, state, created, started, attempts, lease, lease_until)
                   VALUES (?, ?, ?, ?, 'running', ?, ?, 1, ?, ?) RETURNING *"""
        now = self._clock()
        values = (new.id, new.owner, new.kind, json.dumps(new.request), now, now, secrets.token_hex(8), now + seconds)
        return self._rows(query, *values)[0]

    def get(self, job: str, owner: str | None = None) -> JobRecord | None:
        """The job of the id ``job``, of ``owner`` alone if given."""
        return self._first("SELECT * FROM jobs WHERE id=? AND (? IS NULL OR owner=?)", job, owner, owner)

    def page(self, owner: str, limit: int, before: float | None = None) -> list[JobRecord]:
        """The jobs of ``owner`` that were created before ``before``, newest first."""
        query = "SELECT * FROM jobs WHERE owner=? AND created < ? ORDER BY created DESC, id LIMIT ?"
        return self._rows(query, owner, float("inf") if before is None else before, limit)

    def recordings(self, owner: str, session: str) -> list[JobRecord]:
        """The films of one session, newest first."""
        query = """SELECT * FROM jobs WHERE owner=? AND kind='recording'
                   AND json_extract(request, '$.asked.session')=? ORDER BY created DESC, id"""
        return self._rows(query, owner, session)

    def counts(self, owner: str | None = None) -> dict[State, int]:
        """How many jobs, of ``owner`` alone if given, are in which state."""
        query = "SELECT state, COUNT(*) FROM jobs WHERE ? IS NULL OR owner=? GROUP BY state"
        return {state: count for state, count in self._run(query, owner, owner)}  # noqa: C416 - rows are no pairs

    def waiting_before(self, row: JobRecord) -> int:
        """How many jobs come before this queued one."""
        query = "SELECT COUNT(*) FROM jobs WHERE state='queued' AND (created, id) < (?, ?)"
        return int(self._run(query, row.created, row.id)[0][0])

    def used(self) -> int:
        """Bytes that all jobs take on disk together."""
        return int(self._run("SELECT COALESCE(SUM(bytes), 0) FROM jobs")[0][0])

    def claim(self, seconds: float) -> JobRecord | None:
        """The queued job that waits longest, now running under a fresh lease of ``seconds``; None if nobody waits."""
        query = """UPDATE jobs SET state='running', started=?, lease=?, lease_until=?, attempts=attempts+1, stage='',
                   stage_done=0, stage_total=0, revision=revision+1
                   WHERE id=(SELECT id FROM jobs WHERE state='queued' ORDER BY created, id LIMIT 1) RETURNING *"""
        now = self._clock()
        return self._first(query, now, secrets.token_hex(8), now + seconds)

    def beat(self, job: JobRecord, seconds: float, stage: tuple[str, int, int]) -> bool:
        """Prolong the lease of ``job`` and tell its stage; False when the lease is lost and the work must stop."""
        query = """UPDATE jobs SET lease_until=?, stage=?, stage_done=?, stage_total=?,
                   revision=revision+(stage IS NOT ? OR stage_done IS NOT ?)
                   WHERE id=? AND lease=? AND state='running' RETURNING id"""
        return bool(self._run(query, self._clock() + seconds, *stage, stage[0], stage[1], job.id, job.lease))

    def grow(self, job: JobRecord, size: int) -> None:
        """The job takes ``size`` bytes by now."""
        self._run("UPDATE jobs SET bytes=? WHERE id=? AND lease=?", size, job.id, job.lease)

    def finish(self, job: JobRecord, report: dict[str, Any], size: int) -> bool:
        """The work is done and takes ``size`` bytes; False when the lease was lost."""
        return self._end(job, "done", json.dumps(report), None, size)

    def fail(self, job: JobRecord, problem: dict[str, Any]) -> bool:
        """The work cannot be done; False when the lease was lost."""
        return self._end(job, "failed", None, json.dumps(problem), job.bytes)

    def put_back(self, job: JobRecord, *, counted: bool) -> bool:
        """Back to its place in the queue; ``counted``: the attempt is one. False when the lease was lost."""
        query = """UPDATE jobs SET state='queued', lease=NULL, lease_until=NULL, started=NULL, attempts=attempts-?,
                   stage='', stage_done=0, stage_total=0, revision=revision+1
                   WHERE id=? AND lease=? AND state='running' RETURNING id"""
        return bool(self._run(query, 0 if counted else 1, job.id, job.lease))

    def cancel(self, job: str, owner: str) -> JobRecord | None:
        """End a job that waits or runs, at once; who runs it loses the lease. One that is over stays as it is.

        Of a recording nothing is left; of others their uploads are.
        """
        query = """UPDATE jobs SET state='cancelled', finished=?, lease=NULL, lease_until=NULL, revision=revision+1,
                   bytes=CASE kind WHEN 'recording' THEN 0 ELSE bytes END
                   WHERE id=? AND owner=? AND state IN ('queued', 'running')"""
        self._run(query, self._clock(), job, owner)
        return self.get(job, owner)

    def delete(self, job: str) -> None:
        """Forget a job."""
        self._run("DELETE FROM jobs WHERE id=?", job)

    def lost(self) -> list[JobRecord]:
        """Running jobs whose lease is over, or good for longer than any: whoever ran them is gone."""
        query = "SELECT * FROM jobs WHERE state='running' AND lease_until NOT BETWEEN ? AND ?"
        now = self._clock()
        return self._rows(query, now, now + LONGEST_LEASE)

    def over(self) -> list[JobRecord]:
        """Jobs that are over, the longest ago first."""
        return self._rows("SELECT * FROM jobs WHERE state IN ('done', 'failed', 'cancelled') ORDER BY finished")

    def ids(self) -> set[str]:
        """Of all jobs."""
        return {row["id"] for row in self._run("SELECT id FROM jobs")}

    def _end(self, job: JobRecord, state: State, report: str | None, problem: str | None, size: int) -> bool:
        query = """UPDATE jobs SET state=?, finished=?, report=?, problem=?, bytes=?, lease=NULL, lease_until=NULL,
                   revision=revision+1 WHERE id=? AND lease=? AND state='running' RETURNING id"""
        return bool(self._run(query, state, self._clock(), report, problem, size, job.id, job.lease))

    def _first(self, query: str, *values: Any) -> JobRecord | None:
        return next(iter(self._rows(query, *values)), None)

    def _rows(self, query: str, *values: Any) -> list[JobRecord]:
        return [_row(found) for found in self._run(query, *values)]

    def _run(self, query: str, *values: Any) -> list[sqlite3.Row]:
        with self._lock:
            return self._db.execute(query, values).fetchall()


def new_id() -> str:
    """64 random bits, in 16 hex digits."""
    return secrets.token_hex(8)


def _row(found: sqlite3.Row) -> JobRecord:
    texts = ("request", "report", "problem")
    told: dict[str, Any] = {name: json.loads(found[name]) if found[name] is not None else None for name in texts}
    return JobRecord(**{one.name: told[one.name] if one.name in told else found[one.name] for one in fields(JobRecord)})
