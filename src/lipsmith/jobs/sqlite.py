"""A queue of jobs in one SQLite file, which threads and processes of one machine may share."""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

from ..errors import InputError
from .fairness import start_order
from .queue import LONGEST_LEASE, JobRecord, JobState, NewJob, StageProgress

QUEUE = "jobs.sqlite"
"""Name of the queue's file in a data folder."""
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
CREATE TABLE IF NOT EXISTS turns (owner TEXT PRIMARY KEY, turn INTEGER NOT NULL);
"""
WAITING = "SELECT id, owner FROM jobs WHERE state='queued' ORDER BY created, id"
RUNNING = """SELECT owner, COUNT(*) FROM jobs WHERE state='running' AND json_extract(request, '$.held') IS NULL
             GROUP BY owner"""
TURNS = "SELECT owner, turn FROM turns"
TAKE_TURN = """INSERT INTO turns (owner, turn) SELECT ?, COALESCE(MAX(turn), 0) + 1 FROM turns WHERE true
               ON CONFLICT (owner) DO UPDATE SET turn=excluded.turn"""


class SqliteQueue:
    """A ``JobQueue`` in the file ``path``, which is made if need be. ``clock`` returns seconds since 1970.

    Raises:
        InputError: the file holds something else, or may not be written.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        try:
            self._db = _connected(path)
        except sqlite3.Error as reason:
            text = f"The jobs in {path} cannot be opened ({reason}): is the file whole, and may you write to it?"
            raise InputError(text) from reason

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def submit(self, new: NewJob) -> JobRecord:
        """See ``JobQueue.submit``."""
        query = """INSERT INTO jobs (id, owner, kind, request, state, created, bytes)
                   VALUES (?, ?, ?, ?, 'queued', ?, ?) RETURNING *"""
        values = (new.id, new.owner, new.kind, _request(new), self._clock(), new.size)
        return self._rows(query, *values)[0]

    def submit_running(self, new: NewJob, seconds: float) -> JobRecord:
        """See ``JobQueue.submit_running``."""
        query = """INSERT INTO jobs (id, owner, kind, request, state, created, started, attempts, lease, lease_until)
                   VALUES (?, ?, ?, ?, 'running', ?, ?, 1, ?, ?) RETURNING *"""
        now = self._clock()
        request = _request(new, held=True)
        values = (new.id, new.owner, new.kind, request, now, now, secrets.token_hex(8), now + seconds)
        return self._rows(query, *values)[0]

    def get(self, job: str, owner: str | None = None) -> JobRecord | None:
        """See ``JobQueue.get``."""
        return self._first("SELECT * FROM jobs WHERE id=? AND (? IS NULL OR owner=?)", job, owner, owner)

    def page(self, owner: str | None, limit: int, before: float | None = None) -> list[JobRecord]:
        """See ``JobQueue.page``."""
        query = "SELECT * FROM jobs WHERE (? IS NULL OR owner=?) AND created < ? ORDER BY created DESC, id LIMIT ?"
        return self._rows(query, owner, owner, float("inf") if before is None else before, limit)

    def find(self, owner: str, kind: str, name: str, value: str) -> list[JobRecord]:
        """See ``JobQueue.find``."""
        query = """SELECT * FROM jobs WHERE owner=? AND kind=?
                   AND json_extract(request, '$.asked.' || ?)=? ORDER BY created DESC, id"""
        return self._rows(query, owner, kind, name, value)

    def counts(self, owner: str | None = None) -> dict[JobState, int]:
        """See ``JobQueue.counts``."""
        query = "SELECT state, COUNT(*) FROM jobs WHERE ? IS NULL OR owner=? GROUP BY state"
        return {state: count for state, count in self._run(query, owner, owner)}  # noqa: C416 - rows are no pairs

    def start_order(self) -> list[str]:
        """See ``JobQueue.start_order``."""
        with self._lock, self._transaction("DEFERRED"):
            return list(self._order())

    def used(self) -> int:
        """See ``JobQueue.used``."""
        return int(self._run("SELECT COALESCE(SUM(bytes), 0) FROM jobs")[0][0])

    def lease(self, seconds: float) -> JobRecord | None:
        """See ``JobQueue.lease``."""
        query = """UPDATE jobs SET state='running', started=?, lease=?, lease_until=?, attempts=attempts+1, stage='',
                   stage_done=0, stage_total=0, revision=revision+1 WHERE id=? RETURNING *"""
        if not self._run("SELECT 1 FROM jobs WHERE state='queued' LIMIT 1"):
            return None
        with self._lock, self._transaction("IMMEDIATE"):
            job, now = next(self._order(), None), self._clock()
            if job is None:
                return None
            row = _row(self._db.execute(query, (now, secrets.token_hex(8), now + seconds, job)).fetchall()[0])
            self._db.execute(TAKE_TURN, (row.owner,))
        return row

    def heartbeat(self, job: JobRecord, seconds: float, progress: StageProgress) -> bool:
        """See ``JobQueue.heartbeat``. The revision counts changes of the stage and of the frames done."""
        query = """UPDATE jobs SET lease_until=?, stage=?, stage_done=?, stage_total=?,
                   revision=revision+(stage IS NOT ? OR stage_done IS NOT ?)
                   WHERE id=? AND lease=? AND state='running' RETURNING id"""
        return bool(self._run(query, self._clock() + seconds, *progress, *progress[:2], job.id, job.lease))

    def resize(self, job: JobRecord, size: int) -> None:
        """See ``JobQueue.resize``."""
        self._run("UPDATE jobs SET bytes=? WHERE id=? AND lease=?", size, job.id, job.lease)

    def finish(self, job: JobRecord, report: dict[str, Any], size: int) -> bool:
        """See ``JobQueue.finish``."""
        return self._end(job, "done", json.dumps(report), None, size)

    def fail(self, job: JobRecord, problem: dict[str, Any]) -> bool:
        """See ``JobQueue.fail``."""
        return self._end(job, "failed", None, json.dumps(problem), job.bytes)

    def release(self, job: JobRecord, *, counted: bool) -> bool:
        """See ``JobQueue.release``."""
        query = """UPDATE jobs SET state='queued', lease=NULL, lease_until=NULL, started=NULL, attempts=attempts-?,
                   stage='', stage_done=0, stage_total=0, revision=revision+1
                   WHERE id=? AND lease=? AND state='running' RETURNING id"""
        return bool(self._run(query, 0 if counted else 1, job.id, job.lease))

    def cancel(self, job: str, owner: str | None = None) -> JobRecord | None:
        """See ``JobQueue.cancel``. The job takes the bytes of its uploads from then on: who ran it removes the rest."""
        query = """UPDATE jobs SET state='cancelled', finished=?, lease=NULL, lease_until=NULL, revision=revision+1,
                   bytes=COALESCE(json_extract(request, '$.upload_bytes'), bytes)
                   WHERE id=? AND (? IS NULL OR owner=?) AND state IN ('queued', 'running')"""
        self._run(query, self._clock(), job, owner, owner)
        return self.get(job, owner)

    def purge(self, job: str) -> None:
        """See ``JobQueue.purge``."""
        self._run("DELETE FROM jobs WHERE id=?", job)

    def expired(self) -> list[JobRecord]:
        """See ``JobQueue.expired``."""
        query = "SELECT * FROM jobs WHERE state='running' AND lease_until NOT BETWEEN ? AND ?"
        now = self._clock()
        return self._rows(query, now, now + LONGEST_LEASE)

    def finished(self) -> list[JobRecord]:
        """See ``JobQueue.finished``."""
        return self._rows("SELECT * FROM jobs WHERE state IN ('done', 'failed', 'cancelled') ORDER BY finished")

    def ids(self) -> set[str]:
        """See ``JobQueue.ids``."""
        return {row["id"] for row in self._run("SELECT id FROM jobs")}

    def _end(self, job: JobRecord, state: JobState, report: str | None, problem: str | None, size: int) -> bool:
        query = """UPDATE jobs SET state=?, finished=?, report=?, problem=?, bytes=?, lease=NULL, lease_until=NULL,
                   revision=revision+1 WHERE id=? AND lease=? AND state='running' RETURNING id"""
        return bool(self._run(query, state, self._clock(), report, problem, size, job.id, job.lease))

    def _order(self) -> Iterator[str]:
        """The ids of the waiting jobs as they start, within a transaction."""
        waiting, running, turns = (self._db.execute(query).fetchall() for query in (WAITING, RUNNING, TURNS))
        return start_order(map(tuple, waiting), dict(map(tuple, running)), dict(map(tuple, turns)))

    @contextmanager
    def _transaction(self, kind: str) -> Iterator[None]:
        self._db.execute(f"BEGIN {kind}")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:  # a full disk ends one by itself
                self._db.execute("ROLLBACK")
            raise

    def _first(self, query: str, *values: Any) -> JobRecord | None:
        return next(iter(self._rows(query, *values)), None)

    def _rows(self, query: str, *values: Any) -> list[JobRecord]:
        return [_row(found) for found in self._run(query, *values)]

    def _run(self, query: str, *values: Any) -> list[sqlite3.Row]:
        with self._lock:
            return self._db.execute(query, values).fetchall()


