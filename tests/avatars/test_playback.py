"""The order of plates: one step at a time, idle with a closed mouth, across clips only where they look alike."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipsmith.avatars.playback import SPEAKING, Clip, PlaybackCursor, PlaybackOrder, Transition


@st.composite
def clips(draw: st.DrawFn, name: str = "idle", start: int = 0) -> Clip:
    """A clip with cuts and idle ranges that hold none."""
    stop = start + draw(st.integers(1, 40))
    cuts = sorted(draw(st.sets(st.integers(start + 1, max(start + 1, stop - 1)), max_size=4)) - {stop})
    idle = []
    for first, end in pairwise([start, *cuts, stop]):
        if draw(st.booleans()):
            begin = draw(st.integers(first, end - 1))
            idle.append((begin, draw(st.integers(begin + 1, end))))
    return Clip(name, start, stop, tuple(cuts), tuple(idle))


@st.composite
def loops(draw: st.DrawFn) -> PlaybackOrder:
    """One to three clips with bridges between them all."""
    made: list[Clip] = []
    for name in ["idle", SPEAKING, "wave"][: draw(st.integers(1, 3))]:
        made.append(draw(clips(name, made[-1].stop if made else 0)))
    bridges = [
        Transition(draw(st.integers(a.start, a.stop - 1)), draw(st.integers(b.start, b.stop - 1)))
        for a in made
        for b in made
        if a is not b
        for _ in range(draw(st.integers(1, 3)))
    ]
    return PlaybackOrder(made, bridges)


def walked(loop: PlaybackOrder, speaking: list[bool]) -> list[PlaybackCursor]:
    walks = [loop.start()]
    for now in speaking:
        walks.append(loop.after(walks[-1], now))
    return walks


@given(loops(), st.lists(st.booleans(), max_size=200))
def test_no_step_jumps_but_over_a_bridge(loop: PlaybackOrder, speaking: list[bool]) -> None:
    for before, now in pairwise(walked(loop, speaking)):
        clip = loop.clips[now.clip]
        assert clip.start <= now.source_frame < clip.stop
        if before.clip == now.clip:
            assert abs(before.source_frame - now.source_frame) <= 1
        else:
            assert Transition(before.source_frame, now.source_frame) in loop.bridges


@given(clips())
def test_speaking_shows_every_plate_there_and_back_without_doubling_the_turn(clip: Clip) -> None:
    shown = [walk.source_frame for walk in walked(PlaybackOrder([clip]), [True] * (4 * clip.stop))]
    there = list(range(clip.stop))
    period = there + there[-2:0:-1]
    assert shown == [period[k % len(period)] for k in range(len(shown))]


def test_the_doubled_turn_of_musetalk() -> None:
    loop = PlaybackOrder([Clip("idle", 0, 3)], doubled=True)
    assert [walk.source_frame for walk in walked(loop, [True] * 12)] == [0, 1, 2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0]


@given(loops(), st.lists(st.booleans(), max_size=60), st.fractions(Fraction(1, 5), 5, max_denominator=1001))
def test_another_rate_shows_at_every_moment_the_plate_that_its_own_rate_shows(
    loop: PlaybackOrder, speaking: list[bool], pace: Fraction
) -> None:
    """While nothing changes, frame k shows what the plates' own rate shows floor(k * pace) steps from the start."""
    paced = PlaybackOrder(loop.clips, loop.bridges, pace=pace)
    for now in (True, False):
        frames, steps = walked(paced, [now] * len(speaking)), walked(loop, [now] * (5 * len(speaking)))
        shown = [steps[int(k * pace)] for k in range(len(frames))]
        assert [(one.source_frame, one.clip) for one in frames] == [(one.source_frame, one.clip) for one in shown]
    assert all(0 <= walk.owed < 1 for walk in walked(paced, speaking))


