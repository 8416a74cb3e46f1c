"""Runs the jobs of a data folder: one thread and one worker process for each that may run at a time.

A job is committed by one rename: it is done when its output folder ``attempt-N`` has become its ``result`` folder. So
it cannot be done twice, even if another process believed that it had the lease, and after a crash the folder shows what
the queue does not know yet. Threads and workers share nothing but pipes: a job is stopped by ending its worker process.

A full disk stops nobody for good: running jobs go on while their heartbeats cannot be written, the ends of jobs are
written once that is possible (``endings``), and no job starts until it has room (``disk``). A thread that breaks off is
started again (``supervision``).
"""

from __future__ import annotations

import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import NO_SPACE, JobInterrupted, JobTimeout, OptionError, disk_full, problem_of
from ..tts.openai_service import KEY as VOICE_KEY
from ..workers.process import WorkerLost, WorkerProcess
from ..workers.supervised import SupervisedWorker, TaskFailed, WorkerStopped, WorkerTimeout
from .disk import SPARE_BYTES, DataDisk
from .endings import Ending, Endings, OnFinished
from .folders import REPORT, RESULT, read_report, size_of, write_report
from .queue import LONGEST_LEASE, QUEUE_ERRORS
from .registry import task_registry
from .supervision import SupervisedThread
from .worker import COMMAND, task_request

if TYPE_CHECKING:
    from pathlib import Path

    from .queue import JobQueue, JobRecord, StageProgress

