"""In which order the plates of an avatar show. Pure: a walk goes in, the next one comes out.

Within a clip every picture is followed by one of its two neighbours, so nothing jumps: a clip is played there and back
again, and what plays next depends on nothing but the walk itself, so it goes on through speeches and pauses. Who does
not speak walks into the nearest stretch with a closed mouth and stays there. Between two clips the walk crosses only
at a bridge, a pair of plates found to look alike when the avatar was made.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

SPEAKING = "speaking"
"""Name of the clip that is walked while speaking; every other name but the first clip's is a gesture's."""
ONE = Fraction(1)


@dataclass(frozen=True, slots=True)
class PlaybackCursor:
    """Where the order of plates stands."""

    source_frame: int  # of the avatar, counted through all its clips
    forward: bool = True
    clip: int = 0  # the clip that the plate belongs to
    owed: Fraction = Fraction()  # 0..1 of a plate, where a film has another rate than the plates


@dataclass(frozen=True, slots=True)
class Clip:
    """One uninterrupted film among an avatar's plates. Ranges are half-open and counted as the plates are."""

    name: str
    start: int
    stop: int
    cuts: tuple[int, ...] = ()  # plates with which a scene begins, but the first; ascending
    idle: tuple[tuple[int, int], ...] = ()  # plates with closed mouths; none holds a cut inside

    def scene(self, source_frame: int) -> tuple[int, int]:
        """The scene around a plate of this clip."""
        place = bisect_right(self.cuts, source_frame)
        start = self.cuts[place - 1] if place else self.start
        return start, self.cuts[place] if place < len(self.cuts) else self.stop


@dataclass(frozen=True, slots=True)
class Transition:
    """Two plates of different clips that look alike: the second may follow the first."""

    leave: int
    enter: int


class PlaybackOrder:
    """The order of an avatar's plates.

    Args:
        clips: end to end, the first begins with plate 0. It is walked unless something else is wished, and while
            speaking only if none is called ``SPEAKING``.
        bridges: at least one from every clip to every other.
        doubled: show the plates at both ends of a clip twice when turning, as MuseTalk does.
        pace: plates per frame of the film: less than 1 repeats plates, more leaves some out.

    Raises:
        ValueError: clips with a hole between them, two clips without a bridge, or a bridge to nowhere.
    """

    def __init__(
        self, clips: Sequence[Clip], bridges: Sequence[Transition] = (), *, doubled: bool = False, pace: Fraction = ONE
    ) -> None:
        self.clips, self.bridges, self.doubled, self.pace = tuple(clips), tuple(bridges), doubled, pace
        begins = [clip.start for clip in self.clips]
        if (
            not begins
            or begins != [0, *(clip.stop for clip in self.clips)][:-1]
            or not all(c.start < c.stop for c in self.clips)
        ):
            raise ValueError(f"clips must follow each other and hold plates; they are {self.clips}")
        if not all(
            0 <= source_frame < self.source_frames for one in self.bridges for source_frame in (one.leave, one.enter)
        ):
            raise ValueError("a bridge leads to a plate that is not there")
        self._ways: dict[tuple[int, int], list[Transition]] = {}  # number of a clip and of another -> between them
        for bridge in self.bridges:
            way = bisect_right(begins, bridge.leave) - 1, bisect_right(begins, bridge.enter) - 1
            self._ways.setdefault(way, []).append(bridge)
        if sum(a != b for a, b in self._ways) < len(begins) * (len(begins) - 1):
            raise ValueError("every clip needs a bridge to every other")
        names = [clip.name for clip in self.clips]
        self._speaking = names.index(SPEAKING) if SPEAKING in names else 0

    @property
    def source_frames(self) -> int:
        """How many there are, in all clips."""
        return self.clips[-1].stop

    def start(self, speaking: bool = False) -> PlaybackCursor:
        """The first plate of the clip that is walked then."""
        clip = self._speaking if speaking else 0
        return PlaybackCursor(self.clips[clip].start, clip=clip)

    def after(self, walk: PlaybackCursor, speaking: bool, wish: int | None = None) -> PlaybackCursor:
        """One frame on: one step, or as many as the pace makes due.

        Args:
            walk: where it stands.
            speaking: whether the mouth is driven; if not, the walk seeks closed mouths.
            wish: number of a clip, say of a gesture, to be in instead of the one that ``speaking`` asks for.
        """
        due = walk.owed + self.pace
        for _ in range(int(due)):
            walk = self._next(walk, speaking, wish)
        return walk if walk.owed == due % 1 else replace(walk, owed=due % 1)

    def _next(self, walk: PlaybackCursor, speaking: bool, wish: int | None) -> PlaybackCursor:
        """One step on."""
        wanted = wish if wish is not None else self._speaking if speaking else 0
        if walk.clip != wanted:
            return self._cross(walk, wanted)
        clip = self.clips[wanted]
        if speaking or wish is not None:
            return self._swing(walk, (clip.start, clip.stop))
        return self._rest(walk, clip)

    def _cross(self, walk: PlaybackCursor, wanted: int) -> PlaybackCursor:
        """Over the nearest bridge, or a step towards it."""
        bridge = min(self._ways[walk.clip, wanted], key=lambda one: abs(one.leave - walk.source_frame))
        if walk.source_frame == bridge.leave:
            return PlaybackCursor(bridge.enter, True, wanted)
        return _towards(walk, bridge.leave)

    def _rest(self, walk: PlaybackCursor, clip: Clip) -> PlaybackCursor:
        """In the nearest idle range, of this scene if it has one; without any, to and fro in the scene."""
        start, stop = clip.scene(walk.source_frame)
        ranges = [one for one in clip.idle if start <= one[0] < stop] or clip.idle
        if not ranges:
            return self._swing(walk, (start, stop))
        first, end = min(ranges, key=lambda one: max(one[0] - walk.source_frame, walk.source_frame - one[1] + 1, 0))
        if first <= walk.source_frame < end:
            return self._swing(walk, (first, end))
        return _towards(walk, first if walk.source_frame < first else end - 1)

    def _swing(self, walk: PlaybackCursor, source_frames: tuple[int, int]) -> PlaybackCursor:
        """There and back again inside a range that holds the walk."""
        first, last = source_frames[0], source_frames[1] - 1
        if first == last:
            return walk
        if walk.source_frame != (last if walk.forward else first):
            return _step(walk, walk.forward)
        return replace(walk, forward=not walk.forward) if self.doubled else _step(walk, not walk.forward)


def _step(walk: PlaybackCursor, forward: bool) -> PlaybackCursor:
    return replace(walk, source_frame=walk.source_frame + (1 if forward else -1), forward=forward)


def _towards(walk: PlaybackCursor, source_frame: int) -> PlaybackCursor:
    return _step(walk, source_frame > walk.source_frame)
