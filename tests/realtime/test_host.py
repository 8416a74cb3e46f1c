"""Sessions on a loop, beating 400 times a second so that nobody waits. Nothing here measures time.

Where several sessions are opened they beat so slowly that no machine is refused for being busy.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
import pytest

from lipsmith.engines.fake import FakeEngine, FakeOptions
from lipsmith.engines.protocols import EncoderUse
from lipsmith.errors import Busy, SessionOver
from lipsmith.realtime.host import LiveSession, SessionHost, feed
from lipsmith.realtime.session import SessionOptions
from lipsmith.realtime.ticks import Tick
from lipsmith.types import AVFrame, FilmInfo, Samples
from tests.support.session_doubles import Info, QuickAvatar, sound_of

RATE = 16_000
SOUND: Samples = (np.random.default_rng(0).random(4_000, np.float32) + 0.5) * 0.5


class SlowAvatar(QuickAvatar):
    info = Info(fps=Fraction(5))


def avatar() -> QuickAvatar:
    return QuickAvatar(FakeEngine(), 7)


def slow_avatar() -> SlowAvatar:
    return SlowAvatar(FakeEngine(), 7)


async def until(session: LiveSession, name: str) -> list[Tick]:
    """The ticks up to the one in which the event happens."""
    seen = []
    async for tick in session.listen(ticks=100_000):
        seen.append(tick)
        if any(event.name == name for event in tick.events):
            break
    return seen


async def beats(session: LiveSession, count: int) -> None:
    """Let ``count`` ticks pass."""
    listener = session.listen(ticks=100_000)
    async for _ in listener:
        count -= 1
        if not count:
            session.leave(listener)
            return


def test_what_is_said_is_heard_by_every_listener() -> None:
    async def talk() -> None:
        host = SessionHost(FakeEngine(FakeOptions(context=1)))
        session = await host.open(avatar(), RATE, SessionOptions(patience=400))
        ears = [asyncio.create_task(until(session, "idle")) for _ in range(2)]
        await asyncio.sleep(0)
        session.say(SOUND)
        session.end()
        for ticks in await asyncio.gather(*ears):
            played = sound_of(ticks)
            assert np.array_equal(played[np.flatnonzero(played)], SOUND)
            assert [b.number - a.number for a, b in itertools.pairwise(ticks)] == [1] * (len(ticks) - 1)
        stats = host.stats()
        assert (stats.sessions, len(stats.first_pictures)) == (1, 1)
        await host.close()
        assert host.sessions == ()

    asyncio.run(talk())


def test_the_operator_sees_how_often_an_engine_drew_again() -> None:
    async def overflows(engine: FakeEngine) -> int:
        host = SessionHost(engine)
        await host.close()
        return host.stats().overflows

    class Overflowing(FakeEngine):
        overflows = 3

    assert [asyncio.run(overflows(one)) for one in (FakeEngine(), Overflowing())] == [0, 3]


def test_an_interruption_is_told_and_nothing_follows() -> None:
    async def talk() -> None:
        host = SessionHost(FakeEngine())
        session = await host.open(avatar(), RATE)
        whole = asyncio.create_task(until(session, "closed"))
        speaking = asyncio.create_task(until(session, "speaking"))
        await asyncio.sleep(0)
        session.say(SOUND)
        await speaking
        heard = session.interrupt()
        assert heard is not None
        await beats(session, 20)
        await session.close()
        ticks = await whole
        assert np.count_nonzero(sound_of(ticks)) <= heard.samples
        names = [event.name for tick in ticks for event in tick.events]
        assert names[-2:] == ["interrupted", "closed"]
        with pytest.raises(SessionOver):
            session.say(SOUND)
        await host.close()

    asyncio.run(talk())


def test_what_waits_for_a_slow_listener_is_silenced_by_an_interruption() -> None:
    async def talk() -> tuple[list[Tick], list[Tick]]:
        host = SessionHost(FakeEngine())
        session = await host.open(avatar(), RATE)
        slow, speaking = session.listen(ticks=100_000), asyncio.create_task(until(session, "speaking"))
        await asyncio.sleep(0)
        session.say(SOUND)
        heard = await speaking
        assert session.interrupt() is not None
        await session.close()
        await host.close()
        return heard, [tick async for tick in slow]

    heard, waited = asyncio.run(talk())
    assert sound_of(heard).any()
    assert len(waited) >= len(heard)
    assert not sound_of(waited).any()


def test_events_come_without_pictures() -> None:
    async def talk() -> list[str]:
        host = SessionHost(FakeEngine())
        session = await host.open(avatar(), RATE)
        names: list[str] = []

        async def read(events: AsyncIterator[object]) -> None:
            async for event in events:
                names.append(event.name)  # type: ignore[attr-defined]
                if event.name == "idle":  # type: ignore[attr-defined]
                    break

        reading = asyncio.create_task(read(session.events()))
        await asyncio.sleep(0)
        session.say(SOUND)
        session.end()
        await reading
        await host.close()
        return names

    assert [name for name in asyncio.run(talk()) if name != "stalled"] == ["started", "speaking", "finished", "idle"]


@dataclass
class Reel:
    """A sink that keeps everything."""

    films: list[FilmInfo] = field(default_factory=list)
    frames: list[AVFrame] = field(default_factory=list)
    closed: int = 0

    def open(self, info: FilmInfo) -> None:
        self.films.append(info)

    def write(self, frame: AVFrame) -> None:
        self.frames.append(frame)

    def close(self) -> None:
        self.closed += 1


def test_a_sink_gets_a_whole_film() -> None:
    async def talk(reel: Reel) -> None:
        host = SessionHost(FakeEngine())
        session = await host.open(avatar(), RATE)
        feeding = asyncio.create_task(feed(session.listen(ticks=100_000), reel, session.film))
        done = asyncio.create_task(until(session, "idle"))
        await asyncio.sleep(0)
        session.say(SOUND)
        session.end()
        await done
        await session.close()
        await feeding
        await host.close()

    reel = Reel()
    asyncio.run(talk(reel))
    played = np.concatenate([frame.samples for frame in reel.frames])
    assert np.array_equal(played[np.flatnonzero(played)], SOUND)
    assert (len(reel.films), reel.closed) == (1, 1)
    assert [frame.index for frame in reel.frames] == list(range(reel.frames[0].index, reel.frames[-1].index + 1))


class Breaking(Reel):
    """A sink whose client goes away."""

    def write(self, frame: AVFrame) -> None:
        super().write(frame)
        if len(self.frames) == 3:
            raise OSError("the client went away")


def test_sinks_get_every_tick_in_the_same_call_and_one_that_breaks_leaves_the_others() -> None:
    async def talk(good: Reel, bad: Reel) -> list[Tick]:
        host = SessionHost(FakeEngine())
        session = await host.open(avatar(), RATE)
        session.attach(bad)
        session.attach(good)
        ticks = await until(session, "sink_closed")
        await host.close()
        await session.detach(good)
        return ticks

    good, bad = Reel(), Breaking()
    ticks = asyncio.run(talk(good, bad))
    assert [event.reason for event in ticks[-1].events] == ["the client went away"]
    assert len(bad.frames) == 3
    assert len(good.frames) > 3
    assert [one.index for one in good.frames[:3]] == [one.index for one in bad.frames]
    assert (len(good.films), good.closed) == (1, 1)


def test_a_listener_that_does_not_read_is_given_up_and_the_others_hear_of_it() -> None:
    async def talk() -> None:
        host = SessionHost(FakeEngine())
        session = await host.open(avatar(), RATE)
        deaf = session.listen(ticks=5)
        ticks = await until(session, "sink_closed")
        assert deaf.queue.overflowed
        assert ticks[-1].events[-1].reason
        assert [tick async for tick in deaf] == []
        await host.close()

    asyncio.run(talk())


def test_what_is_counted_stays_when_listeners_and_sessions_go() -> None:
    async def talk() -> list[int]:
        host = SessionHost(FakeEngine())
        session = await host.open(avatar(), RATE)
        slow = session.listen(pictures=1, ticks=100_000)
        async with asyncio.timeout(60):
            while not slow.queue.dropped:
                await asyncio.sleep(0.01)
        session.leave(slow)
        session.leave(slow)
        seen = [slow.queue.dropped, host.stats().dropped]
        await session.close()
        await asyncio.sleep(0)
        assert host.sessions == ()
        seen.append(host.stats().dropped)
        await host.close()
        return seen

    seen = asyncio.run(talk())
    assert seen == [seen[0]] * 3
    assert seen[0] > 0


def test_an_engine_that_breaks_ends_the_session_with_an_event() -> None:
    class Breaking(FakeEngine):
        broken = False

        def speech_encoder(self, fps: Fraction, use: EncoderUse = "file") -> object:  # type: ignore[override]
            if self.broken:
                raise RuntimeError("no memory")
            return super().speech_encoder(fps, use)

    async def talk() -> None:
        engine = Breaking()
        host = SessionHost(engine)
        session = await host.open(avatar(), RATE)
        engine.broken = True
        failed = asyncio.create_task(until(session, "failed"))
        await asyncio.sleep(0)
        session.say(SOUND)
        ticks = await failed
        assert ticks[-1].events[-1].reason == "no memory"
        await asyncio.wait([session.task])
        assert host.sessions == ()
        await host.close()

    asyncio.run(talk())


def test_one_session_too_many_is_refused_and_a_closing_studio_takes_none() -> None:
    async def talk() -> None:
        host = SessionHost(FakeEngine(), limit=2)
        first = await host.open(slow_avatar(), RATE)
        await host.open(slow_avatar(), RATE)
        with pytest.raises(Busy, match="as many as are allowed"):
            await host.open(slow_avatar(), RATE)
        await first.close()
        await host.open(slow_avatar(), RATE)
        await host.drain(250)
        with pytest.raises(Busy, match="closing down"):
            await host.open(slow_avatar(), RATE)

    asyncio.run(talk())


def test_of_those_who_come_at_once_as_many_are_taken_as_are_allowed() -> None:
    async def talk() -> list[object]:
        host = SessionHost(FakeEngine(), limit=2)
        came = await asyncio.gather(*(host.open(slow_avatar(), RATE) for _ in range(4)), return_exceptions=True)
        await host.close()
        return [*came]

    came = asyncio.run(talk())
    assert sum(isinstance(one, LiveSession) for one in came) == 2
    assert sum(isinstance(one, Busy) for one in came) == 2


def test_drain_lets_speech_finish() -> None:
    async def talk() -> None:
        host = SessionHost(FakeEngine())
        session = await host.open(avatar(), RATE)
        hearing = asyncio.create_task(until(session, "closed"))
        await asyncio.sleep(0)
        session.say(SOUND)
        session.end()
        await host.drain(250)
        assert np.count_nonzero(sound_of(await hearing)) == len(SOUND)

    asyncio.run(talk())


def test_whoever_comes_while_sinks_are_closing_is_not_kept_waiting() -> None:
    class Slow:
        def __init__(self, others: threading.Barrier) -> None:
            self.others, self.closing = others, threading.Event()

        def open(self, info: FilmInfo) -> None:
            pass

        def write(self, frame: AVFrame) -> None:
            pass

        def close(self) -> None:
            self.closing.set()
            self.others.wait(100)

    async def run() -> None:
        host = SessionHost(FakeEngine())
        live = await host.open(avatar(), RATE)
        together = threading.Barrier(3)  # two sinks that close one after the other would never pass
        sinks = [Slow(together), Slow(together)]
        for sink in sinks:
            live.attach(sink)
        closing = asyncio.create_task(live.close())
        for sink in sinks:
            await asyncio.to_thread(sink.closing.wait, 100)
        assert [tick async for tick in live.listen()] == []
        with pytest.raises(SessionOver):
            live.attach(Slow(together))
        await asyncio.to_thread(together.wait, 100)
        await closing
        await host.close()

    asyncio.run(asyncio.wait_for(run(), 120))


def test_an_engine_warms_up_once_before_anybody_is_admitted() -> None:
    class Warm(FakeEngine):
        events: ClassVar[list[str]] = []

        def warm_up(self) -> None:
            self.events.append("warm_up")

        def render(self, *given: Any) -> Any:
            self.events.append("render")
            return super().render(*given)

    async def talk() -> None:
        host = SessionHost(Warm())
        await asyncio.gather(*(host.open(slow_avatar(), RATE) for _ in range(3)))
        await host.close()

    asyncio.run(talk())
    assert Warm.events[0] == "warm_up"
    assert Warm.events.count("warm_up") == 1
    assert "render" in Warm.events
