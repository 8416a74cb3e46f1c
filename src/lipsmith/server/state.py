"""All that the routes share: made once for an application, never global."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, cast

from fastapi import Depends, Request

from ..avatars.store import AvatarStore
from ..jobs.queue import JobQueue
from ..jobs.runner import NICE, JobRunner, RunnerOptions
from ..jobs.sqlite import SqliteQueue
from ..jobs.worker import COMMAND
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
from .sessions.pushes import PushRegistry
from .sessions.recordings import RecordingRegistry
from .sessions.registry import SessionRegistry
from .sessions.viewers import ViewerRegistry

MEASURE_SECONDS, PREVIEW_SECONDS = 60.0, 120.0
CALLERS = 6
"""Threads that may use one shared worker at a time: each is one of the web framework's 40."""
TURN_SECRET = "LIPSMITH_TURN_SECRET"  # noqa: S105 - its name
"""Environment variable with what the TURN server knows too."""


@dataclass(slots=True)
class AppState:
    """The parts of one server."""

    options: ServerSettings
    keys: Keys
    store: JobQueue
    crew: JobRunner
    eyes: SharedWorker  # measures uploads
    viewer: SharedWorker  # makes previews, which take seconds
    signer: Signer
    metrics: Metrics
    live: SessionRegistry
    doors: ViewerRegistry
    films: RecordingRegistry
    pushes: PushRegistry
    voice: Voice | None  # reads texts aloud
    admitting: threading.Lock = field(default_factory=threading.Lock)  # between counting the jobs and adding one

    @property
    def jobs(self) -> Path:
        """The folder of the jobs' folders."""
        return self.options.folder / "jobs"

    def avatar_store(self, owner: str) -> AvatarStore:
        """The client's own shelf of avatars."""
        return AvatarStore(self.options.folder / "avatars" / owner)

    def check_open(self) -> None:
        """Raise Problem draining if nothing new is begun."""
        if self.crew.draining.is_set():
            raise Problem("draining", "This server is about to stop and begins nothing new.", retry_after=30)

    def check_room(self, owner: str, size: int) -> None:
        """Raise Problem unless ``owner`` may add a job with ``size`` bytes now; the oldest finished jobs make room."""
        self.check_open()
        own, everybody = self.store.counts(owner), self.store.counts()
        if own.get("queued", 0) + own.get("running", 0) >= self.options.own_queue:
            text = f"{self.options.own_queue} of your jobs wait or run: try again when one is over."
            raise Problem("too-many-jobs", text, retry_after=15)
        if everybody.get("queued", 0) >= self.options.queue:
            raise Problem("queue-full", f"{self.options.queue} jobs wait already: try again later.", retry_after=60)
        if not self.crew.make_room(size):
            raise Problem("no-space", "Uploads and unfinished jobs fill the room that this server may use.", 300)

    def close(self) -> None:
        """End every process and thread, putting back what runs."""
        self.crew.drain(0)
        self.eyes.close()
        self.viewer.close()
        self.store.close()


def make_state(options: ServerSettings, keys: Keys, command: Sequence[str] = COMMAND) -> AppState:
    """The parts of a server on ``options.folder``, which is made if need be. Nothing runs yet."""
    voice = open_voice(options.voice)
    (options.folder / "jobs").mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in ("looks", "avatars"):
        (options.folder / name).mkdir(mode=0o700, exist_ok=True)
    store = SqliteQueue(options.folder / "jobs.sqlite")
    live = SessionRegistry(options)
    doors = ViewerRegistry(options.rtc(os.environ.get(TURN_SECRET, "")))
    metrics = Metrics(store, options, live)
    crew = JobRunner(store, runner_options(options), command, metrics.finished)
    start = partial(WorkerProcess, command, nice=NICE)
    eyes = SharedWorker(SupervisedWorker(start), MEASURE_SECONDS, CALLERS)
    viewer = SharedWorker(SupervisedWorker(start), PREVIEW_SECONDS, CALLERS)
    films, pushes, signer = (
        RecordingRegistry(store, crew, options),
        PushRegistry(options.push_places),
        signer_of(options.folder),
    )
    return AppState(options, keys, store, crew, eyes, viewer, signer, metrics, live, doors, films, pushes, voice)


def runner_options(options: ServerSettings) -> RunnerOptions:
    """How the server's settings run its jobs."""
    return RunnerOptions(
        options.folder,
        options.workers,
        options.attempts,
        options.lease_seconds,
        options.job_minutes,
        options.keep_hours,
        options.disk_bytes,
    )


def state_of(request: Request) -> AppState:
    """The parts of the server that answers ``request``."""
    return cast("AppState", request.app.state.services)


def owner_of(request: Request) -> str:
    """The client who calls: the guard found out."""
    return str(request.state.owner)


Parts = Annotated[AppState, Depends(state_of)]
Owner = Annotated[str, Depends(owner_of)]
