"""Runs the jobs of a data folder: one thread and one worker process for each that may run at a time.

A job is committed by one rename: it is done when its output folder ``attempt-N`` has become its ``result`` folder. So
it cannot be done twice, even if another process believed that it had the lease, and after a crash the folder shows what
the queue does not know yet. Threads and workers share nothing but pipes: a job is stopped by ending its worker process.
"""

from __future__ import annotations

import json
import logging
import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from ..errors import JobInterrupted, JobTimeout, OptionError, problem_of
from ..workers.process import WorkerLost, WorkerProcess
from ..workers.supervised import SupervisedWorker, TaskFailed, WorkerStopped, WorkerTimeout
from .folders import REPORT, RESULT, size_of, write_report
from .queue import LONGEST_LEASE
from .registry import task_registry
from .worker import COMMAND, task_request

if TYPE_CHECKING:
    from pathlib import Path

    from .queue import JobQueue, JobRecord

LOOK_SECONDS = 1.0
"""Between two checks for work when nobody calls ``notify``."""
HEARTBEAT_SECONDS = 0.4
"""Between two heartbeats of a job, at least."""
SWEEP_SECONDS = 30.0
"""Between two checks for jobs that may be removed."""
SPARE_BYTES = 200_000_000
"""Of the disk, which uploads and recordings leave free for results."""
NICE = 5
"""How much job workers give way to other processes."""
log = logging.getLogger(__name__)

OnFinished = Callable[["JobRecord", float], None]
"""Called with a job that is done, and the seconds it took."""


@dataclass(frozen=True, slots=True)
class RunnerOptions:
    """How jobs are run. Raises OptionError for a value out of range."""

    data: Path  # the data folder
    workers: int = 1  # jobs at a time; 0: none are started
    attempts: int = 3  # how many times a job is started before it counts as failed
    lease_seconds: float = 15  # after which a job without a heartbeat is started again
    job_minutes: float = 120  # after which a job is stopped
    keep_hours: float | None = None  # for which a finished job is kept; None: this runner removes nothing
    disk_bytes: int | None = None  # of uploads and results; None: as the disk has

    def __post_init__(self) -> None:
        for name, least in (("workers", 0), ("attempts", 1), ("job_minutes", 1)):
            if getattr(self, name) < least:
                raise OptionError(f"{name} is {getattr(self, name)}; it can be {least} or more.")
        if not 0 < self.lease_seconds <= LONGEST_LEASE:
            raise OptionError(f"lease_seconds is {self.lease_seconds}; it can be 1 to {LONGEST_LEASE}.")

    @property
    def jobs(self) -> Path:
        """The folder of the jobs' folders."""
        return self.data / "jobs"


