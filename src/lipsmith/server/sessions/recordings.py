"""Live sessions recorded for their clients.

A recording is a job that runs while it records, so clients list, fetch and delete it like other jobs. Cancelling or
deleting the job ends the recording. A process of its own encodes and writes it. All of it is for the event
loop, except what waits for the disk or the store.
"""

from __future__ import annotations

import asyncio
import shutil
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...errors import EngineUnavailable, LipsmithError, LiveError, OutputError, SessionOver, problem_of
from ...jobs.folders import size_of
from ...jobs.queue import QUEUE_ERRORS, JobRecord, NewJob, new_id
from ...jobs.tasks.recording import FILM
from ...jobs.tasks.recording import TASK as RECORDING
from ...jobs.worker import without_folders
from ...media.writer import FilmOptions
from ...transports.recording import RecordingProcess
from ..problems import Problem

if TYPE_CHECKING:
    from pathlib import Path

    from ...jobs.queue import JobQueue
    from ...jobs.runner import JobRunner
    from ...types import AVFrame, FilmInfo
    from ..config import ServerSettings
    from .handle import SessionHandle

CHECK_SECONDS = 1.0
"""Between two checks of a recording, at most."""
PRESET = "superfast"  # x264's: the sessions need the processor
FULL, NO_ROOM = "It is as long as a film may be.", "There is no more room for it."
CANCELLED = "The job was cancelled."


@dataclass(slots=True, eq=False)
class SessionRecording:
    """One recording: a sink that tells the store when it is closed."""

    job: JobRecord
    folder: Path  # the job's
    handle: SessionHandle
    sink: RecordingProcess
    runner: JobRunner
    store: JobQueue
    home: str  # the data folder, which clients never see
    began: float = field(default_factory=time.monotonic)
    fps: float = 0.0
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    reason: str = ""  # why it ended by itself
    process_ended: bool = False  # so there is nothing more to be stopped
    closed: threading.Event = field(default_factory=threading.Event)

    @property
    def attempt(self) -> Path:
        """Where it is written."""
        return self.folder / "attempt-1"

    def open(self, info: FilmInfo) -> None:
        """Begin the film."""
        self.fps = float(info.fps)
        self.sink.open(info)

    def write(self, frame: AVFrame) -> None:
        """Add a frame; never waits."""
        self.sink.write(frame)

    def close(self) -> None:
        """Finish the film; the job is done then, or failed. Where the disk is full, the queue learns of it later."""
        try:
            self._finish()
        except LipsmithError as problem:
            text = without_folders(str(problem), self.home)
            self.reason = text if self.reason in ("", FULL) else self.reason  # its process ends early by failing too
            self.runner.fail(self.job, self.attempt, problem_of(type(problem)(text)), self.began)
        except BaseException:
            self.runner.let_go(self.job.id)  # ``JobRunner.recover`` looks for a film
            raise
        finally:
            self.closed.set()

    def check(self) -> bool:
        """Prolong the lease; whether the recording goes on."""
        if not self.prolong():
            return False
        with suppress(FileNotFoundError, *QUEUE_ERRORS):  # it got its name just now; or the disk is full
            self.store.resize(self.job, size_of(self.folder))
        if self.sink.over:
            self.reason = FULL
        elif not self._has_room():
            self.reason = NO_ROOM
        return not self.reason

    def prolong(self) -> bool:
        """Prolong the lease; where the job was cancelled or forgotten, throw the film away."""
        ours = self.runner.beat(self.job, ("record", self.sink.frames, 0))
        if not ours and not self.process_ended:
            self.reason = CANCELLED
            self.sink.abort()
        return ours

    async def end(self) -> None:
        """Finish the film, and return when it is there."""
        self.stopping.set()
        assert self.task is not None
        await asyncio.wait([self.task])

    async def watch(self, lease: float) -> None:
        """Keep the job's lease of ``lease`` seconds until the recording ends, then finish it and tell the session."""
        pause = min(CHECK_SECONDS, lease / 3)
        try:
            while not self.stopping.is_set() and await asyncio.to_thread(self.check):
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.stopping.wait(), pause)
        finally:
            closing = asyncio.create_task(self.handle.live.detach(self))  # if the session has not done so
            try:
                while not await asyncio.to_thread(self.closed.wait, pause):
                    await asyncio.to_thread(self.prolong)
            finally:
                self.handle.attachments.remove(self)
            self.handle.live.session.note("recording_ended", self.reason, self.job.id)
            await closing

    def _finish(self) -> None:
        self._end_process()
        if not self.sink.frames:
            raise LiveError("Nothing was recorded: it was stopped before a picture came.")
        report = {"output": FILM, "frames": self.sink.frames, "seconds": self.sink.frames / self.fps}
        self.runner.commit(self.job, self.attempt, report, self.began)

    def _has_room(self) -> bool:
        try:
            return self.runner.make_room(0)
        except QUEUE_ERRORS:
            return False

    def _end_process(self) -> None:
        try:
            self.sink.close()
        finally:
            self.process_ended = True


