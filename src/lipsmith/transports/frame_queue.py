"""Between the pacer and whatever encodes or sends: a short queue of frames, and a thread that works it off."""

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
"""Pictures that wait: more would only show the past."""
TICKS = 6
"""Frames whose sound waits, at 25 fps twelve packets of 20 ms: more would be heard as delay for ever."""
PATIENCE = 5.0
"""Seconds that closing waits for the thread."""


@dataclass(frozen=True, slots=True, eq=False)
class QueuedFrame:
    """One frame on its way out; its picture may have been dropped, its sound never."""

    index: int  # of the frame
    image: Image | None
    samples: Samples

    def frame(self, last: Image) -> AVFrame:
        """For a sink of films; ``last`` stands in for a dropped picture."""
        return AVFrame(self.index, last if self.image is None else self.image, self.samples)


class FrameQueue:
    """Bounded. What is full drops its oldest pictures; what then overflows is emptied, so both media go on from now.

    Pure; whoever moves it between threads guards it. ``realtime.listener_queue.ListenerQueue`` is another thing: it
    carries events, which may not be lost, and so gives its listener up where this one jumps to now.

    Args:
        pictures: most waiting frames that keep their picture.
        ticks: most waiting frames.
    """

    def __init__(self, pictures: int = PICTURES, ticks: int = TICKS) -> None:
        self._pictures, self._most = pictures, ticks
        self._beats: deque[QueuedFrame] = deque()
        self.dropped = 0  # pictures
        self.rebased = 0  # times that all was emptied

    def __len__(self) -> int:
        return len(self._beats)

    def put(self, beat: QueuedFrame) -> None:
        """Append the newest."""
        if len(self._beats) >= self._most:
            self.dropped += sum(one.image is not None for one in self._beats)
            self.rebased += 1
            self._beats.clear()
        self._beats.append(beat)
        seen = [place for place, one in enumerate(self._beats) if one.image is not None]
        for place in seen[: max(0, len(seen) - self._pictures)]:
            self._beats[place] = replace(self._beats[place], image=None)
            self.dropped += 1

    def take(self) -> QueuedFrame | None:
        """The oldest; None if none waits."""
        return self._beats.popleft() if self._beats else None


class FrameThread:
    """A sink whose frames ``work`` gets one by one in a thread of its own; ``write`` never waits.

    An exception of ``work`` ends the thread and is raised by ``close``; frames that come after it are dropped.
    """

    def __init__(self, name: str, work: Callable[[QueuedFrame], None], queue: FrameQueue | None = None) -> None:
        self.queue = FrameQueue() if queue is None else queue  # an empty one is false
        self._work = work
        self._ready = threading.Condition()
        self._closing = False
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def closing(self) -> bool:
        return self._closing

    @property
    def failed(self) -> bool:
        """Whether ``work`` gave up."""
        return self._failure is not None

    @property
    def working(self) -> bool:
        """Whether the thread is at work: after ``close``, that it did not end in time."""
        return self._thread.is_alive()

    def open(self, info: FilmInfo) -> None:
        """Begin to work."""
        self._thread.start()

    def write(self, frame: AVFrame) -> None:
        """Queue a frame; its image must not be changed afterwards."""
        with self._ready:
            if not self._closing and self._failure is None:
                self.queue.put(QueuedFrame(frame.index, frame.image, frame.samples))
                self._ready.notify()

    def close(self, patience: float = PATIENCE) -> None:
        """Work off what waits, for ``patience`` seconds at most, and stop; raises what ``work`` raised."""
        with self._ready:
            self._closing = True
            self._ready.notify_all()
        if self._thread.is_alive():
            self._thread.join(patience)
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def pause(self, seconds: float) -> None:
        """Called by ``work``: wait, less where the sink is closed meanwhile."""
        with self._ready:
            self._ready.wait_for(lambda: self._closing, seconds)

    def _run(self) -> None:
        while (beat := self._next()) is not None:
            try:
                self._work(beat)
            except Exception as failure:  # handed over to whoever closes: a thread has nobody above it
                self._failure = failure
                return

    def _next(self) -> QueuedFrame | None:
        with self._ready:
            self._ready.wait_for(lambda: self._closing or len(self.queue))
            return self.queue.take()


__all__ = ["FrameQueue", "FrameThread", "QueuedFrame"]
