"""The pictures that come next in a session, in order: planned before they are drawn, so that none jumps."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from ..avatars.loop import Loop, Walk
from ..types import Array, Image, Plate
from .utterance import Utterance


@dataclass(slots=True, eq=False)
class Slot:
    """One picture to come."""

    number: int  # of the session's pictures; repeats are not counted
    walk: Walk
    utterance: Utterance | None = None  # None: nobody speaks
    place: int = 0  # frame of the utterance
    plate: Plate | None = None  # kept only where the mouth is faded
    drive: Array | None = None  # (d,)
    picture: Image | None = None  # None: not drawn yet


class Plan:
    """Every slot's plate is one step of the loop from that of the slot before, whatever is planned or thrown away."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self.shown: Slot | None = None
        self.slots: deque[Slot] = deque()

    @property
    def next_number(self) -> int:
        """Of the slot that ``add`` would make."""
        last = self.slots[-1] if self.slots else self.shown
        return 0 if last is None else last.number + 1

    def add(self, utterance: Utterance | None = None, place: int = 0) -> Slot:
        """Plan one more picture, after all others."""
        last = self.slots[-1] if self.slots else self.shown
        walk = self._loop.start() if last is None else self._loop.after(last.walk, utterance is not None)
        slot = Slot(self.next_number, walk, utterance, place)
        self.slots.append(slot)
        return slot

    def find(self, number: int) -> Slot | None:
        """The slot of that number, unless it is shown or thrown away."""
        place = number - self.slots[0].number if self.slots else -1
        return self.slots[place] if 0 <= place < len(self.slots) else None

    def show(self) -> Slot:
        """The first slot's moment has come."""
        self.shown = self.slots.popleft()
        return self.shown

    def rewind(self) -> None:
        """Throw away what is not shown; the next one follows what is."""
        self.slots.clear()
