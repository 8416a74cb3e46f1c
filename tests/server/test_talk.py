"""Texts on their way through a session: what is heard is what the voice said, and no more after an interruption."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from lipsmith.engines.fake import FakeEngine, FakeOptions
from lipsmith.errors import SessionOver, VoiceError
from lipsmith.realtime.host import SessionHost
from lipsmith.realtime.session import SessionOptions
from lipsmith.realtime.ticks import Tick
from lipsmith.server.problems import Problem
from lipsmith.server.sessions.registry import SessionHandle
from lipsmith.server.sessions.speech_queue import TEXTS
from lipsmith.tts.protocols import SpokenSound
from lipsmith.types import Samples
from tests.support.session_doubles import QuickAvatar, is_drawn

RATE = 16_000


@dataclass
class Reader:
    """Says every text as noise of a tenth of a second; ``fail`` it cannot say, at ``gate`` it waits."""

    name: str = "reader"
    languages: tuple[str, ...] = ()
    seconds: float = 0.1
    fail: str = "?"
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    said: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def sound(self, text: str) -> Samples:
        made: Samples = np.random.default_rng(len(text)).random(round(self.seconds * RATE), np.float32) * 0.5 + 0.2
        return made

    async def speak(self, text: str, language: str = "") -> AsyncGenerator[SpokenSound, None]:
        if text.startswith("wait"):
            await self.gate.wait()
        if self.fail in text:
            raise VoiceError(f"cannot say {text}")
        self.said.append(text)
        try:
            for part in np.array_split(self.sound(text), 3):
                yield SpokenSound(part, RATE)
        finally:
            self.left.append(text)

    async def close(self) -> None:
        pass


@asynccontextmanager
async def session(buffer: float = 60.0) -> AsyncIterator[tuple[SessionHandle, list[Tick]]]:
    """One that beats 400 times a second, and its ticks as they come."""
    studio = SessionHost(FakeEngine(FakeOptions(context=1)))
    live = await studio.open(QuickAvatar(FakeEngine()), RATE, SessionOptions(patience=4_000, buffer=buffer))
    ticks: list[Tick] = []
    listening = asyncio.create_task(_collect(live.listen(ticks=100_000), ticks))
    avatar: Any = None
    yield SessionHandle("0", "alice", avatar, live, 0.0, 0.0), ticks
    await studio.close()
    await listening


async def _collect(listener: Any, ticks: list[Tick]) -> None:
    async for tick in listener:
        ticks += [tick]


async def until(ticks: list[Tick], name: str, count: int = 1) -> None:
    while sum(event.name == name for tick in ticks for event in tick.events) < count:
        await asyncio.sleep(0.002)


def heard(ticks: list[Tick]) -> Samples:
    sound = np.concatenate([tick.samples for tick in ticks])
    return sound[np.flatnonzero(sound)]


def test_texts_are_said_in_turn_and_the_mouth_with_them() -> None:
    async def scene() -> None:
        voice = Reader()
        async with session() as (held, ticks):
            texts = [["One two.", "Three."], ["Four is the last."]]
            told = await asyncio.gather(*(held.read(voice, text, "") for text in texts))
            assert told == [(1, "speaking"), (None, "waiting")]
            await until(ticks, "finished", 2)
            assert voice.said == ["One two.", "Three.", "Four is the last."]
            assert np.array_equal(heard(ticks), np.concatenate([voice.sound(text) for text in voice.said]))
            assert all(is_drawn(tick) for tick in ticks if tick.image is not None and tick.samples.any())

    asyncio.run(scene())


def test_an_interruption_drops_what_is_left_and_what_waits() -> None:
    async def scene() -> None:
        voice = Reader()
        async with session() as (held, ticks):
            await held.read(voice, ["One.", "wait here", "Three."], "")
            await held.read(voice, ["Next text."], "")
            await until(ticks, "speaking")
            held.hush()
            held.live.interrupt()
            again = await held.read(voice, ["Something else."], "")
            assert again[1] == "speaking"
            voice.gate.set()
            await until(ticks, "finished")
            assert voice.said == ["One.", "Something else."]
            assert voice.left == voice.said
            last = voice.sound("Something else.")
            assert np.array_equal(heard(ticks)[-len(last) :], last)
            assert len(heard(ticks)) <= len(last) + len(voice.sound("One."))

    asyncio.run(scene())


def test_who_waits_for_a_text_that_is_interrupted_is_told() -> None:
    async def scene() -> None:
        voice = Reader()
        async with session() as (held, _):
            waiting = asyncio.create_task(held.read(voice, ["wait for ever"], ""))
            await asyncio.sleep(0.02)
            assert held.watchers == 1  # it is not closed as unused meanwhile
            held.hush()
            assert await waiting == (None, "interrupted")
            assert held.watchers == 0
            waiting = asyncio.create_task(held.read(voice, ["wait for ever"], ""))
            asyncio.get_running_loop().call_soon(held.hush)  # after the wish, before its task begins
            assert await waiting == (None, "interrupted")
            assert voice.said == []

    asyncio.run(scene())


def test_a_voice_that_fails_at_once_is_raised_and_later_told() -> None:
    async def scene() -> None:
        voice = Reader()
        async with session() as (held, ticks):
            with pytest.raises(VoiceError, match="cannot say"):
                await held.read(voice, ["What?"], "")
            assert (await held.read(voice, ["This.", "What?", "Never."], ""))[1] == "speaking"
            await until(ticks, "voice_failed")
            await until(ticks, "finished")
            assert voice.said == ["This."]
            reasons = [event.reason for tick in ticks for event in tick.events if event.name == "voice_failed"]
            assert reasons == ["cannot say What?"]
            assert (await held.read(voice, ["Well again."], ""))[1] == "speaking"

    asyncio.run(scene())


def test_too_many_texts_are_refused_and_none_before_is_lost() -> None:
    async def scene() -> None:
        voice = Reader(seconds=0.01)
        async with session() as (held, ticks):
            first = asyncio.create_task(held.read(voice, ["wait"], ""))
            await asyncio.sleep(0.01)
            for number in range(TEXTS):
                assert (await held.read(voice, ["x" * (number + 1)], ""))[1] == "waiting"
            with pytest.raises(Problem, match="texts wait"):
                await held.read(voice, ["one too many"], "")
            voice.gate.set()
            assert (await first)[1] == "speaking"
            await until(ticks, "finished", TEXTS + 1)
            assert len(voice.said) == TEXTS + 1

    asyncio.run(scene())


def test_a_voice_is_not_asked_for_more_than_a_session_keeps() -> None:
    async def scene() -> None:
        voice = Reader(seconds=1.0)
        async with session(buffer=4.0) as (held, ticks):
            await held.read(voice, ["x" * (1 + place) for place in range(40)], "")
            await until(ticks, "speaking")
            for _ in range(50):
                await asyncio.sleep(0.004)
                played = sum(tick.samples.any() for tick in ticks) / float(QuickAvatar.info.fps)
                assert len(voice.said) <= 4 + played + 2
            await held.live.close()
            assert len(voice.said) < 40
            while held.feeder is not None and not held.feeder.done():
                await asyncio.sleep(0.01)
            with pytest.raises(SessionOver):
                await held.read(voice, ["Still there."], "")

    asyncio.run(scene())


def test_a_long_speech_comes_first() -> None:
    async def scene() -> None:
        async with session() as (held, _):
            held.feeder = asyncio.create_task(asyncio.sleep(3_000))
            with pytest.raises(Problem, match="long speech"):
                await held.read(Reader(), ["Me too."], "")
            held.hush()

    asyncio.run(scene())


def test_one_text_of_many_sentences_is_one_utterance_without_a_gap() -> None:
    async def scene() -> None:
        voice = Reader()
        async with session() as (held, ticks):
            texts = [f"{'x' * place}." for place in range(1, 6)]
            await held.read(voice, texts, "")
            await until(ticks, "speaking")
            assert voice.said == texts  # all are there before the first is heard: the voice makes nobody wait
            await until(ticks, "finished")
            assert np.array_equal(heard(ticks), np.concatenate([voice.sound(text) for text in texts]))
            sounding = [tick.number for tick in ticks if tick.samples.any()]
            between = [tick for tick in ticks if sounding[0] < tick.number < sounding[-1]]
            assert {tick.state for tick in between if not tick.samples.any()} <= {"stalled"}  # by a slow machine
            assert {tick.utterance for tick in ticks if tick.utterance} == {1}

    asyncio.run(scene())