LOOK_SECONDS = 1.0
"""Between two checks for work when nobody calls ``notify``."""
HEARTBEAT_SECONDS = 0.4
"""Between two heartbeats of a job, at least."""
SWEEP_SECONDS = 30.0
"""Between two checks for jobs that may be removed."""
PATIENCE_SECONDS = 3.0
"""How long an expired lease must stay as it is before its job is taken over. If the clock was set forward, the next
heartbeat of whoever runs the job comes sooner."""
NICE = 5
"""How much job workers give way to other processes."""
T = TypeVar("T")
log = logging.getLogger(__name__)


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
        on_finished: see ``OnFinished``.
    """

    def __init__(
        self,
        queue: JobQueue,
        options: RunnerOptions,
        command: Sequence[str] = COMMAND,
        on_finished: OnFinished = lambda _job, _seconds: None,
    ) -> None:
        self._queue, self._options = queue, options
        self._jobs, self._disk = options.jobs, DataDisk(options.data)
        self._news = threading.Semaphore(0)
        self._running: set[str] = set()  # ids of the jobs that this runner runs, or whose end it has yet to write
        self._endings = Endings(queue, on_finished, self._running.discard)
        self._expired: dict[tuple[str, str | None, float | None], float] = {}  # id and lease -> since when it is known
        self.draining = threading.Event()  # no more jobs are started
        self._stop = threading.Event()  # running jobs are given back
        needed = {name: os.environ[name] for name in (VOICE_KEY,) if name in os.environ}  # to read texts aloud
        start = partial(WorkerProcess, command, nice=NICE, environment=needed)
        self.workers = [SupervisedWorker(start) for _ in range(options.workers)]
        self._threads = [SupervisedThread("jobs", partial(self._work, worker), self._stop) for worker in self.workers]
        self._keeper = SupervisedThread("keeper of the jobs", self._keep, self._stop)
        self._until_empty = False

    def start(self, *, until_empty: bool = False) -> None:
        """Start to work. ``until_empty``: each thread ends when it finds no more jobs."""
        self._until_empty = until_empty
        if until_empty:
            self.recover()
            while self._expired and not self._stop.wait(self._look_seconds):
                self.recover()
        for thread in [self._keeper, *self._threads]:
            thread.start()

    @property
    def working(self) -> bool:
        """Whether any thread works or waits for jobs."""
        return any(thread.alive for thread in self._threads)

    def trouble(self) -> str | None:
        """Why jobs cannot go on now, in a sentence; None: all is well."""
        if any(thread.down for thread in [*self._threads, self._keeper]):
            return "A thread that does jobs broke off, and is about to be started again."
        with suppress(OSError):
            if full := self._disk.trouble():
                return full
        if count := self._endings.waiting:
            return f"The end of {count} job{'s' if count > 1 else ''} cannot be written: is the disk full?"
        return None

    def notify(self) -> None:
        """There is a new job."""
        self._news.release()

    def drain(self, seconds: float) -> None:
        """Start no more jobs, give the running ones ``seconds``, give back those that are not done, and end."""
        self.draining.set()
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._stop.set()
        for thread in [*self._threads, self._keeper]:
            thread.join()
        self._endings.write_waiting()  # what cannot be written is recovered by the next runner

    def recover(self) -> None:
        """Deal with jobs whose lease is expired. The jobs of this runner are not, whatever the clock says."""
        for job in self._abandoned():
            self._guarded(partial(self._take_over, job))

    def freeing(self, act: Callable[[], T]) -> T:
        """Do what frees room on the disk, where it is full without the reserve. Raises as ``act``, if that fails."""
        return self._disk.freeing(act)

    def cancel(self, job: str, owner: str) -> JobRecord | None:
        """As ``JobQueue.cancel``, on a full disk too; the end of a job that only waited is told here."""
        before = self._queue.get(job, owner)
        row = self.freeing(lambda: self._queue.cancel(job, owner))
        if before and row and (before.state, row.state, row.revision) == ("queued", "cancelled", before.revision + 1):
            self._endings.tell(row, 0.0)
        return row

    def sweep(self) -> None:
        """Remove finished jobs that were kept long enough or whose room is needed, and folders of no job."""
        if self._options.keep_hours is None:
            return
        oldest = time.time() - self._options.keep_hours * 3600
        for job in self._queue.finished():
            if (job.finished or 0) < oldest or not self._fits(0):
                self._guarded(partial(self.freeing, partial(self.remove, job.id)))
        known = self._queue.ids()
        for folder in self._jobs.iterdir():
            with suppress(FileNotFoundError):  # somebody removed it just now
                if folder.name not in known and folder.stat().st_mtime < time.time() - 3600:
                    shutil.rmtree(folder, ignore_errors=True)

    def make_room(self, size: int) -> bool:
        """Whether there is room for ``size`` bytes more; the longest finished jobs are removed for it."""
        fits = self._fits(size)
        for job in () if fits else self._queue.finished():
            self.remove(job.id)
            if fits := self._fits(size):
                break
        return fits and self._disk.free() >= size + SPARE_BYTES

    def hold(self, job: str) -> None:
        """Count this job as run here, though no worker does it: its lease does not expire until it ends."""
        self._running.add(job)

    def let_go(self, job: str) -> None:
        """Hold this job no more, though its end was not said: it is recovered when its lease is expired."""
        self._running.discard(job)

    def remove(self, job: str) -> None:
        """Forget a job and remove all its files; on a full disk the files first, as they take the room it needs."""
        try:
            self._queue.purge(job)
        except QUEUE_ERRORS as error:
            if not disk_full(error):
                raise
            shutil.rmtree(self._jobs / job, ignore_errors=True)
            self._queue.purge(job)
        shutil.rmtree(self._jobs / job, ignore_errors=True)

    def beat(self, job: JobRecord, progress: StageProgress) -> bool:
        """Prolong the lease and store the progress; False: the lease is lost. It holds where nothing can be written."""
        try:
            return self._queue.heartbeat(job, self._options.lease_seconds, progress)
        except QUEUE_ERRORS as error:
            log.debug("the heartbeat of job %s cannot be written: %s", job.id, error)
            return True

    def commit(self, job: JobRecord, attempt: Path, report: dict[str, Any], started: float) -> None:
        """Finish a job whose result lies in the folder ``attempt``, unless its lease was lost; at once or soon.

        Args:
            started: when the work began, of ``time.monotonic``.
        """
        self._endings.add(Ending(job, partial(self._commit, job, attempt, report), attempt, started))

    def fail(self, job: JobRecord, attempt: Path, problem: dict[str, Any], started: float) -> None:
        """End a job that cannot be done, unless its lease was lost; at once or soon. As ``commit``."""
        self._end_without_result(job, attempt, partial(self._queue.fail, job, problem), started)

    def _fits(self, size: int) -> bool:
        return self._options.disk_bytes is None or self._queue.used() + size <= self._options.disk_bytes

    @property
    def _look_seconds(self) -> float:
        return min(LOOK_SECONDS, self._options.lease_seconds / 2)

    def _keep(self) -> None:
        """Recover and sweep from time to time; the body of the keeper's thread."""
        swept = 0.0
        while not self._stop.wait(self._look_seconds):
            for act in (self._endings.write_waiting, self.recover, self._disk.fill_reserve):
                self._guarded(act)
            if time.monotonic() - swept > SWEEP_SECONDS:
                self._guarded(self.sweep)
                swept = time.monotonic()

    def _work(self, worker: SupervisedWorker) -> None:
        """Lease and run jobs; the body of a worker's thread."""
        while not self.draining.is_set():
            try:
                room = self._disk.takes_jobs()
                job = self._queue.lease(self._options.lease_seconds) if room else None
            except QUEUE_ERRORS as error:
                log.warning("no job can be leased for now: %s", error)
                self._stop.wait(LOOK_SECONDS)
                continue
            if job is not None:
                self._do(job, worker)
            elif self._until_empty and room:
                break
            else:
                self._news.acquire(timeout=LOOK_SECONDS)
        worker.close()

    def _do(self, job: JobRecord, worker: SupervisedWorker) -> None:
        """The job runner's border: whatever happens to one job, it ends, and the next one is started."""
        self._running.add(job.id)
        attempt, started = self._jobs / job.id / f"attempt-{job.attempts}", time.monotonic()
        try:
            report = self._run(job, attempt, worker)
        except BaseException as error:
            if not isinstance(error, (TaskFailed, WorkerTimeout, WorkerLost, WorkerStopped)):
                log.exception("job %s broke off", job.id)
            self._end_without_result(job, attempt, self._end_after(job, error), started)
            if not isinstance(error, Exception):
                raise
        else:
            self.commit(job, attempt, report, started)

    @staticmethod
    def _guarded(act: Callable[[], object]) -> None:
        """The keeper's border: what fails once is tried again at the next look."""
        try:
            act()
        except QUEUE_ERRORS as error:
            log.warning("keeping the jobs: %s", error)
        except Exception:
            log.exception("keeping the jobs failed")

    def _run(self, job: JobRecord, attempt: Path, worker: SupervisedWorker) -> dict[str, Any]:
        """Have a worker do the job; returns its report."""
        folder = attempt.parent
        for old in folder.glob("attempt-*"):
            shutil.rmtree(old)
        attempt.mkdir()
        request = task_request(job.kind, job.request["task"], self._options.data, folder, attempt, job.owner)
        return worker.call(request, self._options.job_minutes * 60, self._watch(job)).header

    def _end_after(self, job: JobRecord, error: BaseException) -> Callable[[], bool]:
        """What the queue is told after ``error``."""
        if isinstance(error, WorkerStopped):
            return partial(self._queue.release, job, counted=False)  # without effect if the job was cancelled
        if isinstance(error, WorkerLost):
            return self._give_back(job)
        if disk_full(error) or (isinstance(error, TaskFailed) and error.kind == NO_SPACE["type"]):
            return self._give_back(job, NO_SPACE)  # it may fit when the disk is freed
        if isinstance(error, WorkerTimeout):
            error = JobTimeout(
                f"The work was stopped: it took longer than the {self._options.job_minutes:g} minutes that it may."
            )
        problem = problem_of(error if isinstance(error, Exception) else RuntimeError())
        return partial(self._queue.fail, job, problem)

    def _end_without_result(self, job: JobRecord, attempt: Path, write: Callable[[], bool], started: float) -> None:
        shutil.rmtree(attempt, ignore_errors=True)  # first, as this may free the room that the end needs
        self._endings.add(Ending(job, write, attempt, started))

    def _commit(self, job: JobRecord, attempt: Path, report: dict[str, Any]) -> bool:
        """Finish a job by one rename; may be called again after an error. False: the lease was lost."""
        if not self._queue.heartbeat(job, self._options.lease_seconds, ("commit", 0, 0)):
            return False
        if attempt.exists():
            if not (attempt / REPORT).exists():
                write_report(attempt, report)
            attempt.rename(attempt.parent / RESULT)
        return self._queue.finish(job, report, size_of(attempt.parent))

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
            return self.beat(job, (name, done, total))

        return watch

    def _abandoned(self) -> list[JobRecord]:
        """Jobs of others whose lease is expired, and was not renewed since that was first seen some seconds ago."""
        now, known = time.monotonic(), self._expired
        found = {
            (job.id, job.lease, job.lease_until): job for job in self._queue.expired() if job.id not in self._running
        }
        self._expired = {lease: known.get(lease, now) for lease in found}
        patience = min(PATIENCE_SECONDS, self._options.lease_seconds)
        return [job for lease, job in found.items() if now - self._expired[lease] >= patience]

    def _take_over(self, job: JobRecord) -> None:
        """Finish a job of others whose result is whole, or give it back."""
        folder = self._jobs / job.id
        attempt = folder / f"attempt-{job.attempts}"
        if task_registry().policy(job.kind).is_whole(attempt):
            write_report(attempt, {})
            attempt.rename(folder / RESULT)
        started = time.monotonic() - max(0.0, time.time() - (job.started or time.time()))
        report = read_report(folder / RESULT)
        if report is None:
            self._end_without_result(job, attempt, self._give_back(job), started)
        else:
            write = partial(self._queue.finish, job, report, size_of(folder))
            self._endings.add(Ending(job, write, attempt, started))

    def _give_back(self, job: JobRecord, problem: Mapping[str, Any] | None = None) -> Callable[[], bool]:
        """Queue a job again whose runner or worker is gone, or fail it after too many attempts, with ``problem``."""
        if job.attempts < self._options.attempts and task_registry().policy(job.kind).retry:
            return partial(self._release, job)
        times = f"{job.attempts} time{'s' if job.attempts > 1 else ''}"
        text = f"The work broke off {times}, so it is given up: whoever did it was stopped or crashed."
        return partial(self._give_up, job, dict(problem or problem_of(JobInterrupted(text))))

    def _release(self, job: JobRecord) -> bool:
        released = self._queue.release(job, counted=True)
        self.notify()
        return released

    def _give_up(self, job: JobRecord, problem: dict[str, Any]) -> bool:
        return self._queue.fail(replace(job, bytes=size_of(self._jobs / job.id)), problem)


__all__ = ["JobRunner", "RunnerOptions"]
