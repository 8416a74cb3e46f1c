"""The pictures that come next in a session, in order: planned before they are drawn, so that none jumps."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

from ..avatars.playback import PlaybackCursor, PlaybackOrder
from ..types import Array, Image, SourceFrame
from .utterance import Utterance


@dataclass(frozen=True, slots=True)
class Gesture:
    """A clip that somebody wished to see."""

    clip: int
    left: int  # pictures of it that are still to come

    def after(self, walk: PlaybackCursor) -> Gesture | None:
        """What is left of it behind a picture; None: nothing."""
        left = self.left - (walk.clip == self.clip)
        return replace(self, left=left) if left else None


@dataclass(slots=True, eq=False)
class ScheduledFrame:
    """One picture to come."""

    number: int  # of the session's pictures; repeats are not counted
    walk: PlaybackCursor
    utterance: Utterance | None = None  # None: nobody speaks
    place: int = 0  # frame of the utterance
    source_frame: SourceFrame | None = None  # kept only where the mouth is faded
    drive: Array | None = None  # of the engine's own fixed shape
    picture: Image | None = None  # None: not drawn yet
    gesture: Gesture | None = None  # what of one is to come behind this picture


class Schedule:
    """Every slot's plate is one step of the loop from that of the slot before, whatever is planned or thrown away."""

    def __init__(self, loop: PlaybackOrder) -> None:
        self._loop = loop
        self.shown: ScheduledFrame | None = None
        self.slots: deque[ScheduledFrame] = deque()
        self._wished: Gesture | None = None

    @property
    def next_number(self) -> int:
        """Of the slot that ``add`` would make."""
        last = self.slots[-1] if self.slots else self.shown
        return 0 if last is None else last.number + 1

    def add(self, utterance: Utterance | None = None, place: int = 0) -> ScheduledFrame:
        """Plan one more picture, after all others."""
        last = self.slots[-1] if self.slots else self.shown
        gesture, self._wished = self._wished or (last.gesture if last else None), None
        wish = gesture.clip if gesture else None
        walk = self._loop.start() if last is None else self._loop.after(last.walk, utterance is not None, wish)
        slot = ScheduledFrame(
            self.next_number, walk, utterance, place, gesture=gesture.after(walk) if gesture else None
        )
        self.slots.append(slot)
        return slot

    def wish(self, clip: int) -> None:
        """Go over to a clip at the nearest bridge, for as many pictures as it has plates, then back: from the next
        picture on that is planned. Forgotten if that is thrown away.
        """
        self._wished = Gesture(clip, self._loop.clips[clip].stop - self._loop.clips[clip].start)

    def find(self, number: int) -> ScheduledFrame | None:
        """The slot of that number, unless it is shown or thrown away."""
        place = number - self.slots[0].number if self.slots else -1
        return self.slots[place] if 0 <= place < len(self.slots) else None

    def show(self) -> ScheduledFrame:
        """The first slot's moment has come."""
        self.shown = self.slots.popleft()
        return self.shown

    def rewind(self) -> None:
        """Throw away what is not shown; the next one follows what is."""
        self.slots.clear()
