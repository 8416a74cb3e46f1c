"""Who hears in a session: the best encoder for which there is room, measured, and chosen when the session is opened."""

from __future__ import annotations

import asyncio
import threading
from fractions import Fraction

import numpy as np
import pytest

from lipsmith.engines.fake import FakeEncoder, FakeEngine, FakeOptions
from lipsmith.engines.protocols import EncoderUse
from lipsmith.errors import Busy
from lipsmith.realtime.admission import SHARE, Admission, LoadBudget, LoadModel
from lipsmith.realtime.encoder_choice import CostTable, EncoderChoice
from lipsmith.realtime.host import SessionHost
from lipsmith.realtime.session import Session
from lipsmith.types import Array, FilmInfo, Samples
from tests.support.session_doubles import Info, QuickAvatar

FPS = Fraction(25)


class Clock:
    """Seconds that pass only where somebody works."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class Named(FakeEncoder):
    """Takes ``cost`` seconds for a second of sound."""

    def __init__(self, name: str, cost: float, clock: Clock) -> None:
        super().__init__(FPS, 0)
        self.name, self._cost, self._clock = name, cost, clock
        self.heard = 0

    def push(self, samples: Samples) -> list[Array]:
        self._clock.seconds += self._cost * len(samples) / 16_000 + (1.0 if not self.heard else 0)  # it is loaded
        self.heard += len(samples)
        return super().push(samples)


class TwoEars(FakeEngine):
    """Hears well at a third of a core, or worse for nothing."""

    def __init__(self, clock: Clock, cheap: str = "small") -> None:
        super().__init__()
        self._clock, self._cheap = clock, cheap

    def speech_encoder(self, fps: Fraction, use: EncoderUse = "file") -> FakeEncoder:
        best = Named("whisper", 0.3, self._clock)
        return best if use != "live_cheap" or self._cheap == "whisper" else Named("small", 0.001, self._clock)


def choice(engine: FakeEngine, clock: Clock, render: float = 0.001) -> EncoderChoice:
    load = LoadModel()
    load.measured(1, render)
    found = EncoderChoice(Admission(load, 1))
    found.measure(engine, FPS, clock)
    return found


def test_both_encoders_are_measured_without_their_loading() -> None:
    clock = Clock()
    assert choice(TwoEars(clock), clock).costs == pytest.approx({"live": 0.3, "live_cheap": 0.001})
    assert choice(TwoEars(clock, "whisper"), clock).costs == pytest.approx({"live": 0.3})
    assert list(choice(FakeEngine(), clock).costs) == ["live"]


def test_the_first_sessions_get_the_best_and_nobody_is_refused_for_it() -> None:
    clock = Clock()
    one = choice(TwoEars(clock), clock, render=0.006)  # 15 % of a tick a session, of 80 %
    best, cheap = "live", "live_cheap"
    assert [one.assign(count, FPS) for count in range(4)] == [[], [best], [best, cheap], [best, cheap, cheap]]
    for sessions in range(5):
        one.admit(sessions, FPS)
    assert one.assign(5, FPS) == [cheap] * 5
    with pytest.raises(Busy, match="5 live sessions"):
        one.admit(5, FPS)


def test_without_a_cheap_encoder_a_session_that_does_not_fit_is_refused_unless_it_is_the_first() -> None:
    clock = Clock()
    one = choice(TwoEars(clock, "whisper"), clock, render=0.010)
    one.admit(0, FPS)
    assert one.assign(1, FPS) == ["live"]
    with pytest.raises(Busy):
        one.admit(1, FPS)
    assert choice(TwoEars(clock, "whisper"), clock, render=0.1).assign(1, FPS) == ["live"]
    assert choice(TwoEars(clock), clock, render=0.1).assign(1, FPS) == ["live_cheap"]


def test_hearing_takes_from_the_slack() -> None:
    load = LoadModel()
    load.measured(1, 0.002)
    admission = Admission(load, 1)
    assert admission.slack(2, FPS, 0.25) == pytest.approx((SHARE - 0.25) * 0.04 - 0.004)


def test_sessions_say_who_hears_and_the_host_counts_them() -> None:
    class SlowAvatar(QuickAvatar):
        info = Info(fps=Fraction(5))

    async def talk() -> None:
        clock = Clock()
        host = SessionHost(TwoEars(clock), clock=clock, budget=LoadBudget(), costs=CostTable())
        avatar = SlowAvatar(FakeEngine(), 7)
        opened = [await host.open(avatar, 16_000) for _ in range(4)]
        assert [one.session.encoder_name for one in opened] == ["whisper", "whisper", "small", "small"]
        assert host.stats().encoders == {"whisper": 2, "small": 2}
        assert host.stats().hearing == pytest.approx(0.602)
        await opened[0].close()
        await asyncio.sleep(0)
        assert [one.session.encoder_name for one in opened[1:]] == ["whisper", "whisper", "small"]
        await host.close()

    asyncio.run(talk())


def test_an_engine_with_one_encoder_has_no_name_for_it() -> None:
    async def talk() -> None:
        host = SessionHost(FakeEngine())
        one = await host.open(QuickAvatar(FakeEngine(), 7), 16_000)
        assert one.session.encoder_name == ""
        one.say(np.zeros(100, np.float32))
        await host.close()

    asyncio.run(talk())


def test_another_encoder_hears_from_the_next_utterance_on() -> None:
    engine = TwoEars(Clock())
    session = Session(QuickAvatar(engine, 7), engine, FilmInfo((8, 8), FPS, 16_000))
    session.say(np.ones(3_200, np.float32))
    session.hear_with("live_cheap")
    assert session.encoder_name == "small"
    session.say(np.ones(3_200, np.float32))
    session.end()
    session.say(np.ones(3_200, np.float32))
    assert [one._use for one in session._utterances] == ["live", "live_cheap"]


def test_who_comes_while_the_first_session_warms_up_waits_for_its_figures() -> None:
    class SlowAvatar(QuickAvatar):
        info = Info(fps=Fraction(1))

    class SlowToHear(FakeEngine):
        def speech_encoder(self, fps: Fraction, use: EncoderUse = "file") -> FakeEncoder:
            if use == "live":
                measuring.set()
                go_on.wait(10)
            return super().speech_encoder(fps, use)

    measuring, go_on = threading.Event(), threading.Event()

    async def open_two() -> None:
        host = SessionHost(SlowToHear(FakeOptions(context=0)), budget=LoadBudget(), costs=CostTable())
        first = asyncio.create_task(host.open(SlowAvatar(FakeEngine(), 7), 16_000))
        await asyncio.to_thread(measuring.wait, 10)  # rendering is measured, hearing is not
        second = asyncio.create_task(host.open(SlowAvatar(FakeEngine(), 7), 16_000))
        await asyncio.sleep(0)
        go_on.set()
        assert len(await asyncio.gather(first, second)) == 2
        await host.close()

    asyncio.run(open_two())