class JobRunner:
    """Runs the jobs of one data folder until drained. Several runners, also of other programs, may share a folder.

    Args:
        command: starts a worker; see ``worker``.
        on_finished: called on a runner's thread.
    """

    def __init__(
        self,
        queue: JobQueue,
        options: RunnerOptions,
        command: Sequence[str] = COMMAND,
        on_finished: OnFinished = lambda _job, _seconds: None,
    ) -> None:
        self._queue, self._options, self._on_finished = queue, options, on_finished
        self._jobs = options.jobs
        self._news = threading.Semaphore(0)
        self._running: set[str] = set()  # ids of the jobs that this runner runs
        self.draining = threading.Event()  # no more jobs are started
        self._stop = threading.Event()  # running jobs are given back
        start = partial(WorkerProcess, command, nice=NICE)
        self.workers = [SupervisedWorker(start) for _ in range(options.workers)]
        self._threads = [threading.Thread(target=self._work, args=(worker,), daemon=True) for worker in self.workers]
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._until_empty = False

    def start(self, *, until_empty: bool = False) -> None:
        """Start to work. ``until_empty``: each thread ends when it finds no more jobs."""
        self._until_empty = until_empty
        if until_empty:
            self.recover()
        for thread in [self._keeper, *self._threads]:
            thread.start()

    @property
    def working(self) -> bool:
        """Whether any thread works or waits for jobs."""
        return bool(self._alive())

    def notify(self) -> None:
        """There is a new job."""
        self._news.release()

    def drain(self, seconds: float) -> None:
        """Start no more jobs, give the running ones ``seconds``, give back those that are not done, and end."""
        self.draining.set()
        deadline = time.monotonic() + seconds
        for thread in self._alive():
            thread.join(max(0.0, deadline - time.monotonic()))
        self._stop.set()
        for thread in self._alive():
            thread.join()
        if self._keeper.is_alive():
            self._keeper.join()

    def _alive(self) -> list[threading.Thread]:
        return [thread for thread in self._threads if thread.is_alive()]

    def recover(self) -> None:
        """Deal with jobs whose lease is expired. The jobs of this runner are not, whatever the clock says."""
        for job in self._queue.expired():
            if job.id not in self._running and not self._finish_by_folder(job):
                self._give_back(job)

    def sweep(self) -> None:
        """Remove finished jobs that were kept long enough or whose room is needed, and folders of no job."""
        if self._options.keep_hours is None:
            return
        oldest = time.time() - self._options.keep_hours * 3600
        for job in self._queue.finished():
            if (job.finished or 0) < oldest or not self._fits(0):
                self.remove(job.id)
        known = self._queue.ids()
        for folder in self._jobs.iterdir():
            if folder.name not in known and folder.stat().st_mtime < time.time() - 3600:
                shutil.rmtree(folder, ignore_errors=True)

    def make_room(self, size: int) -> bool:
        """Whether there is room for ``size`` bytes more; the longest finished jobs are removed for it."""
        fits = self._fits(size)
        for job in () if fits else self._queue.finished():
            self.remove(job.id)
            if fits := self._fits(size):
                break
        return fits and shutil.disk_usage(self._jobs).free >= size + SPARE_BYTES

    def hold(self, job: str) -> None:
        """Count this job as run here, though no worker does it: its lease does not expire while it is held."""
        self._running.add(job)

    def let_go(self, job: str) -> None:
        """The end of ``hold``."""
        self._running.discard(job)

    def remove(self, job: str) -> None:
        """Forget a job and remove all its files."""
        self._queue.purge(job)
        shutil.rmtree(self._jobs / job, ignore_errors=True)

    def commit(self, job: JobRecord, attempt: Path, report: dict[str, Any]) -> bool:
        """Finish a job whose result lies in the folder ``attempt``; False: the lease was lost."""
        if not self._queue.heartbeat(job, self._options.lease_seconds, ("commit", 0, 0)):
            return False
        attempt.rename(attempt.parent / RESULT)
        return self._queue.finish(job, report, size_of(attempt.parent))

    def _fits(self, size: int) -> bool:
        return self._options.disk_bytes is None or self._queue.used() + size <= self._options.disk_bytes

    def _keep(self) -> None:
        """Recover and sweep from time to time; the body of the keeper's thread."""
        swept = 0.0
        while not self._stop.wait(min(LOOK_SECONDS, self._options.lease_seconds / 2)):
            self._guarded(self.recover)
            if time.monotonic() - swept > SWEEP_SECONDS:
                self._guarded(self.sweep)
                swept = time.monotonic()

    def _work(self, worker: SupervisedWorker) -> None:
        """Lease and run jobs; the body of a worker's thread."""
        while not self.draining.is_set():
            try:
                job = self._queue.lease(self._options.lease_seconds)
            except Exception:  # the disk is full, or the queue is locked: that passes
                log.exception("no job can be leased; trying again")
                self._stop.wait(LOOK_SECONDS)
                continue
            if job is None and self._until_empty:
                break
            if job is None:
                self._news.acquire(timeout=LOOK_SECONDS)
                continue
            self._running.add(job.id)
            self._guarded(partial(self._run, job, worker), job)
            self._running.discard(job.id)
        worker.close()

    def _guarded(self, act: Callable[[], None], job: JobRecord | None = None) -> None:
        """The job runner's border: whatever happens to one job, the next one is started."""
        try:
            act()
        except Exception as error:
            log.exception("%s failed", f"job {job.id}" if job else "keeping the jobs")
            if job:
                self._fail(job, error)

    def _fail(self, job: JobRecord, error: Exception) -> None:
        try:
            self._queue.fail(job, problem_of(error))
        except Exception:  # its lease expires, and it is started again
            log.exception("job %s cannot be ended in the queue", job.id)

    def _run(self, job: JobRecord, worker: SupervisedWorker) -> None:
        folder = self._jobs / job.id
        attempt = folder / f"attempt-{job.attempts}"
        for old in folder.glob("attempt-*"):
            shutil.rmtree(old)
        attempt.mkdir()
        started = time.monotonic()
        request = task_request(job.kind, job.request["task"], self._options.data, folder, attempt, job.owner)
        try:
            report = worker.call(request, self._options.job_minutes * 60, self._watch(job)).header
        except TaskFailed as failure:
            self._queue.fail(job, failure.body)
        except WorkerTimeout:
            text = f"The work was stopped: it took longer than the {self._options.job_minutes:g} minutes that it may."
            self._queue.fail(job, problem_of(JobTimeout(text)))
        except WorkerLost:
            self._give_back(job)
        except WorkerStopped:
            self._queue.release(job, counted=False)  # without effect if the job was cancelled
        else:
            if self.commit(job, attempt, report):
                self._on_finished(job, time.monotonic() - started)
        shutil.rmtree(attempt, ignore_errors=True)
        if self._queue.get(job.id) is None:
            shutil.rmtree(folder, ignore_errors=True)

    def _watch(self, job: JobRecord) -> Callable[[Mapping[str, Any]], bool]:
        """Sends heartbeats for ``job`` while a worker does it, and says whether to go on."""
        last = -HEARTBEAT_SECONDS

        def watch(progress: Mapping[str, Any]) -> bool:
            nonlocal last
            if self._stop.is_set():
                return False
            if time.monotonic() - last < HEARTBEAT_SECONDS:
                return True
            last = time.monotonic()
            name, done, total = progress.get("stage", ("load", 0, 0))
            return self._queue.heartbeat(job, self._options.lease_seconds, (name, done, total))

        return watch

    def _finish_by_folder(self, job: JobRecord) -> bool:
        """Finish a job whose result is whole, though the queue does not know it; False: there is no whole result."""
        folder = self._jobs / job.id
        attempt = folder / f"attempt-{job.attempts}"
        if task_registry().policy(job.kind).is_whole(attempt):
            write_report(attempt, {})
            attempt.rename(folder / RESULT)
        if not (folder / RESULT / REPORT).exists():
            return False
        report = json.loads((folder / RESULT / REPORT).read_text(encoding="utf-8"))
        self._queue.finish(job, report, size_of(folder))
        return True

    def _give_back(self, job: JobRecord) -> None:
        """Queue a job again whose runner or worker is gone, or fail it after too many attempts."""
        if job.attempts < self._options.attempts and task_registry().policy(job.kind).retry:
            self._queue.release(job, counted=True)
            self.notify()
            return
        times = f"{job.attempts} time{'s' if job.attempts > 1 else ''}"
        text = f"The work broke off {times}, so it is given up: whoever did it was stopped or crashed."
        shutil.rmtree(self._jobs / job.id / f"attempt-{job.attempts}", ignore_errors=True)
        left = replace(job, bytes=size_of(self._jobs / job.id))
        self._queue.fail(left, problem_of(JobInterrupted(text)))


__all__ = ["JobRunner", "RunnerOptions"]