def _connected(path: Path) -> sqlite3.Connection:
    _keep_private(path)
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
    try:
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")  # a submitted job survives a loss of power
        db.executescript(TABLE)
    except BaseException:
        db.close()
        raise
    return db


def _keep_private(path: Path) -> None:
    """Make the file, if it is missing, for its owner alone, and take it from everybody else; so too those beside it.

    SQLite gives the files that it makes beside it the same rights.
    """
    if str(path) == ":memory:":
        return
    with suppress(FileExistsError, NotADirectoryError, PermissionError):  # SQLite says what is wrong
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    for name in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
        with suppress(OSError):  # it is not there, or another user's
            if name.stat().st_mode & 0o077:
                name.chmod(0o600)


def _request(new: NewJob, *, held: bool = False) -> str:
    """The request as it is stored. ``held``: the job never waited, so it takes nobody's turn."""
    return json.dumps({**new.request, "upload_bytes": new.size, **({"held": True} if held else {})})


def _row(found: sqlite3.Row) -> JobRecord:
    texts = ("request", "report", "problem")
    decoded: dict[str, Any] = {name: json.loads(found[name]) if found[name] is not None else None for name in texts}
    return JobRecord(
        **{one.name: decoded[one.name] if one.name in decoded else found[one.name] for one in fields(JobRecord)}
    )


def open_queue(data: Path) -> SqliteQueue:
    """The queue of the data folder ``data``. Raises InputError where there is none."""
    path = data / QUEUE
    if not path.exists():
        raise InputError(f"{data} holds no jobs: name the data folder of 'lipsmith serve' with --data.")
    return SqliteQueue(path)


__all__ = ["QUEUE", "SqliteQueue", "open_queue"]
