"""The playback order: one step at a time, idle with a closed mouth, clips change only where they look alike."""

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
def orders(draw: st.DrawFn) -> PlaybackOrder:
    """One to three clips with transitions between them all."""
    made: list[Clip] = []
    for name in ["idle", SPEAKING, "wave"][: draw(st.integers(1, 3))]:
        made.append(draw(clips(name, made[-1].stop if made else 0)))
    transitions = [
        Transition(draw(st.integers(a.start, a.stop - 1)), draw(st.integers(b.start, b.stop - 1)))
        for a in made
        for b in made
        if a is not b
        for _ in range(draw(st.integers(1, 3)))
    ]
    return PlaybackOrder(made, transitions)


def played(order: PlaybackOrder, speaking: list[bool]) -> list[PlaybackCursor]:
    cursors = [order.start()]
    for now in speaking:
        cursors.append(order.after(cursors[-1], now))
    return cursors


@given(orders(), st.lists(st.booleans(), max_size=200))
def test_no_step_jumps_but_in_a_transition(order: PlaybackOrder, speaking: list[bool]) -> None:
    for before, now in pairwise(played(order, speaking)):
        clip = order.clips[now.clip]
        assert clip.start <= now.index < clip.stop
        if before.clip == now.clip:
            assert abs(before.index - now.index) <= 1
        else:
            assert Transition(before.index, now.index) in order.transitions


@given(clips())
def test_speaking_shows_every_frame_forward_and_backward_without_repeating_the_ends(clip: Clip) -> None:
    shown = [cursor.index for cursor in played(PlaybackOrder([clip]), [True] * (4 * clip.stop))]
    there = list(range(clip.stop))
    period = there + there[-2:0:-1]
    assert shown == [period[k % len(period)] for k in range(len(shown))]


def test_the_repeated_ends_of_musetalk() -> None:
    order = PlaybackOrder([Clip("idle", 0, 3)], repeat_ends=True)
    assert [cursor.index for cursor in played(order, [True] * 12)] == [0, 1, 2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0]


@given(orders(), st.lists(st.booleans(), max_size=60), st.fractions(Fraction(1, 5), 5, max_denominator=1001))
def test_another_rate_shows_at_every_moment_the_frame_that_its_own_rate_shows(
    order: PlaybackOrder, speaking: list[bool], pace: Fraction
) -> None:
    """While nothing changes, frame k shows what the frames' own rate shows floor(k * pace) steps from the start."""
    paced = PlaybackOrder(order.clips, order.transitions, pace=pace)
    for now in (True, False):
        frames, steps = played(paced, [now] * len(speaking)), played(order, [now] * (5 * len(speaking)))
        shown = [steps[int(k * pace)] for k in range(len(frames))]
        assert [(one.index, one.clip) for one in frames] == [(one.index, one.clip) for one in shown]
    assert all(0 <= cursor.carry < 1 for cursor in played(paced, speaking))


@given(orders(), st.lists(st.booleans(), max_size=60))
def test_pauses_end_in_a_closed_mouth_of_the_first_clip_and_stay(order: PlaybackOrder, before: list[bool]) -> None:
    settling = 2 * order.frames
    rest = played(order, before + [False] * (settling + 100))[-100:]
    first = order.clips[0]
    assert {cursor.clip for cursor in rest} == {0}
    allowed = first.idle or (first.scene(rest[0].index),)
    homes = [one for one in allowed if one[0] <= rest[0].index < one[1]]
    assert len(homes) == 1
    seen = {cursor.index for cursor in rest}
    assert seen == set(range(*homes[0])) if len(range(*homes[0])) < 50 else seen


@given(clips(), st.data())
def test_idle_never_crosses_a_cut_when_its_scene_has_a_closed_mouth(clip: Clip, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, clip.stop - 1))
    start, stop = clip.scene(index)
    cursor, order = PlaybackCursor(index, data.draw(st.booleans())), PlaybackOrder([clip])
    here = any(start <= first < stop for first, _ in clip.idle)
    for _ in range(100):
        cursor = order.after(cursor, speaking=False)
        assert start <= cursor.index < stop or (clip.idle and not here)


@given(orders(), st.data())
def test_a_gesture_is_reached_and_kept(order: PlaybackOrder, data: st.DataObject) -> None:
    requested = data.draw(st.integers(0, len(order.clips) - 1))
    cursor = order.start(speaking=True)
    for _ in range(order.frames + 1):
        cursor = order.after(cursor, speaking=True, requested=requested)
    assert cursor.clip == requested


def test_who_speaks_goes_on_in_the_direction_the_pause_left() -> None:
    order = PlaybackOrder([Clip("idle", 0, 10, idle=((4, 6),))])
    cursor = PlaybackCursor(5, forward=True)
    assert order.after(cursor, speaking=False) == PlaybackCursor(4, forward=False)
    assert order.after(PlaybackCursor(4, forward=False), speaking=True) == PlaybackCursor(3, forward=False)


def test_still_pictures_stand_still() -> None:
    order = PlaybackOrder([Clip("idle", 0, 1, idle=((0, 1),))])
    assert set(played(order, [True, False] * 5)) == {PlaybackCursor(0)}


@pytest.mark.parametrize("transition", [Transition(0, 9), Transition(9, 0), Transition(-1, 5)])
def test_transitions_to_nowhere_are_refused(transition: Transition) -> None:
    with pytest.raises(ValueError, match="not there"):
        PlaybackOrder([Clip("idle", 0, 4), Clip("wave", 4, 9)], [Transition(0, 5), Transition(5, 0), transition])


def test_a_playback_of_many_cuts_clips_and_transitions_is_made_at_once() -> None:
    """What a hostile manifest may say: no step takes time in its square."""
    many = 40_000
    clip = Clip("idle", 0, 2 * many, tuple(range(2, 2 * many, 2)))
    assert all(clip.scene(index) == (index & ~1, (index & ~1) + 2) for index in range(0, 2 * many, 3))
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
def test_orders_that_cannot_be_played_are_refused(clips: list[Clip]) -> None:
    with pytest.raises(ValueError, match=r"clip|transition"):
        PlaybackOrder(clips)
