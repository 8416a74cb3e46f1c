"""Texts on their way through a session: what is heard is what the voice said, and no more after an interruption."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

import numpy as np
import pytest

from lipsmith.errors import SessionOver, VoiceError
from lipsmith.realtime.ticks import Tick
from lipsmith.server.problems import Problem
from lipsmith.server.sessions.speech_queue import TEXTS
from lipsmith.tts.protocols import SpeechStyle, SpokenSound
from lipsmith.types import Samples
from tests.support.quick_session import RATE, quick_session
from tests.support.session_doubles import QuickAvatar, is_drawn

PLAIN = SpeechStyle()


@dataclass
class Reader:
    """Says every text as noise of a tenth of a second; ``fail`` it cannot say, at ``gate`` it waits."""

    name: str = "reader"
    languages: tuple[str, ...] = ()
    voices: tuple[str, ...] = ()
    seconds: float = 0.1
    fail: str = "?"
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    said: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def sound(self, text: str) -> Samples:
        made: Samples = np.random.default_rng(len(text)).random(round(self.seconds * RATE), np.float32) * 0.5 + 0.2
        return made

    async def speak(self, text: str, style: SpeechStyle = PLAIN) -> AsyncGenerator[SpokenSound, None]:
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


async def until(ticks: list[Tick], name: str, count: int = 1) -> None:
    """Wait for the ``count``-th event of that name; generous, for busy machines."""
    async with asyncio.timeout(60):
        while sum(event.name == name for tick in ticks for event in tick.events) < count:
            await asyncio.sleep(0.002)


def heard(ticks: list[Tick]) -> Samples:
    sound = np.concatenate([tick.samples for tick in ticks])
    return sound[np.flatnonzero(sound)]


def test_texts_are_said_in_turn_and_the_mouth_with_them() -> None:
    async def scene() -> None:
        voice = Reader()
        async with quick_session() as (handle, ticks):
            texts = [["One two.", "Three."], ["Four is the last."]]
            told = await asyncio.gather(*(handle.read_aloud(voice, text, PLAIN) for text in texts))
            assert told == [(1, "speaking"), (None, "waiting")]
            await until(ticks, "finished", 2)
            assert voice.said == ["One two.", "Three.", "Four is the last."]
            assert np.array_equal(heard(ticks), np.concatenate([voice.sound(text) for text in voice.said]))
            assert all(is_drawn(tick) for tick in ticks if tick.image is not None and tick.samples.any())

    asyncio.run(scene())


def test_a_text_speaks_when_it_is_heard_and_waits_before() -> None:
    """The voice has read the second text long before the first is over: it waits all the same."""

    async def scene() -> None:
        voice = Reader(seconds=0.4)
        async with quick_session() as (handle, ticks):
            assert await handle.read_aloud(voice, ["One is said."], PLAIN) == (1, "speaking")
            assert sum(event.name == "speaking" for tick in ticks for event in tick.events) == 1
            while handle.speech is not None and not handle.speech.done():
                await asyncio.sleep(0)
            assert await handle.read_aloud(voice, ["Two."], PLAIN) == (None, "waiting")
            await until(ticks, "finished", 2)
            told = [(event.name, event.utterance) for tick in ticks for event in tick.events]
            order = [one for one in told if one[0] in ("speaking", "finished")]
            assert order == [("speaking", 1), ("finished", 1), ("speaking", 2), ("finished", 2)]

    asyncio.run(scene())


def test_a_text_that_is_interrupted_before_it_is_heard_never_speaks() -> None:
    async def scene() -> None:
        voice = Reader(seconds=0.4)
        async with quick_session() as (handle, _):
            told = asyncio.create_task(handle.read_aloud(voice, ["One."], PLAIN))
            while not handle.live.session.busy:
                await asyncio.sleep(0)
            handle.interrupt()
            assert await told == (None, "interrupted")

    asyncio.run(scene())


def test_an_interruption_drops_what_is_left_and_what_waits() -> None:
    async def scene() -> None:
        voice = Reader()
        async with quick_session() as (handle, ticks):
            await handle.read_aloud(voice, ["One.", "wait here", "Three."], PLAIN)
            await handle.read_aloud(voice, ["Next text."], PLAIN)
            await until(ticks, "speaking")
            handle.interrupt()
            again = await handle.read_aloud(voice, ["Something else."], PLAIN)
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
        async with quick_session() as (handle, _):
            waiting = asyncio.create_task(handle.read_aloud(voice, ["wait for ever"], PLAIN))
            await asyncio.sleep(0.02)
            assert handle.watchers == 1  # it is not closed as unused meanwhile
            handle.cancel_speech()
            assert await waiting == (None, "interrupted")
            assert handle.watchers == 0
            waiting = asyncio.create_task(handle.read_aloud(voice, ["wait for ever"], PLAIN))
            asyncio.get_running_loop().call_soon(handle.cancel_speech)  # after the wish, before its task begins
            assert await waiting == (None, "interrupted")
            assert voice.said == []

    asyncio.run(scene())


def test_a_voice_that_fails_at_once_is_raised_and_later_told() -> None:
    async def scene() -> None:
        voice = Reader()
        async with quick_session() as (handle, ticks):
            with pytest.raises(VoiceError, match="cannot say"):
                await handle.read_aloud(voice, ["What?"], PLAIN)
            assert (await handle.read_aloud(voice, ["This.", "What?", "Never."], PLAIN))[1] == "speaking"
            await until(ticks, "voice_failed")
            await until(ticks, "finished")
            assert voice.said == ["This."]
            reasons = [event.reason for tick in ticks for event in tick.events if event.name == "voice_failed"]
            assert reasons == ["cannot say What?"]
            assert (await handle.read_aloud(voice, ["Well again."], PLAIN))[1] == "speaking"

    asyncio.run(scene())


def test_too_many_texts_are_refused_and_none_before_is_lost() -> None:
    async def scene() -> None:
        voice = Reader(seconds=0.01)
        async with quick_session() as (handle, ticks):
            first = asyncio.create_task(handle.read_aloud(voice, ["wait"], PLAIN))
            await asyncio.sleep(0.01)
            for number in range(TEXTS):
                assert (await handle.read_aloud(voice, ["x" * (number + 1)], PLAIN))[1] == "waiting"
            with pytest.raises(Problem, match="texts wait"):
                await handle.read_aloud(voice, ["one too many"], PLAIN)
            voice.gate.set()
            assert (await first)[1] == "speaking"
            await until(ticks, "finished", TEXTS + 1)
            assert len(voice.said) == TEXTS + 1

    asyncio.run(scene())


def test_a_voice_is_not_asked_for_more_than_a_session_keeps() -> None:
    async def scene() -> None:
        voice = Reader(seconds=1.0)
        async with quick_session(buffer=4.0) as (handle, ticks):
            await handle.read_aloud(voice, ["x" * (1 + place) for place in range(40)], PLAIN)
            await until(ticks, "speaking")
            for _ in range(50):
                await asyncio.sleep(0.004)
                played = sum(tick.samples.any() for tick in ticks) / float(QuickAvatar.info.fps)
                assert len(voice.said) <= 4 + played + 2
            await handle.live.close()
            assert len(voice.said) < 40
            assert handle.speech is not None
            await asyncio.wait([handle.speech], timeout=60)
            assert handle.speech.done()
            with pytest.raises(SessionOver):
                await handle.read_aloud(voice, ["Still there."], PLAIN)

    asyncio.run(scene())


def test_a_long_speech_comes_first() -> None:
    async def scene() -> None:
        async with quick_session() as (handle, _):
            handle.speech = asyncio.create_task(asyncio.sleep(3_000))
            with pytest.raises(Problem, match="long speech"):
                await handle.read_aloud(Reader(), ["Me too."], PLAIN)
            handle.cancel_speech()

    asyncio.run(scene())


def test_one_text_of_many_sentences_is_one_utterance_without_a_gap() -> None:
    async def scene() -> None:
        voice = Reader()
        async with quick_session() as (handle, ticks):
            texts = [f"{'x' * place}." for place in range(1, 6)]
            await handle.read_aloud(voice, texts, PLAIN)
            await until(ticks, "speaking")
            assert voice.said == texts  # all are there before the first is heard: the voice makes nobody wait
            await until(ticks, "finished")
            assert np.array_equal(heard(ticks), np.concatenate([voice.sound(text) for text in texts]))
            sounding = [tick.number for tick in ticks if tick.samples.any()]
            between = [tick for tick in ticks if sounding[0] < tick.number < sounding[-1]]
            assert {tick.state for tick in between if not tick.samples.any()} <= {"stalled"}  # by a slow machine
            assert {tick.utterance for tick in ticks if tick.utterance} == {1}

    asyncio.run(scene())
