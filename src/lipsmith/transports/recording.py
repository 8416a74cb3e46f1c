"""A session recorded as a film, in a thread of its own: a slow disk must not stop the clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..media.writer import FilmOptions, FilmWriter
from ..timing import sample_at
from ..types import AVFrame
from .queue import Beat, FrameQueue, FrameThread

if TYPE_CHECKING:
    from pathlib import Path

    from ..types import FilmInfo, Image

PICTURES, TICKS = 25, 250
"""Frames that wait for the disk, and those whose sound does: one second and ten at 25 fps."""


class Recording:
    """See the module. The film appears at ``path`` when it is closed, and holds at most ``seconds``.

    Frames that were lost on the way are made up for, by the picture before and silence, so the film lasts as long as
    the session did.

    Raises (by ``open`` and ``close``):
        OptionError, OutputError: as ``media.writer.FilmWriter``.
    """

    def __init__(self, path: Path, seconds: float = 3600.0, options: FilmOptions | None = None) -> None:
        self._path, self._seconds, self._options = path, seconds, options
        self._line = FrameThread("lipsmith-recording", self._record, FrameQueue(PICTURES, TICKS))
        self._writer: FilmWriter | None = None
        self._info: FilmInfo | None = None
        self._last: Image | None = None
        self._next: int | None = None
        self._left = 0

    @property
    def full(self) -> bool:
        """Whether the film has become as long as it may."""
        return self._left <= 0

    def open(self, info: FilmInfo) -> None:
        """Begin the hidden file."""
        self._info, self._left = info, int(self._seconds * info.fps)
        self._last = np.zeros((info.size[1], info.size[0], 3), np.uint8)
        self._writer = FilmWriter(self._path, info, None, self._options)
        self._writer.open()
        self._line.open(info)

    def write(self, frame: AVFrame) -> None:
        """Queue a frame; never waits."""
        self._line.write(frame)

    def close(self) -> None:
        """Finish the film; the second time nothing happens. Without a frame there is none."""
        writer, self._writer = self._writer, None
        if writer is None:
            return
        try:
            self._line.close()
        except BaseException:
            writer.abort()
            raise
        if self._next is None:
            writer.abort()
        else:
            writer.close()

    def _record(self, beat: Beat) -> None:
        assert self._last is not None
        first = beat.index if self._next is None else self._next
        for index in range(first, beat.index):
            self._put(AVFrame(index, self._last, self._silence(index)))
        frame = beat.frame(self._last)
        self._put(frame)
        self._last, self._next = frame.image, beat.index + 1

    def _put(self, frame: AVFrame) -> None:
        if self._writer is not None and self._left > 0:
            self._writer.write(frame)
            self._left -= 1

    def _silence(self, index: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        assert self._info is not None
        fps, rate = self._info.fps, self._info.rate
        return np.zeros(sample_at(index + 1, fps, rate) - sample_at(index, fps, rate), np.float32)


__all__ = ["Recording"]
