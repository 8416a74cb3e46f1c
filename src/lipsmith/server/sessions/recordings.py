"""Live sessions filmed for their clients.

A film is a job that runs while it is recorded, so it is found, fetched, kept and forgotten as others are; who cancels
or deletes the job ends the recording. A process of its own codes and writes it. All of it is for the event loop, but
what waits for the disk or the store.
"""

from __future__ import annotations

import asyncio
import shutil
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...errors import EngineUnavailable, LipsmithError, LiveError, OutputError, SessionOver, problem_of
from ...jobs.folders import size_of, write_report
from ...jobs.queue import JobRecord, NewJob, new_id
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
    from .registry import SessionHandle

LOOK = 1.0
"""Seconds between two looks at a film that is recorded, at most."""
PRESET = "superfast"  # x264's: the sessions need the processor
FULL, NO_ROOM = "It is as long as a film may be.", "There is no more room for it."
CANCELLED = "The job was cancelled."


@dataclass(slots=True, eq=False)
class SessionRecording:
    """One recording: a sink that tells the store when it is closed."""

    job: JobRecord
    folder: Path  # the job's
    sink: RecordingProcess
    crew: JobRunner
    store: JobQueue
    home: str  # the data folder, which no client is told of
    fps: float = 0.0
    wish: asyncio.Event = field(default_factory=asyncio.Event)  # that it ends
    task: asyncio.Task[None] | None = None
    reason: str = ""  # why it ended by itself
    sealed: bool = False  # its process is over, so there is nothing more to be stopped
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
        """Finish the film; the job is done then, or failed."""
        try:
            self._finish()
        except LipsmithError as problem:
            text = without_folders(str(problem), self.home)
            self.reason = text if self.reason in ("", FULL) else self.reason  # its process ends early by failing too
            self.store.fail(self.job, problem_of(type(problem)(text)))
        finally:
            self.crew.let_go(self.job.id)
            self.closed.set()

    def _finish(self) -> None:
        try:
            self._seal()
            if not self.sink.frames:
                raise LiveError("Nothing was recorded: it was stopped before a picture came.")
            report = {"output": FILM, "frames": self.sink.frames, "seconds": self.sink.frames / self.fps}
            write_report(self.attempt, report)
            self.crew.commit(self.job, self.attempt, report)
        except LipsmithError:
            self._tidy()
            raise
        self._tidy()  # after anything else, such as a full disk, ``JobRunner.recover`` finds the film

    def _seal(self) -> None:
        try:
            self.sink.close()
        finally:
            self.sealed = True

    def _tidy(self) -> None:
        shutil.rmtree(self.attempt if self.store.get(self.job.id) else self.folder, ignore_errors=True)

    def look(self, seconds: float) -> bool:
        """Prolong the lease by ``seconds``; whether the recording goes on."""
        if not self.beat(seconds):
            return False
        with suppress(FileNotFoundError):  # it got its name just now
            self.store.resize(self.job, size_of(self.folder))
        if self.sink.over:
            self.reason = FULL
        elif not self.crew.make_room(0):
            self.reason = NO_ROOM
        return not self.reason

    def beat(self, seconds: float) -> bool:
        """Prolong the lease; where the job was cancelled or forgotten, throw the film away."""
        ours = self.store.heartbeat(self.job, seconds, ("record", self.sink.frames, 0))
        if not ours and not self.sealed:
            self.reason = CANCELLED
            self.sink.abort()
        return ours


@dataclass(slots=True)
class RecordingRegistry:
    """The films that are recorded now, one of each session at most."""

    store: JobQueue
    crew: JobRunner
    options: ServerSettings
    _films: dict[str, SessionRecording | None] = field(default_factory=dict)  # by session; None: it is about to begin

    async def start(self, held: SessionHandle) -> JobRecord:
        """Record a session from now on.

        Raises:
            Problem: already-recording.
            SessionOver: it ended meanwhile.
            EngineUnavailable: there can be no process for it.
        """
        if held.id in self._films:
            raise Problem("already-recording", "This session is being recorded: stop that film first.")
        self._films[held.id] = None
        try:
            film = await asyncio.to_thread(self._begin, held)
        except BaseException:
            del self._films[held.id]
            raise
        self._films[held.id] = film
        film.task = asyncio.create_task(self._watch(held, film))
        held.live.task.add_done_callback(lambda _: film.wish.set())
        try:
            if held.live.state == "over":
                raise SessionOver("The session ended before it could be recorded.")
            held.live.attach(film)
        except BaseException:
            await asyncio.to_thread(film.close)
            raise
        return film.job

    async def stop(self, held: SessionHandle, job: str) -> JobRecord:
        """Finish a film of this session. One that is over stays as it is. Raises Problem not-found."""
        film = self._films.get(held.id)
        if film is not None and film.job.id == job:
            await self._end(film)
        row = await asyncio.to_thread(self.store.get, job, held.owner)
        if row is None or row.request["asked"].get("session") != held.id:
            raise Problem("not-found", "This session has no recording of that id.")
        return row

    async def drain(self) -> None:
        """Until every film is finished, when the sessions are over."""
        await asyncio.gather(*(self._end(film) for film in list(self._films.values()) if film is not None))

    async def _end(self, film: SessionRecording) -> None:
        film.wish.set()
        assert film.task is not None
        await asyncio.wait([film.task])

    def _begin(self, held: SessionHandle) -> SessionRecording:
        info, folder = held.avatar.info, self.options.folder / "jobs" / new_id()
        attempt = folder / "attempt-1"
        attempt.mkdir(mode=0o700, parents=True)
        how = FilmOptions(preset=PRESET, engine=f"{info.engine} {info.engine_version}")
        sink = RecordingProcess(attempt / FILM, self.options.record_minutes * 60.0, how)
        asked = {"avatar": info.id, "session": held.id, "format": "mp4"}
        new = NewJob(folder.name, held.owner, RECORDING.name, {"asked": asked, "task": {"format": "mp4"}}, 0)
        try:
            if not sink.wait():
                raise EngineUnavailable("No process could be begun to record with: try again when less is done here.")
            job = self.store.submit_running(new, self.options.lease_seconds)
        except BaseException:
            sink.abort()
            with suppress(OutputError):
                sink.close()
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self.crew.hold(job.id)
        return SessionRecording(job, folder, sink, self.crew, self.store, str(self.options.folder))

    async def _watch(self, held: SessionHandle, film: SessionRecording) -> None:
        lease = self.options.lease_seconds
        rest = min(LOOK, lease / 3)
        try:
            while not film.wish.is_set() and await asyncio.to_thread(film.look, lease):
                with suppress(TimeoutError):
                    await asyncio.wait_for(film.wish.wait(), rest)
        finally:
            closing = asyncio.create_task(held.live.detach(film))  # if the session has not done so
            try:
                while not await asyncio.to_thread(film.closed.wait, rest):
                    await asyncio.to_thread(film.beat, lease)
            finally:
                del self._films[held.id]
            held.live.session.note("recording_ended", film.reason, film.job.id)
            await closing


__all__ = ["RecordingRegistry"]
