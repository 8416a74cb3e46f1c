"""Those who do the jobs: one thread and one worker process for each that may run at a time.

What is committed is one renaming: a job is done when its ``attempt`` folder has become its ``result`` folder. So it
cannot be done twice, whoever else believed to have it, and after a crash the folder tells what the table does not know
yet. Between the threads and the workers nothing is shared but pipes: a job is stopped by ending its worker.
"""

from __future__ import annotations

import json
import logging
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from ..errors import JobInterrupted, JobTimeout, problem_of
from .process import COMMAND, Stopped, TaskFailed, WorkerLost, WorkerProcess
from .tasks import CLIP_FILE, FILMS, REPORT

if TYPE_CHECKING:
    from pathlib import Path

    from .config import ServerSettings
    from .store import JobRecord, SqliteQueue

REST = 1.0  # seconds between two looks for work when nobody rings
BEAT = 0.4  # seconds between two signs of life, at least
SWEEP = 30.0  # seconds between two looks for what may go
SPARE_BYTES = 200_000_000  # of the disk, that uploads and recordings leave free for results
log = logging.getLogger(__name__)

Finished = Callable[["JobRecord", float], None]
"""Hears of a job that is done, and the seconds it took."""


class JobRunner:
    """Runs the jobs of one data folder until drained."""

    def __init__(
        self,
        store: SqliteQueue,
        options: ServerSettings,
        command: Sequence[str] = COMMAND,
        finished: Finished = lambda _job, _seconds: None,
    ) -> None:
        self._store, self._options, self._finished = store, options, finished
        self._jobs = options.folder / "jobs"
        self._bell = threading.Semaphore(0)
        self._running: set[str] = set()  # here, by one of the threads
        self.draining = threading.Event()
        self._stop = threading.Event()
        self.workers = [WorkerProcess(command) for _ in range(options.workers)]
        self._threads = [threading.Thread(target=self._work, args=(worker,), daemon=True) for worker in self.workers]
        self._keeper = threading.Thread(target=self._keep, daemon=True)

    def start(self) -> None:
        """Begin to work, with what an earlier server left."""
        for thread in [self._keeper, *self._threads]:
            thread.start()

    def ring(self) -> None:
        """There is a new job."""
        self._bell.release()

    def drain(self, seconds: float) -> None:
        """Begin no more jobs, give the running ones ``seconds``, put back those that are not done, and end."""
        self.draining.set()
        deadline = time.monotonic() + seconds
        for thread in self._begun():
            thread.join(max(0.0, deadline - time.monotonic()))
        self._stop.set()
        for thread in self._begun():
            thread.join()
        if self._keeper.is_alive():
            self._keeper.join()

    def _begun(self) -> list[threading.Thread]:
        return [thread for thread in self._threads if thread.is_alive()]

    def recover(self) -> None:
        """Deal with running jobs that nobody runs any more; those of here are not lost, whatever the clock says."""
        for job in self._store.lost():
            if job.id not in self._running and not self._finish_by_folder(job):
                self._give_back(job)

    def sweep(self) -> None:
        """Let go the finished jobs that were kept long enough or whose place is needed, and folders of no job."""
        oldest = time.time() - self._options.keep_hours * 3600
        for job in self._store.over():
            if (job.finished or 0) < oldest or self._store.used() > self._options.disk_bytes:
                self.remove(job.id)
        known = self._store.ids()
        for folder in self._jobs.iterdir():
            if folder.name not in known and folder.stat().st_mtime < time.time() - 3600:
                shutil.rmtree(folder, ignore_errors=True)

    def make_room(self, size: int) -> bool:
        """Whether there is room for ``size`` bytes more; the oldest finished jobs make it."""
        full = self._store.used() + size > self._options.disk_bytes
        for job in self._store.over() if full else ():
            self.remove(job.id)
            if not (full := self._store.used() + size > self._options.disk_bytes):
                break
        return not full and shutil.disk_usage(self._jobs).free >= size + SPARE_BYTES

    def hold(self, job: str) -> None:
        """This job is at work here, though no worker does it: it is not lost while it is held."""
        self._running.add(job)

    def let_go(self, job: str) -> None:
        """It is over."""
        self._running.discard(job)

    def remove(self, job: str) -> None:
        """Forget a job and all its files."""
        self._store.delete(job)
        shutil.rmtree(self._jobs / job, ignore_errors=True)

    def _keep(self) -> None:
        swept = 0.0
        while not self._stop.wait(min(REST, self._options.lease_seconds / 2)):
            self._guarded(self.recover)
            if time.monotonic() - swept > SWEEP:
                self._guarded(self.sweep)
                swept = time.monotonic()

    def _work(self, worker: WorkerProcess) -> None:
        while not self.draining.is_set():
            job = self._store.claim(self._options.lease_seconds)
            if job is None:
                self._bell.acquire(timeout=REST)
                continue
            self._running.add(job.id)
            self._guarded(partial(self._do, job, worker), job)
            self._running.discard(job.id)
        worker.kill()

    def _guarded(self, act: Callable[[], None], job: JobRecord | None = None) -> None:
        """The job runner's border: whatever happens to one job, the next one is begun."""
        try:
            act()
        except Exception as error:
            log.exception("%s failed", f"job {job.id}" if job else "keeping the jobs")
            if job:
                self._store.fail(job, problem_of(error))

    def _do(self, job: JobRecord, worker: WorkerProcess) -> None:
        folder = self._jobs / job.id
        attempt = folder / f"attempt-{job.attempts}"
        for old in folder.glob("attempt-*"):
            shutil.rmtree(old)
        attempt.mkdir()
        began = time.monotonic()
        try:
            report = worker.call(self._task(job, attempt), self._options.job_minutes * 60, self._beat(job))
        except TaskFailed as failure:
            self._store.fail(job, failure.body)
        except JobTimeout as problem:
            self._store.fail(job, problem_of(problem))
        except WorkerLost:
            self._give_back(job)
        except Stopped:
            self._store.put_back(job, counted=False)  # if it is still ours: not when it was cancelled
        else:
            self.commit(job, attempt, report)
            self._finished(job, time.monotonic() - began)
        shutil.rmtree(attempt, ignore_errors=True)
        if self._store.get(job.id) is None:
            shutil.rmtree(folder, ignore_errors=True)

    def _task(self, job: JobRecord, attempt: Path) -> dict[str, Any]:
        folder = attempt.parent
        files = {name: str(folder / name) for name in ("picture", "speech") if (folder / name).exists()}
        clips = {name: str(folder / f"{CLIP_FILE}{name}") for name in job.request["task"].get("clips", ())}
        return {
            "do": job.kind, "home": str(self._options.folder), "attempt": str(attempt), "owner": job.owner,
            "picture": None, "speech": None, **job.request["task"], "clips": clips, **files,
        }  # fmt: skip

    def _beat(self, job: JobRecord) -> Callable[[tuple[str, int, int]], bool]:
        last = -BEAT

        def beat(stage: tuple[str, int, int]) -> bool:
            nonlocal last
            if self._stop.is_set():
                return False
            if time.monotonic() - last < BEAT:
                return True
            last = time.monotonic()
            return self._store.beat(job, self._options.lease_seconds, stage)

        return beat

    def commit(self, job: JobRecord, attempt: Path, report: dict[str, Any]) -> None:
        """The work is done and lies in the folder ``attempt``, if the job still is ours."""
        if not self._store.beat(job, self._options.lease_seconds, ("commit", 0, 0)):
            return
        attempt.rename(attempt.parent / "result")
        self._store.finish(job, report, size_of(attempt.parent))

    def _finish_by_folder(self, job: JobRecord) -> bool:
        """A result that was committed before the table knew: True if there is one."""
        folder = self._jobs / job.id
        left = folder / "attempt-1"
        if job.kind == "recording" and (left / FILMS["mp4"]).exists():  # finished when the server was gone
            (left / REPORT).write_text("{}", encoding="utf-8")
            left.rename(folder / "result")
        if not (folder / "result" / REPORT).exists():
            return False
        report = json.loads((folder / "result" / REPORT).read_text(encoding="utf-8"))
        self._store.finish(job, report, size_of(folder))
        return True

    def _give_back(self, job: JobRecord) -> None:
        if job.attempts < self._options.attempts and job.kind != "recording":
            self._store.put_back(job, counted=True)
            self.ring()
            return
        times = f"{job.attempts} time{'s' if job.attempts > 1 else ''}"
        text = f"The work broke off {times}, so it is given up: the server or its worker was stopped or crashed."
        shutil.rmtree(self._jobs / job.id / f"attempt-{job.attempts}", ignore_errors=True)
        left = replace(job, bytes=size_of(self._jobs / job.id))
        self._store.fail(left, problem_of(JobInterrupted(text)))


def size_of(folder: Path) -> int:
    """Bytes of all files below ``folder``."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
