"""A session recorded as a film, in a thread or a process of its own, so that a slow disk does not stop the session."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from ..errors import OutputError
from ..media.writer import FilmOptions, FilmWriter, check_output
from ..timing import sample_at
from ..types import AVFrame
from ..workers.process import WorkerLost
from .frame_queue import FrameQueue, FrameThread, QueuedFrame
from .sink_process import SinkProcess

if TYPE_CHECKING:
    from pathlib import Path

    from ..types import FilmInfo, Image

PICTURES, TICKS = 25, 250
"""Pictures, and frames with their sound, that wait for the disk: one second and ten at 25 fps."""
WORK_SECONDS, END_SECONDS = 30.0, 120.0
"""How long closing waits until all frames are written, and then until a long film is finished."""


class RecordingWriter:
    """Writes the frames of a session as a film of at most ``seconds``.

    A lost frame is replaced by the picture before it and silence, so the film lasts as long as the session.
    """

    def __init__(self, path: Path, info: FilmInfo, seconds: float, options: FilmOptions | None) -> None:
        self._info, self._max_frames, self.frames = info, int(seconds * info.fps), 0
        self._last_image: Image = np.zeros((info.size[1], info.size[0], 3), np.uint8)
        self._next: int | None = None
        self._writer = FilmWriter(path, info, None, options)
        self._writer.open()

    @property
    def full(self) -> bool:
        """Whether the film is as long as it may be."""
        return self.frames >= self._max_frames

    @property
    def film(self) -> Path | None:
        """Where the film is once it is closed; None: without a frame there is none."""
        return self._writer.path if self.frames else None

    def put(self, frame: QueuedFrame) -> None:
        """Add a frame."""
        first = frame.index if self._next is None else self._next
        for index in range(first, frame.index):
            self._put(AVFrame(index, self._last_image, self._silence(index)))
        shown = frame.with_image(self._last_image)
        self._put(shown)
        self._last_image, self._next = shown.image, frame.index + 1

    def close(self) -> None:
        """Finish the film. Without a frame no file appears."""
        if self.frames:
            self._writer.close()
        else:
            self._writer.abort()

    def abort(self) -> None:
        """Leave nothing behind."""
        self._writer.abort()

    def _put(self, frame: AVFrame) -> None:
        if not self.full:
            self._writer.write(frame)
            self.frames += 1

    def _silence(self, index: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        fps, rate = self._info.fps, self._info.rate
        return np.zeros(sample_at(index + 1, fps, rate) - sample_at(index, fps, rate), np.float32)


class Recording:
    """Records in a thread. The film of at most ``seconds`` appears at ``path`` when the recording is closed.

    Raises (by ``open`` and ``close``):
        OptionError, OutputError: as ``media.writer.FilmWriter``.
    """

    def __init__(self, path: Path, seconds: float = 3600.0, options: FilmOptions | None = None) -> None:
        self._path, self._seconds, self._options = path, seconds, options
        self._thread = FrameThread("lipsmith-recording", self._record, FrameQueue(PICTURES, TICKS))
        self._recorder: RecordingWriter | None = None
        self._closed = False
        self.film: Path | None = None
        """Where the finished film is; None: there is none, or not yet."""

    @property
    def full(self) -> bool:
        """Whether the film is as long as it may be."""
        return self._recorder is not None and self._recorder.full

    def open(self, info: FilmInfo) -> None:
        """Start the hidden file."""
        self._recorder = RecordingWriter(self._path, info, self._seconds, self._options)
        self._thread.open(info)

    def write(self, frame: AVFrame) -> None:
        """Queue a frame; never waits."""
        self._thread.write(frame)

    def close(self) -> None:
        """Finish the film; a second call does nothing. Without a frame no file appears."""
        if self._recorder is None or self._closed:
            return
        self._closed = True
        try:
            self._thread.close(WORK_SECONDS)
        except BaseException:
            self._recorder.abort()
            raise
        if self._thread.working:  # it is in the middle of a frame, so its file cannot be finished
            raise OutputError(f"{self._path} could not be written: the disk does not respond; choose another.")
        self._recorder.close()
        self.film = self._recorder.film

    def _record(self, frame: QueuedFrame) -> None:
        assert self._recorder is not None
        self._recorder.put(frame)


class RecordingProcess:
    """Records in a process of its own, for servers: neither encoding nor finishing a long film stops other sessions.

    The process finishes the film even if this program ends before ``close``.

    Args:
        path, seconds, options: as ``Recording``.

    Raises:
        OptionError, OutputError: there can be no film at ``path``; by ``close``: it could not be written.
    """

    def __init__(self, path: Path, seconds: float, options: FilmOptions) -> None:
        check_output(path)
        self._path = path
        self._thread = FrameThread("lipsmith-recording", self._send, FrameQueue(PICTURES, TICKS))
        self._process = SinkProcess({"do": "film", "path": str(path), "seconds": seconds, "options": asdict(options)})

    @property
    def over(self) -> bool:
        """Whether it takes no more frames: the film is as long as it may be, or cannot be written."""
        return self._process.over

    @property
    def frames(self) -> int:
        """Frames in the film so far, as last reported."""
        return int(self._process.status.get("frames", 0))

    def wait(self) -> bool:
        """Wait until the process is ready for frames, which takes seconds; False if it will not be."""
        return self._process.wait()

    def open(self, info: FilmInfo) -> None:
        """Start the hidden file."""
        with suppress(WorkerLost):  # ``close`` raises the reason
            self._process.open(info)
        self._thread.open(info)

    def write(self, frame: AVFrame) -> None:
        """Queue a frame; never waits."""
        self._thread.write(frame)

    def close(self) -> None:
        """Finish the film. Without a frame no file appears."""
        with suppress(WorkerLost):  # the status says why
            self._thread.close(WORK_SECONDS)
        if self._thread.working:
            self._process.kill()
        status = self._process.end(END_SECONDS)
        if "done" not in status:
            reason = status.get("trouble", "the process that wrote it ended")
            raise OutputError(f"{self._path} could not be written: {reason}.")

    def abort(self) -> None:
        """Give the film up; call ``close`` afterwards, which raises OutputError."""
        self._process.kill()

    def _send(self, frame: QueuedFrame) -> None:
        self._process.send(frame)


__all__ = ["Recording", "RecordingProcess"]
