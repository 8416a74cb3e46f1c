"""A short queue between a session's clock and what encodes or sends its frames, and the thread that empties it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..types import AVFrame, Image, Samples

if TYPE_CHECKING:
    from ..types import FilmInfo

PICTURES = 3
"""Pictures that wait: more would only add delay."""
TICKS = 6
"""Frames whose sound waits, at 25 fps twelve packets of 20 ms: more would be a delay that stays."""
PATIENCE = 5.0
"""Seconds that closing waits for the thread."""


@dataclass(frozen=True, slots=True, eq=False)
class QueuedFrame:
    """One frame on its way out. Its picture may have been dropped, its sound never is."""

    index: int  # of the frame
    image: Image | None
    samples: Samples  # (n,)

    def with_image(self, last: Image) -> AVFrame:
        """The frame for a film; ``last`` replaces a dropped picture."""
        return AVFrame(self.index, last if self.image is None else self.image, self.samples)


class FrameQueue:
    """A bounded queue. When it is full of pictures it drops the oldest ones. When it is full of frames it is emptied,
    so picture and sound both go on from now.

    It has no lock: ``FrameThread`` guards it. ``realtime.listener_queue.ListenerQueue`` differs: it carries events,
    which may not be lost, so it disconnects a slow listener instead.

    Args:
        pictures: most waiting frames that keep their picture.
        ticks: most waiting frames.
    """

    def __init__(self, pictures: int = PICTURES, ticks: int = TICKS) -> None:
        self._pictures, self._ticks = pictures, ticks
        self._frames: deque[QueuedFrame] = deque()
        self.dropped = 0  # pictures
        self.rebased = 0  # times that it was emptied because it was full

    def __len__(self) -> int:
        return len(self._frames)

    def put(self, frame: QueuedFrame) -> None:
        """Append the newest."""
        if len(self._frames) >= self._ticks:
            self.dropped += sum(one.image is not None for one in self._frames)
            self.rebased += 1
            self._frames.clear()
        self._frames.append(frame)
        with_picture = [place for place, one in enumerate(self._frames) if one.image is not None]
        for place in with_picture[: max(0, len(with_picture) - self._pictures)]:
            self._frames[place] = replace(self._frames[place], image=None)
            self.dropped += 1

    def take(self) -> QueuedFrame | None:
        """The oldest frame; None if none waits."""
        return self._frames.popleft() if self._frames else None


class FrameThread:
    """Calls ``work`` with every frame, one by one, in a thread of its own; ``write`` never waits.

    An exception of ``work`` ends the thread and is raised by ``close``; later frames are dropped.
    """

    def __init__(self, name: str, work: Callable[[QueuedFrame], None], queue: FrameQueue | None = None) -> None:
        self.queue = FrameQueue() if queue is None else queue  # an empty queue is falsy
        self._work = work
        self._ready = threading.Condition()
        self._closing = False
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def closing(self) -> bool:
        """Whether ``close`` was called."""
        return self._closing

    @property
    def failed(self) -> bool:
        """Whether ``work`` raised."""
        return self._failure is not None

    @property
    def working(self) -> bool:
        """Whether the thread runs. After ``close`` it means that ``work`` did not end in time."""
        return self._thread.is_alive()

    def open(self, info: FilmInfo) -> None:
        """Start the thread."""
        self._thread.start()

    def write(self, frame: AVFrame) -> None:
        """Queue a frame, whose image must not be changed afterwards."""
        with self._ready:
            if not self._closing and self._failure is None:
                self.queue.put(QueuedFrame(frame.index, frame.image, frame.samples))
                self._ready.notify()

    def close(self, patience: float = PATIENCE) -> None:
        """Handle the frames that wait, for ``patience`` seconds at most, and stop. Raises what ``work`` raised."""
        with self._ready:
            self._closing = True
            self._ready.notify_all()
        if self._thread.is_alive():
            self._thread.join(patience)
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _run(self) -> None:
        while (frame := self._next()) is not None:
            try:
                self._work(frame)
            except Exception as failure:  # ``close`` raises it
                self._failure = failure
                return

    def _next(self) -> QueuedFrame | None:
        with self._ready:
            self._ready.wait_for(lambda: self._closing or len(self.queue))
            return self.queue.take()


__all__ = ["FrameQueue", "FrameThread", "QueuedFrame"]
