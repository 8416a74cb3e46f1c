"""The order in which an avatar's stored frames are shown. Pure: a cursor goes in, the next cursor comes out.

Within a clip every frame is followed by one of its two neighbours, so nothing jumps: the clip plays forward, then
backward, and so on. The next frame depends on the cursor alone, so playback continues through speeches and pauses.
While nobody speaks, playback moves to the nearest range of frames with a closed mouth and stays there. It passes from
one clip to another only at a transition: two frames that were found to look alike when the avatar was made.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

SPEAKING = "speaking"
"""Name of the clip to play while speaking. The first clip plays otherwise; every other clip is a gesture."""
ONE = Fraction(1)


@dataclass(frozen=True, slots=True)
class PlaybackCursor:
    """The position in the playback of an avatar."""

    index: int  # of the stored frame, counted through all clips
    forward: bool = True
    clip: int = 0  # number of the clip that holds the frame
    carry: Fraction = Fraction()  # 0..1 of a stored frame, left over from the last step; see PlaybackOrder.pace


@dataclass(frozen=True, slots=True)
class Clip:
    """One uninterrupted film among an avatar's stored frames. Ranges are half-open, in indices of stored frames."""

    name: str
    start: int
    stop: int
    cuts: tuple[int, ...] = ()  # first frame of each scene except the first scene; ascending
    idle: tuple[tuple[int, int], ...] = ()  # ranges with a closed mouth; each within one scene

    def scene(self, index: int) -> tuple[int, int]:
        """The range of the scene that holds frame ``index`` of this clip."""
        number = bisect_right(self.cuts, index)
        start = self.cuts[number - 1] if number else self.start
        return start, self.cuts[number] if number < len(self.cuts) else self.stop


@dataclass(frozen=True, slots=True)
class Transition:
    """Two frames of different clips that look alike: ``enter`` may follow ``leave``."""

    leave: int
    enter: int


class PlaybackOrder:
    """The rules for which stored frame is shown next.

    Args:
        clips: one after the other; the first begins with frame 0. The first clip plays by default, and while speaking
            too if no clip is called ``SPEAKING``.
        transitions: at least one from every clip to every other.
        repeat_ends: show the frame at either end of a clip twice when the direction turns, as MuseTalk does.
        pace: stored frames per frame of the film. Less than 1 repeats frames, more than 1 leaves some out.

    Raises:
        ValueError: the clips leave a gap, two clips have no transition, or a transition names a frame that does not
            exist.
    """

    def __init__(
        self,
        clips: Sequence[Clip],
        transitions: Sequence[Transition] = (),
        *,
        repeat_ends: bool = False,
        pace: Fraction = ONE,
    ) -> None:
        self.clips, self.transitions = tuple(clips), tuple(transitions)
        self.repeat_ends, self.pace = repeat_ends, pace
        starts = [clip.start for clip in self.clips]
        if (
            not starts
            or starts != [0, *(clip.stop for clip in self.clips)][:-1]
            or not all(clip.start < clip.stop for clip in self.clips)
        ):
            raise ValueError(f"clips must follow each other and hold frames; they are {self.clips}")
        if not all(0 <= index < self.frames for one in self.transitions for index in (one.leave, one.enter)):
            raise ValueError("a transition leads to a frame that is not there")
        self._routes: dict[tuple[int, int], list[Transition]] = {}  # (clip left, clip entered) -> transitions
        for one in self.transitions:
            route = bisect_right(starts, one.leave) - 1, bisect_right(starts, one.enter) - 1
            self._routes.setdefault(route, []).append(one)
        if sum(a != b for a, b in self._routes) < len(starts) * (len(starts) - 1):
            raise ValueError("every clip needs a transition to every other")
        names = [clip.name for clip in self.clips]
        self._speaking = names.index(SPEAKING) if SPEAKING in names else 0

    @property
    def frames(self) -> int:
        """Number of stored frames in all clips."""
        return self.clips[-1].stop

    def start(self, speaking: bool = False) -> PlaybackCursor:
        """The first frame of the clip that plays while ``speaking``, or while not."""
        clip = self._speaking if speaking else 0
        return PlaybackCursor(self.clips[clip].start, clip=clip)

    def after(self, cursor: PlaybackCursor, speaking: bool, requested: int | None = None) -> PlaybackCursor:
        """The cursor of the film's next frame: ``pace`` steps on, with the fraction carried over.

        Args:
            cursor: of the film's current frame.
            speaking: whether the mouth is driven; if not, playback seeks frames with a closed mouth.
            requested: number of a clip, for example a gesture, to play in place of the one that ``speaking`` selects.
        """
        due = cursor.carry + self.pace
        for _ in range(int(due)):
            cursor = self._next(cursor, speaking, requested)
        return cursor if cursor.carry == due % 1 else replace(cursor, carry=due % 1)

    def _next(self, cursor: PlaybackCursor, speaking: bool, requested: int | None) -> PlaybackCursor:
        """One step on."""
        number = requested if requested is not None else self._speaking if speaking else 0
        if cursor.clip != number:
            return self._change_clip(cursor, number)
        clip = self.clips[number]
        if speaking or requested is not None:
            return self._swing(cursor, (clip.start, clip.stop))
        return self._idle(cursor, clip)

    def _change_clip(self, cursor: PlaybackCursor, number: int) -> PlaybackCursor:
        """Through the nearest transition to clip ``number``, or one step towards it."""
        nearest = min(self._routes[cursor.clip, number], key=lambda one: abs(one.leave - cursor.index))
        if cursor.index == nearest.leave:
            return PlaybackCursor(nearest.enter, True, number)
        return _towards(cursor, nearest.leave)

    def _idle(self, cursor: PlaybackCursor, clip: Clip) -> PlaybackCursor:
        """Towards or within the nearest idle range, of this scene if it has one; else back and forth in the scene."""
        start, stop = clip.scene(cursor.index)
        ranges = [one for one in clip.idle if start <= one[0] < stop] or clip.idle
        if not ranges:
            return self._swing(cursor, (start, stop))
        first, end = min(ranges, key=lambda one: max(one[0] - cursor.index, cursor.index - one[1] + 1, 0))
        if first <= cursor.index < end:
            return self._swing(cursor, (first, end))
        return _towards(cursor, first if cursor.index < first else end - 1)

    def _swing(self, cursor: PlaybackCursor, frames: tuple[int, int]) -> PlaybackCursor:
        """One step back and forth within the range ``frames``, which holds the cursor."""
        first, last = frames[0], frames[1] - 1
        if first == last:
            return cursor
        if cursor.index != (last if cursor.forward else first):
            return _step(cursor, cursor.forward)
        return replace(cursor, forward=not cursor.forward) if self.repeat_ends else _step(cursor, not cursor.forward)


def _step(cursor: PlaybackCursor, forward: bool) -> PlaybackCursor:
    return replace(cursor, index=cursor.index + (1 if forward else -1), forward=forward)


def _towards(cursor: PlaybackCursor, index: int) -> PlaybackCursor:
    return _step(cursor, index > cursor.index)