@dataclass(slots=True)
class SessionRecorder:
    """Starts and stops recordings, of each session one at a time."""

    store: JobQueue
    runner: JobRunner
    settings: ServerSettings
    _starting: set[SessionHandle] = field(default_factory=set)  # whose recording is about to begin

    async def start(self, handle: SessionHandle) -> JobRecord:
        """Record a session from now on.

        Raises:
            Problem: already-recording.
            SessionOver: it ended meanwhile.
            EngineUnavailable: there can be no process for it.
        """
        if handle in self._starting or handle.attached(SessionRecording):
            raise Problem("already-recording", "This session is being recorded: stop that film first.")
        self._starting.add(handle)
        try:
            recording = await asyncio.to_thread(self._begin, handle)
            handle.attachments.append(recording)
        finally:
            self._starting.discard(handle)
        recording.task = asyncio.create_task(recording.watch(self.settings.lease_seconds))
        try:
            if handle.live.state == "over":
                raise SessionOver("The session ended before it could be recorded.")
            handle.live.attach(recording)
        except BaseException:
            recording.stopping.set()
            await asyncio.to_thread(recording.close)
            raise
        return recording.job

    async def stop(self, handle: SessionHandle, job: str) -> JobRecord:
        """Finish a recording of this session. One that is over stays as it is. Raises Problem not-found."""
        for recording in handle.attached(SessionRecording):
            if recording.job.id == job:
                await recording.end()
        row = await asyncio.to_thread(self.store.get, job, handle.owner)
        if row is None or row.request["asked"].get("session") != handle.id:
            raise Problem("not-found", "This session has no recording of that id.")
        return row

    def _begin(self, handle: SessionHandle) -> SessionRecording:
        info, folder = handle.avatar.info, self.settings.folder / "jobs" / new_id()
        attempt = folder / "attempt-1"
        attempt.mkdir(mode=0o700, parents=True)
        how = FilmOptions(preset=PRESET, engine=f"{info.engine} {info.engine_version}")
        sink = RecordingProcess(attempt / FILM, self.settings.record_minutes * 60.0, how)
        asked = {"avatar": info.id, "session": handle.id, "format": "mp4"}
        new = NewJob(folder.name, handle.owner, RECORDING.name, {"asked": asked, "task": {"format": "mp4"}}, 0)
        try:
            if not sink.wait():
                raise EngineUnavailable("No process could be begun to record with: try again when less is done here.")
            job = self.store.submit_running(new, self.settings.lease_seconds)
        except BaseException:
            sink.abort()
            with suppress(OutputError):
                sink.close()
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self.runner.hold(job.id)
        return SessionRecording(job, folder, handle, sink, self.runner, self.store, str(self.settings.folder))


__all__ = ["SessionRecorder", "SessionRecording"]
