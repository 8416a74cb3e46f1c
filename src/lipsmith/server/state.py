"""What the routes share: made once for an application, never global."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, cast

from fastapi import Depends, Request

from ..avatars.store import AvatarStore
from ..jobs.disk import SPARE_BYTES, DataDisk
from ..jobs.queue import JobQueue
from ..jobs.runner import NICE, JobRunner, RunnerOptions
from ..jobs.sqlite import QUEUE, SqliteQueue
from ..jobs.worker import COMMAND
from ..transports.webrtc.options import RtcOptions
from ..tts.protocols import Voice
from ..tts.registry import open_voice
from ..workers.pool import WorkerPool
from ..workers.process import WorkerProcess
from .auth.keys import Keys
from .auth.tokens import Signer, signer_of
from .config import ServerSettings
from .connections import ConnectionTable
from .incoming import FULL, MOST, OWN, Incoming
from .metrics import Metrics
from .outcomes import Outcomes
from .picture_line import PictureLine
from .problems import Problem
from .sessions.recordings import SessionRecorder
from .sessions.registry import SessionRegistry
from .start_checks import prepare_data

PROBES, PREVIEWS = 4, 2
"""Processes that read uploads, and that make previews, of which each holds a face detector."""


@dataclass(slots=True)
class AppState:
    """The parts of one server."""

    settings: ServerSettings
    keys: Keys
    store: JobQueue
    runner: JobRunner
    incoming: Incoming
    probes: WorkerPool
    previews: WorkerPool  # of their own, for previews take seconds
    signer: Signer
    metrics: Metrics
    sessions: SessionRegistry
    recorder: SessionRecorder
    rtc: RtcOptions
    voice: Voice | None  # reads texts aloud
    connections: ConnectionTable
    pictures: PictureLine = field(default_factory=PictureLine)
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

    def check_space(self, more: int) -> None:
        """Raise Problem no-space unless ``more`` bytes fit beside uploads and unfinished jobs; nothing is removed."""
        left = min(
            self.settings.disk_bytes - self.store.used() - self.incoming.bytes,
            shutil.disk_usage(self.jobs).free - SPARE_BYTES,
        )
        if more > left and more > left + sum(job.bytes for job in self.store.finished()):
            raise Problem("no-space", FULL, retry_after=300)

    def check_room(self, owner: str) -> None:
        """Raise Problem unless ``owner`` may add a job now; the oldest finished jobs make room for what comes in."""
        self.check_open()
        own, everybody = self.store.counts(owner), self.store.counts()
        if own.get("queued", 0) + own.get("running", 0) >= self.settings.own_queue:
            text = f"{self.settings.own_queue} of your jobs wait or run: try again when one is over."
            raise Problem("too-many-jobs", text, retry_after=15)
        if everybody.get("queued", 0) >= self.settings.queue:
            raise Problem("queue-full", f"{self.settings.queue} jobs wait already: try again later.", retry_after=60)
        if not self.runner.make_room(self.incoming.bytes):
            raise Problem("no-space", FULL, retry_after=300)

    def close(self) -> None:
        """End every process and thread, putting back what runs."""
        self.runner.drain(0)
        self.probes.close()
        self.previews.close()
        self.incoming.close()
        self.pictures.close()
        self.store.close()


def make_state(settings: ServerSettings, keys: Keys, command: Sequence[str] = COMMAND) -> AppState:
    """The parts of a server on ``settings.folder``, which is made if need be. Nothing runs yet."""
    voice = open_voice(settings.voice)
    prepare_data(settings.folder)
    store = DataDisk(settings.folder).freeing(lambda: SqliteQueue(settings.folder / QUEUE))
    sessions = SessionRegistry(settings)
    connections = ConnectionTable(settings.connections, settings.own_connections, settings.keyless_connections)
    metrics = Metrics(store, settings, sessions, connections)
    outcomes = Outcomes(metrics)
    sessions.on_opened, sessions.on_closed = outcomes.session_opened, outcomes.session_closed
    runner = JobRunner(store, runner_options(settings), command, outcomes.job_ended)
    start = partial(WorkerProcess, command, nice=NICE)
    return AppState(
        settings=settings,
        keys=keys,
        store=store,
        runner=runner,
        incoming=Incoming(settings.folder / "incoming", runner.make_room),
        probes=WorkerPool(start, PROBES, MOST, OWN),
        previews=WorkerPool(start, PREVIEWS, MOST, OWN),
        signer=signer_of(settings.folder),
        metrics=metrics,
        sessions=sessions,
        recorder=SessionRecorder(store, runner, settings),
        rtc=settings.rtc(),
        voice=voice,
        connections=connections,
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
