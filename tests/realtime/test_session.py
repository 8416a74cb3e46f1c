"""A session by plain calls: what was said is heard, what was interrupted is not, and no picture jumps."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lipsmith.avatars.playback import Clip, PlaybackOrder, Transition
from lipsmith.engines.fake import FakeEngine, FakeOptions
from lipsmith.errors import BufferFull, OptionError, SessionOver, SoundError
from lipsmith.media.sound import Resampler
from lipsmith.pipeline.render import render_stream, render_windows
from lipsmith.pipeline.timeline import Timeline
from lipsmith.realtime.session import UTTERANCES, Session, SessionOptions
from lipsmith.timing import frame_count, sample_at
from lipsmith.types import FilmInfo, Samples
from tests.support.session_doubles import MemoryAvatar, World, is_drawn, is_poisoned, number_in, sound_of

RATES = (16_000, 24_000, 48_000)


def world(
    options: SessionOptions | None = None,
    *,
    source_frames: int = 7,
    fps: Fraction = Fraction(25),
    rate: int = 16_000,
    fake: FakeOptions | None = None,
    idle: tuple[tuple[int, int], ...] = (),
) -> World:
    engine = FakeEngine(fake)
    film = FilmInfo((32, 24), fps, rate)
    return World(Session(MemoryAvatar(engine, source_frames, idle), engine, film, options), engine)


def noise(samples: int, seed: int = 0) -> Samples:
    """Sound in which no sample is silent and all differ."""
    return (np.random.default_rng(seed).random(samples, np.float32) + 0.5) * 0.5


def steps(one: World) -> list[int]:
    shown = [number_in(tick) for tick in one.ticks]
    return [abs(b - a) for a, b in itertools.pairwise(shown)]


def test_idle_is_silent_and_walks() -> None:
    one = world()
    one.run(20)
    assert not sound_of(one.ticks).any()
    assert not any(is_drawn(tick) for tick in one.ticks)
    assert [number_in(tick) for tick in one.ticks[:9]] == [0, 1, 2, 3, 4, 5, 6, 5, 4]
    assert {tick.state for tick in one.ticks} == {"idle"}
    assert one.engine.calls == []


@pytest.mark.parametrize("spoken", [0, 400, 30_000])
@pytest.mark.parametrize("moment", [0, 1, 2, 5, 9])
def test_a_gesture_is_shown_once_and_only_bridges_are_crossed(spoken: int, moment: int) -> None:
    engine = FakeEngine()
    avatar, over = MemoryAvatar(engine, 9), {(2, 4), (6, 1), (8, 3)}
    avatar.playback = PlaybackOrder([Clip("film", 0, 4), Clip("wave", 4, 9)], [Transition(*pair) for pair in over])
    one = World(Session(avatar, engine, FilmInfo((32, 24), Fraction(25), 16_000)), engine)
    if spoken:
        one.session.say(noise(spoken))
        one.session.end()
    one.run(moment)
    one.session.gesture("wave")
    with pytest.raises(OptionError, match="Did you mean 'wave'"):
        one.session.gesture("weave")
    one.run(80)
    shown = [number_in(tick) for tick in one.ticks]
    jumps = {pair for pair in itertools.pairwise(shown) if abs(pair[0] - pair[1]) > 1 or sorted(pair) == [3, 4]}
    assert {(2, 4)} < jumps <= over
    waved = [number for number in shown if number >= 4]
    assert waved[:5] == [4, 5, 6, 7, 8]
    assert shown[shown.index(4) :][: len(waved)] == waved
    one.session.close()
    with pytest.raises(SessionOver):
        one.session.gesture("wave")


@pytest.mark.parametrize("fps", [Fraction(25), Fraction(30), Fraction(30_000, 1001), Fraction(24_000, 1001)])
@pytest.mark.parametrize("rate", RATES)
def test_what_is_said_is_heard_sample_by_sample(fps: Fraction, rate: int) -> None:
    one, sound = world(fps=fps, rate=rate), noise(rate * 2 + 77)
    one.run(5)
    assert one.session.say(sound) == 1
    one.session.end()
    one.run(80)
    played = sound_of(one.ticks)
    first = int(np.flatnonzero(played)[0])
    assert np.array_equal(played[first : first + len(sound)], sound)
    assert not played[first + len(sound) :].any()
    assert len(played) == sample_at(85, fps, rate)
    assert [tick.start for tick in one.ticks] == [sample_at(n, fps, rate) for n in range(85)]
    assert one.session.stalls == 0


@pytest.mark.parametrize("fps", [Fraction(30_000, 1001), Fraction(64_000, 41)])
@pytest.mark.parametrize("first", [0, 1, 2, 3, 4])
def test_a_picture_waits_for_its_last_sample(first: int, fps: Fraction) -> None:
    """A tick may need a sample more than the frame that it shows: at 10.25 samples a tick it does within 14 frames."""
    one = world(SessionOptions(ease=0), fps=fps, fake=FakeOptions(context=0))
    one.run(first)
    for frame in range(60):
        one.session.say(noise(sample_at(frame + 1, fps) - sample_at(frame, fps), frame))
        one.run(6 if frame == 10 else 1)  # the lead is used up
    spoken = [tick for tick in one.ticks if tick.utterance and tick.fresh]
    assert len(spoken) > 50
    assert all(tick.samples.all() for tick in spoken)


def test_the_first_picture_of_speech_comes_after_the_lead() -> None:
    one = world()
    one.run(5)
    one.session.say(noise(8_000))
    ticks = one.run(6)
    assert [tick.state for tick in ticks] == ["armed"] * 2 + ["speaking"] * 4
    assert is_drawn(ticks[2])


def test_events_tell_the_media_time() -> None:
    one = world()
    one.run(2)
    one.session.say(noise(6_400))
    one.session.end()
    one.run(25)
    events = [(event.name, event.sample, event.played) for tick in one.ticks for event in tick.events]
    assert [name for name, _, _ in events] == ["started", "speaking", "finished", "idle"]
    spoken = next(tick for tick in one.ticks if tick.utterance)
    assert events[1][1] == spoken.start
    assert events[2][1:] == (spoken.start + 6_400 - 640, 6_400)


@pytest.mark.parametrize("window", [1, 4])
@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_live_equals_offline_frame_for_frame(window: int, rate: int) -> None:
    fake = FakeOptions(window=window)
    one = world(SessionOptions(ease=0), rate=rate, fake=fake, fps=Fraction(30_000, 1001))
    one.run(4)
    sound = noise(rate * 2 + 5)
    for start in range(0, len(sound), 997):
        one.session.say(sound[start : start + 997])
        one.run(start // 997 % 2)
    one.session.end()
    one.run(90)
    live = [tick for tick in one.ticks if tick.utterance and tick.fresh]
    avatar, engine = MemoryAvatar(FakeEngine(fake)), FakeEngine(fake)
    source_frames = iter([avatar.source_frame(tick.source_frame) for tick in live])
    hearing = Resampler(rate) if rate != 16_000 else None
    offline = list(render_stream(Timeline(source_frames, engine, one.session.film.fps, rate, hearing), [sound], engine))
    assert len(live) == len(offline) == frame_count(len(sound), one.session.film.fps, rate)
    assert all(np.array_equal(tick.image, frame.image) for tick, frame in zip(live, offline, strict=True))


def test_the_mouth_fades_in_and_out() -> None:
    one = world(SessionOptions(ease=3), fake=FakeOptions(context=0))
    one.session.say(np.full(6_400, 0.5, np.float32))
    one.session.end()
    one.run(30)
    drawn = [int(tick.image[10, 10, 0]) for tick in one.ticks if tick.utterance and tick.image is not None]
    full = drawn[5]
    assert full != 100
    assert drawn[:4] == pytest.approx([100 + share * (full - 100) for share in (0.25, 0.5, 0.75, 1)], abs=1)
    assert set(drawn[3:10]) == {full}
    assert len(drawn) == 13
    assert not is_drawn(one.ticks[-1])


def test_an_interruption_is_silent_at_the_next_tick_and_tells_how_far_it_came() -> None:
    one = world()
    one.run(3)
    one.session.say(noise(32_000))
    before = one.run(20)
    heard = one.session.interrupt()
    assert heard is not None
    assert heard.samples == np.count_nonzero(sound_of(before))
    after = one.run(20)
    assert not sound_of(after).any()
    assert not any(is_drawn(tick) for tick in after[1:])  # a picture may be repeated until the next is there
    assert [event.name for event in after[0].events] == ["interrupted"]
    assert max(steps(one)) <= 1
    assert one.session.interrupt() is None


def test_results_of_an_old_epoch_are_thrown_away() -> None:
    one = world(SessionOptions(ease=0))
    one.run(3)
    one.session.say(noise(32_000))
    asks = [ask for _ in range(5) for ask in one.session.pump(4)]
    assert asks
    one.session.interrupt()
    one.session.say(noise(32_000, 1))
    assert all(ask.stale for ask in asks)
    fresh = [ask for _ in range(5) for ask in one.session.pump(4)]
    for ask in asks:
        one.session.deliver(ask, render_windows([ask.run], one.engine))
    assert all(slot.picture is None for slot in one.session._plan.slots)
    assert not any(ask.stale for ask in fresh)


def test_a_slow_engine_stalls_both_and_recovers_without_drift() -> None:
    one, sound = world(), noise(48_000)
    one.run(3)
    one.session.say(sound)
    one.session.end()
    one.run(10)
    slow = one.run(40, rendered=0)
    assert any(tick.state == "stalled" and not tick.samples.any() and not tick.fresh for tick in slow)
    one.run(120)
    assert one.session.stalls > 5
    played = sound_of([tick for tick in one.ticks if tick.fresh])
    assert np.array_equal(played[np.flatnonzero(played)], sound)
    assert max(steps(one)) <= 1


def test_sound_at_another_rate_is_brought_to_the_session_s() -> None:
    one = world(rate=24_000)
    tone = np.sin(2 * np.pi * 300 * np.arange(48_000) / 48_000).astype(np.float32)
    for start in range(0, 48_000, 1_111):
        one.session.say(tone[start : start + 1_111], 48_000)
    one.session.end()
    one.run(60)
    played = sound_of([tick for tick in one.ticks if tick.utterance])[:24_000]
    wanted = np.sin(2 * np.pi * 300 * np.arange(24_000) / 24_000)
    assert np.abs(played - wanted)[200:-200].max() < 1e-3


def test_sound_faster_than_the_buffer_is_refused_and_nothing_before_it_is_lost() -> None:
    one, sound = world(SessionOptions(buffer=2.0)), noise(32_000)
    one.session.say(sound)
    with pytest.raises(BufferFull, match=r"0\.1 s of sound came"):
        one.session.say(noise(1_600))
    with pytest.raises(BufferFull):
        one.session.say(noise(1_600))
    one.session.end()
    one.run(80)
    assert [event.name for event in one.ticks[0].events][:2] == ["started", "buffer_full"]
    assert np.array_equal(sound_of(one.ticks)[np.flatnonzero(sound_of(one.ticks))], sound)
    one.session.say(noise(1_600))


def test_only_playing_makes_room() -> None:
    one = world(SessionOptions(buffer=2.0, ease=0))
    one.session.say(noise(32_000))
    one.asks += one.session.pump(20)
    assert one.asks
    assert one.session.room == 0
    one.run(10)
    assert one.session.room == np.count_nonzero(sound_of(one.ticks)) > 0


@pytest.mark.parametrize("window", [1, 4])
def test_no_more_is_planned_than_is_wished_however_much_sound_waits(window: int) -> None:
    one = world(SessionOptions(ahead=9), fake=FakeOptions(window=window))
    one.session.say(noise(160_000))
    asks = [ask for _ in range(100) for ask in one.session.pump(4)]
    assert 9 <= len(one.session._plan.slots) < 9 + window
    assert sum(len(ask.run) for ask in asks) <= 9 + window
    assert one.session.room == 16_000 * 60 - 160_000


def test_one_utterance_too_many_is_refused_and_those_before_are_spoken() -> None:
    one, sounds = world(), [noise(700, seed) for seed in range(UTTERANCES)]
    for number, sound in enumerate(sounds, 1):
        assert one.session.say(sound) == number
        one.session.end()
    with pytest.raises(BufferFull):
        one.session.say(noise(700))
    one.run(250)
    played = sound_of(one.ticks)
    assert np.array_equal(played[np.flatnonzero(played)], np.concatenate(sounds))
    assert one.session.say(noise(700)) == UTTERANCES + 1


def test_two_utterances_follow_each_other() -> None:
    one, first, second = world(), noise(10_000, 1), noise(10_001, 2)
    one.session.say(first)
    one.session.end()
    assert one.session.say(second) == 2
    one.session.end()
    one.run(60)
    played = sound_of(one.ticks)
    assert np.array_equal(played[np.flatnonzero(played)], np.concatenate([first, second]))
    names = [event.name for tick in one.ticks for event in tick.events]
    assert names == ["started", "started", "speaking", "speaking", "finished", "finished", "idle"] or names == [
        "started", "started", "speaking", "finished", "speaking", "finished", "idle",
    ]  # fmt: skip
    assert one.session.stalls == 0


def test_speech_that_runs_dry_ends_by_itself() -> None:
    one, sound = world(SessionOptions(patience=5)), noise(16_000)
    one.session.say(sound)
    one.run(60)
    assert one.session.state == "idle"
    assert np.array_equal(sound_of(one.ticks)[np.flatnonzero(sound_of(one.ticks))], sound)
    assert one.session.say(sound) == 2


def test_speech_whose_sound_still_waits_is_not_ended_by_a_slow_engine() -> None:
    one = world(SessionOptions(patience=5))
    first = one.session.say(noise(48_000))
    one.run(10)
    one.run(60, rendered=0)
    assert one.session.say(noise(100)) == first


def test_a_failure_ends_the_speaking_and_not_the_ticks() -> None:
    one = world()
    one.session.say(noise(16_000))
    one.run(10)
    one.session.fail("the engine broke")
    after = one.run(5)
    assert [(event.name, event.reason) for event in after[0].events][-1] == ("failed", "the engine broke")
    assert not sound_of(after).any()
    assert after[-1].state == "over"
    with pytest.raises(SessionOver):
        one.session.say(noise(10))


@pytest.mark.parametrize("bad", [np.array([np.nan], np.float32), np.zeros((2, 2), np.float32)])
def test_what_is_not_sound_is_refused(bad: Samples) -> None:
    one = world()
    with pytest.raises(SoundError):
        one.session.say(bad)
    with pytest.raises(SoundError, match="7 Hz"):
        one.session.say(noise(10), 7)
    assert one.run(3)[0].events == ()


def test_options_out_of_range_are_refused() -> None:
    with pytest.raises(OptionError):
        SessionOptions(lead=30)


def test_nobody_speaks_over_plates_with_open_mouths_in_idleness() -> None:
    one = world(idle=((2, 4),))
    one.run(30)
    assert {number_in(tick) for tick in one.ticks[10:]} == {2, 3}
    one.session.say(noise(32_000))
    one.session.end()
    one.run(90)
    assert max(steps(one)) <= 1
    assert {number_in(tick) for tick in one.ticks[40:60]} > {2, 3}


def test_three_hours_grow_nothing() -> None:
    """At 2 fps: 21 600 ticks of speech without an end, pushed as it plays."""
    one = world(SessionOptions(ease=0), fps=Fraction(2), rate=16_000, fake=FakeOptions(context=0))
    second, sizes = noise(16_000), []
    for _hour in range(3):
        for _ in range(3_600):  # seconds
            one.session.say(second)
            one.run(2)
            one.ticks.clear()
        sizes.append((one.session.room, len(one.asks), one.session.slack))
    assert len(set(sizes)) == 1
    assert one.session.stalls == 0


actions = st.one_of(
    st.tuples(st.just("say"), st.integers(1, 6_000)),
    st.tuples(st.just("run"), st.integers(1, 8)),
    st.tuples(st.just("slow"), st.integers(1, 8)),
    st.tuples(st.just("end"), st.just(0)),
    st.tuples(st.just("interrupt"), st.just(0)),
)


@settings(max_examples=120, deadline=None)
@given(
    st.lists(actions, max_size=40),
    st.sampled_from([Fraction(25), Fraction(30_000, 1001)]),
    st.sampled_from([(1, 0), (1, 2), (3, 1)]),
    st.integers(1, 9),
)
def test_whatever_happens(
    script: list[tuple[str, int]], fps: Fraction, fake: tuple[int, int], source_frames: int
) -> None:
    """Sound out is a prefix, utterance by utterance, of sound in; nothing jumps; nothing grows."""
    one = world(SessionOptions(ease=0, buffer=3.0), fps=fps, source_frames=source_frames, fake=FakeOptions(*fake))
    said: dict[int, list[Samples]] = {}
    cut: set[int] = set()
    value = 0
    for action, amount in script:
        if action == "say":
            sound = np.arange(value + 1, value + amount + 1).astype(np.float32)
            value += amount
            try:
                said.setdefault(one.session.say(sound), []).append(sound)
            except BufferFull:
                value -= amount
        elif action == "end":
            one.session.end()
        elif action == "interrupt":
            heard = one.session.interrupt()
            cut |= set(said) if heard else set()
        else:
            one.run(amount, 1 if action == "slow" else 100)
        assert len(one.session._plan.slots) <= one.session.options.ahead + fake[0]
        assert one.session.room >= 0
    one.session.end()
    one.run(250)
    played = sound_of(one.ticks)
    heard_values = played[np.flatnonzero(played)]
    wanted = [np.concatenate(parts) for parts in said.values()]
    place = 0
    for number, whole in zip(said, wanted, strict=True):
        mine = heard_values[(heard_values >= whole[0]) & (heard_values <= whole[-1])]
        assert np.array_equal(mine, whole[: len(mine)])
        assert number in cut or len(mine) == len(whole)
        assert np.array_equal(heard_values[place : place + len(mine)], mine)
        place += len(mine)
    assert place == len(heard_values)
    assert not any(is_poisoned(tick) for tick in one.ticks)
    assert max(steps(one)) <= 1
    assert len(played) == sample_at(len(one.ticks), fps, 16_000)
    assert one.session.state == "idle"
