"""What the routes share: made once for an application, never global."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, cast

from fastapi import Depends, Request

from ..avatars.store import AvatarStore
from ..jobs.disk import DataDisk
from ..jobs.queue import JobQueue
from ..jobs.runner import NICE, JobRunner, RunnerOptions
from ..jobs.sqlite import QUEUE, SqliteQueue
from ..jobs.worker import COMMAND
from ..transports.webrtc.options import RtcOptions
from ..tts.protocols import Voice
from ..tts.registry import open_voice
from ..workers.process import WorkerProcess
from ..workers.shared import SharedWorker
from ..workers.supervised import SupervisedWorker
from .auth.keys import Keys
from .auth.tokens import Signer, signer_of
from .config import ServerSettings
from .metrics import Metrics
from .problems import Problem
from .sessions.recordings import SessionRecorder
from .sessions.registry import SessionRegistry

PROBE_SECONDS, PREVIEW_SECONDS = 60.0, 120.0
"""What a worker may take to probe one request's uploads, and to make one preview."""
CALLERS = 6
"""Threads that may use one shared worker at a time: each is one of the web framework's 40."""


@dataclass(slots=True)
class AppState:
    """The parts of one server."""

    settings: ServerSettings
    keys: Keys
    store: JobQueue
    runner: JobRunner
    probe_worker: SharedWorker
    preview_worker: SharedWorker  # of its own, for previews take seconds
    signer: Signer
    metrics: Metrics
    sessions: SessionRegistry
    recorder: SessionRecorder
    rtc: RtcOptions
    voice: Voice | None  # reads texts aloud
    admitting: threading.Lock = field(default_factory=threading.Lock)  # between counting the jobs and adding one

    @property
    def jobs(self) -> Path:
        """The folder of the jobs' folders."""
        return self.settings.folder / "jobs"

    def avatar_store(self, owner: str) -> AvatarStore:
        """The client's own avatars."""
        return AvatarStore(self.settings.folder / "avatars" / owner)

    def check_open(self) -> None:
        """Raise Problem draining if the server is about to stop."""
        if self.runner.draining.is_set():
            raise Problem("draining", "This server is about to stop and begins nothing new.", retry_after=30)

    def check_room(self, owner: str, size: int) -> None:
        """Raise Problem unless ``owner`` may add a job with ``size`` bytes now; the oldest finished jobs make room."""
        self.check_open()
        own, everybody = self.store.counts(owner), self.store.counts()
        if own.get("queued", 0) + own.get("running", 0) >= self.settings.own_queue:
            text = f"{self.settings.own_queue} of your jobs wait or run: try again when one is over."
            raise Problem("too-many-jobs", text, retry_after=15)
        if everybody.get("queued", 0) >= self.settings.queue:
            raise Problem("queue-full", f"{self.settings.queue} jobs wait already: try again later.", retry_after=60)
        if not self.runner.make_room(size):
            raise Problem("no-space", "Uploads and unfinished jobs fill the room that this server may use.", 300)

    def close(self) -> None:
        """End every process and thread, putting back what runs."""
        self.runner.drain(0)
        self.probe_worker.close()
        self.preview_worker.close()
        self.store.close()


def make_state(settings: ServerSettings, keys: Keys, command: Sequence[str] = COMMAND) -> AppState:
    """The parts of a server on ``settings.folder``, which is made if need be. Nothing runs yet."""
    voice = open_voice(settings.voice)
    (settings.folder / "jobs").mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in ("looks", "avatars"):
        (settings.folder / name).mkdir(mode=0o700, exist_ok=True)
    store = DataDisk(settings.folder).freeing(lambda: SqliteQueue(settings.folder / QUEUE))
    sessions = SessionRegistry(settings)
    metrics = Metrics(store, settings, sessions)
    runner = JobRunner(store, runner_options(settings), command, metrics.finished)
    start = partial(WorkerProcess, command, nice=NICE)
    return AppState(
        settings=settings,
        keys=keys,
        store=store,
        runner=runner,
        probe_worker=SharedWorker(SupervisedWorker(start), PROBE_SECONDS, CALLERS),
        preview_worker=SharedWorker(SupervisedWorker(start), PREVIEW_SECONDS, CALLERS),
        signer=signer_of(settings.folder),
        metrics=metrics,
        sessions=sessions,
        recorder=SessionRecorder(store, runner, settings),
        rtc=settings.rtc(),
        voice=voice,
    )


def runner_options(settings: ServerSettings) -> RunnerOptions:
    """How the server's settings run its jobs."""
    return RunnerOptions(
        settings.folder,
        settings.workers,
        settings.attempts,
        settings.lease_seconds,
        settings.job_minutes,
        settings.keep_hours,
        settings.disk_bytes,
    )


def state_of(request: Request) -> AppState:
    """The state of the server that answers ``request``."""
    return cast("AppState", request.app.state.services)


def owner_of(request: Request) -> str:
    """The client who calls, as ``AuthMiddleware`` found out."""
    return str(request.state.owner)


StateDep = Annotated[AppState, Depends(state_of)]
Owner = Annotated[str, Depends(owner_of)]
