"""A session recorded as a film, in a thread or a process of its own: a slow disk must not stop the clock."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from ..errors import OutputError
from ..media.writer import FilmOptions, FilmWriter, check_output
from ..timing import sample_at
from ..types import AVFrame
from .frame_queue import FrameQueue, FrameThread, QueuedFrame
from .sink_process import SinkProcess

if TYPE_CHECKING:
    from pathlib import Path

    from ..types import FilmInfo, Image

PICTURES, TICKS = 25, 250
"""Frames that wait for the disk, and those whose sound does: one second and ten at 25 fps."""
WORK_SECONDS, END_SECONDS = 30.0, 120.0
"""For which closing waits until all frames are taken, and then until a long film is finished."""


class RecordingWriter:
    """A film of at most ``seconds`` out of the frames of a session as they come.

    Frames that were lost on the way are made up for, by the picture before and silence, so the film lasts as long as
    the session did.
    """

    def __init__(self, path: Path, info: FilmInfo, seconds: float, options: FilmOptions | None) -> None:
        self._info, self._left, self.frames = info, int(seconds * info.fps), 0
        self._last: Image = np.zeros((info.size[1], info.size[0], 3), np.uint8)
        self._next: int | None = None
        self._writer = FilmWriter(path, info, None, options)
        self._writer.open()

    @property
    def full(self) -> bool:
        """Whether the film has become as long as it may."""
        return self.frames >= self._left

    def put(self, beat: QueuedFrame) -> None:
        """Add a frame."""
        first = beat.index if self._next is None else self._next
        for index in range(first, beat.index):
            self._put(AVFrame(index, self._last, self._silence(index)))
        frame = beat.frame(self._last)
        self._put(frame)
        self._last, self._next = frame.image, beat.index + 1

    def close(self) -> None:
        """Finish the film. Without a frame there is none."""
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
    """A reel in a thread. The film appears at ``path`` when it is closed, and holds at most ``seconds``.

    Raises (by ``open`` and ``close``):
        OptionError, OutputError: as ``media.writer.FilmWriter``.
    """

    def __init__(self, path: Path, seconds: float = 3600.0, options: FilmOptions | None = None) -> None:
        self._path, self._seconds, self._options = path, seconds, options
        self._line = FrameThread("lipsmith-recording", self._record, FrameQueue(PICTURES, TICKS))
        self._reel: RecordingWriter | None = None
        self._closed = False

    @property
    def full(self) -> bool:
        """Whether the film has become as long as it may."""
        return self._reel is not None and self._reel.full

    def open(self, info: FilmInfo) -> None:
        """Begin the hidden file."""
        self._reel = RecordingWriter(self._path, info, self._seconds, self._options)
        self._line.open(info)

    def write(self, frame: AVFrame) -> None:
        """Queue a frame; never waits."""
        self._line.write(frame)

    def close(self) -> None:
        """Finish the film; the second time nothing happens. Without a frame there is none."""
        if self._reel is None or self._closed:
            return
        self._closed = True
        try:
            self._line.close(WORK_SECONDS)
        except BaseException:
            self._reel.abort()
            raise
        if self._line.working:  # in the middle of a frame: its file cannot be touched
            raise OutputError(f"{self._path} could not be written: the disk takes nothing; choose another.")
        self._reel.close()

    def _record(self, beat: QueuedFrame) -> None:
        assert self._reel is not None
        self._reel.put(beat)


class RecordingProcess:
    """A reel in a process of its own, for servers: neither coding nor finishing a long film stops anybody else.

    The film is finished even where this program ends before ``close``.

    Args:
        path, seconds, options: as ``Recording``.

    Raises:
        OptionError, OutputError: there can be no film at ``path``; by ``close``: it could not be written.
    """

    def __init__(self, path: Path, seconds: float, options: FilmOptions) -> None:
        check_output(path)
        self._path = path
        self._line = FrameThread("lipsmith-recording", self._send, FrameQueue(PICTURES, TICKS))
        self._apart = SinkProcess({"do": "film", "path": str(path), "seconds": seconds, "options": asdict(options)})

    @property
    def over(self) -> bool:
        """Whether it takes no more: the film has become as long as it may, or cannot be written."""
        return self._apart.over

    @property
    def frames(self) -> int:
        """In the film so far, as last told."""
        return int(self._apart.words.get("frames", 0))

    def wait(self) -> bool:
        """Until it is ready for frames, seconds; False if it will not be."""
        return self._apart.wait()

    def open(self, info: FilmInfo) -> None:
        """Begin the hidden file."""
        with suppress(OSError):  # it is over; ``close`` tells why
            self._apart.open(info)
        self._line.open(info)

    def write(self, frame: AVFrame) -> None:
        """Queue a frame; never waits."""
        self._line.write(frame)

    def close(self) -> None:
        """Finish the film. Without a frame there is none."""
        with suppress(OSError):  # it is over; why, it has told
            self._line.close(WORK_SECONDS)
        if self._line.working:
            self._apart.kill()
        told = self._apart.end(END_SECONDS)
        if "done" not in told:
            reason = told.get("trouble", "the process that wrote it ended")
            raise OutputError(f"{self._path} could not be written: {reason}.")

    def abort(self) -> None:
        """End it in the middle; there will be no film. ``close`` tidies up."""
        self._apart.kill()

    def _send(self, beat: QueuedFrame) -> None:
        self._apart.send(beat)


__all__ = ["Recording", "RecordingProcess"]
