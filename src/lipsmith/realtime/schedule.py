"""The pictures that a session shows next. They are scheduled before they are drawn, so that none of them jumps."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

from ..avatars.playback import PlaybackCursor, PlaybackOrder
from ..types import Array, Image, SourceFrame
from .utterance import Utterance


@dataclass(frozen=True, slots=True)
class Gesture:
    """A clip that is shown once."""

    clip: int
    remaining: int  # pictures of it that are still to come

    def after(self, cursor: PlaybackCursor) -> Gesture | None:
        """What remains after the picture at ``cursor``; None: nothing."""
        remaining = self.remaining - (cursor.clip == self.clip)
        return replace(self, remaining=remaining) if remaining else None


@dataclass(slots=True, eq=False)
class ScheduledFrame:
    """One picture that will be shown."""

    number: int  # counts the session's pictures without repeats
    cursor: PlaybackCursor  # says which source frame it is
    utterance: Utterance | None = None  # None: nobody speaks
    index: int = 0  # of the frame in its utterance
    source_frame: SourceFrame | None = None  # kept only where the mouth fades in or out
    drive: Array | None = None  # in the engine's own shape
    image: Image | None = None  # None: not drawn yet
    gesture: Gesture | None = None  # what remains of a gesture after this picture


class Schedule:
    """The queue of scheduled frames.

    Every source frame is one step of the playback order from the one before, whatever is scheduled or discarded.
    """

    def __init__(self, playback: PlaybackOrder) -> None:
        self._playback = playback
        self.shown: ScheduledFrame | None = None  # the last one that was shown
        self.frames: deque[ScheduledFrame] = deque()
        self._requested: Gesture | None = None

    @property
    def next_number(self) -> int:
        """The number of the frame that ``add`` would add."""
        last = self.frames[-1] if self.frames else self.shown
        return 0 if last is None else last.number + 1

    def add(self, utterance: Utterance | None = None, index: int = 0) -> ScheduledFrame:
        """Schedule one more frame after all others."""
        last = self.frames[-1] if self.frames else self.shown
        gesture, self._requested = self._requested or (last.gesture if last else None), None
        clip = gesture.clip if gesture else None
        cursor = self._playback.after(last.cursor, utterance is not None, clip) if last else self._playback.start()
        rest = gesture.after(cursor) if gesture else None
        self.frames.append(ScheduledFrame(self.next_number, cursor, utterance, index, gesture=rest))
        return self.frames[-1]

    def request_gesture(self, clip: int) -> None:
        """Show a clip once, then go back. The frames that are added next go to the clip by the nearest transition.

        The request is forgotten if these frames are discarded.
        """
        self._requested = Gesture(clip, self._playback.clips[clip].stop - self._playback.clips[clip].start)

    def find(self, number: int) -> ScheduledFrame | None:
        """The frame of that number; None if it was shown or discarded."""
        index = number - self.frames[0].number if self.frames else -1
        return self.frames[index] if 0 <= index < len(self.frames) else None

    def show(self) -> ScheduledFrame:
        """Take the first frame out of the queue: it is shown now."""
        self.shown = self.frames.popleft()
        return self.shown

    def discard(self) -> None:
        """Discard all frames that were not shown. The next one follows the frame that was shown last."""
        self.frames.clear()