@given(loops(), st.lists(st.booleans(), max_size=60))
def test_pauses_end_in_a_closed_mouth_of_the_first_clip_and_stay(loop: PlaybackOrder, before: list[bool]) -> None:
    settling = 2 * loop.source_frames
    rest = walked(loop, before + [False] * (settling + 100))[-100:]
    first = loop.clips[0]
    assert {walk.clip for walk in rest} == {0}
    allowed = first.idle or (first.scene(rest[0].source_frame),)
    homes = [one for one in allowed if one[0] <= rest[0].source_frame < one[1]]
    assert len(homes) == 1
    seen = {walk.source_frame for walk in rest}
    assert seen == set(range(*homes[0])) if len(range(*homes[0])) < 50 else seen


@given(clips(), st.data())
def test_idle_never_crosses_a_cut_when_its_scene_has_a_closed_mouth(clip: Clip, data: st.DataObject) -> None:
    source_frame = data.draw(st.integers(0, clip.stop - 1))
    start, stop = clip.scene(source_frame)
    walk, loop = PlaybackCursor(source_frame, data.draw(st.booleans())), PlaybackOrder([clip])
    here = any(start <= first < stop for first, _ in clip.idle)
    for _ in range(100):
        walk = loop.after(walk, speaking=False)
        assert start <= walk.source_frame < stop or (clip.idle and not here)


@given(loops(), st.data())
def test_a_gesture_is_reached_and_kept(loop: PlaybackOrder, data: st.DataObject) -> None:
    wish = data.draw(st.integers(0, len(loop.clips) - 1))
    walk = loop.start(speaking=True)
    for _ in range(loop.source_frames + 1):
        walk = loop.after(walk, speaking=True, wish=wish)
    assert walk.clip == wish


def test_who_speaks_goes_on_in_the_direction_the_pause_left() -> None:
    loop = PlaybackOrder([Clip("idle", 0, 10, idle=((4, 6),))])
    walk = PlaybackCursor(5, forward=True)
    assert loop.after(walk, speaking=False) == PlaybackCursor(4, forward=False)
    assert loop.after(PlaybackCursor(4, forward=False), speaking=True) == PlaybackCursor(3, forward=False)


def test_still_pictures_stand_still() -> None:
    loop = PlaybackOrder([Clip("idle", 0, 1, idle=((0, 1),))])
    assert set(walked(loop, [True, False] * 5)) == {PlaybackCursor(0)}


@pytest.mark.parametrize("bridge", [Transition(0, 9), Transition(9, 0), Transition(-1, 5)])
def test_bridges_to_nowhere_are_refused(bridge: Transition) -> None:
    with pytest.raises(ValueError, match="not there"):
        PlaybackOrder([Clip("idle", 0, 4), Clip("wave", 4, 9)], [Transition(0, 5), Transition(5, 0), bridge])


def test_a_loop_of_many_cuts_clips_and_bridges_is_made_and_walked_at_once() -> None:
    """What a hostile manifest may say: nothing takes the square of it."""
    many = 40_000
    clip = Clip("idle", 0, 2 * many, tuple(range(2, 2 * many, 2)))
    assert all(
        clip.scene(source_frame) == (source_frame & ~1, (source_frame & ~1) + 2)
        for source_frame in range(0, 2 * many, 3)
    )
    with pytest.raises(ValueError, match="every clip needs"):
        PlaybackOrder([Clip(str(k), k, k + 1) for k in range(many)], [Transition(k, 0) for k in range(many)])


@pytest.mark.parametrize(
    "clips",
    [
        [Clip("idle", 1, 4)],
        [Clip("idle", 0, 0)],
        [Clip("idle", 0, 4), Clip("wave", 5, 9)],
        [Clip("idle", 0, 4), Clip("wave", 4, 9)],
        [],
    ],
)
def test_loops_that_cannot_be_walked_are_refused(clips: list[Clip]) -> None:
    with pytest.raises(ValueError, match=r"clip|bridge"):
        PlaybackOrder(clips)
