"""One session and what is attached to it: whoever closes the session ends it all."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lipsmith.engines.fake import FakeEngine
from lipsmith.errors import Busy
from lipsmith.realtime.ticks import Tick
from lipsmith.realtime.token_bucket import TokenBucket
from lipsmith.server.config import ServerSettings
from lipsmith.server.error_handlers import close_of
from lipsmith.server.problems import Problem
from lipsmith.server.routes import sessions as routes
from lipsmith.server.schemas.sessions import NewGesture
from lipsmith.server.sessions import registry
from lipsmith.server.sessions.handle import SOCKETS, SessionHandle
from lipsmith.server.sessions.registry import SessionRegistry
from tests.support.quick_session import RATE, quick_session
from tests.support.session_doubles import QuickAvatar


@dataclass(eq=False)
class Slow:
    """Takes a moment to end."""

    handle: SessionHandle
    ended: list[str] = field(default_factory=list)

    async def end(self) -> None:
        state = self.handle.live.state
        await asyncio.sleep(0.05)
        if self in self.handle.attachments:
            self.handle.attachments.remove(self)
            self.ended.append(state)


class Other(Slow):
    pass


class ClosableAvatar(QuickAvatar):
    info: Any = SimpleNamespace(size=(32, 24), fps=400, engine="fake", engine_version="1", options={})
    closed = False

    def close(self) -> None:
        self.closed = True


class OneAvatar:
    """An avatar store."""

    def open(self, name: str) -> ClosableAvatar:
        return ClosableAvatar(FakeEngine())


def test_closing_ends_what_is_attached_and_returns_when_it_is_over() -> None:
    async def scene() -> None:
        async with quick_session() as (handle, _):
            first, second = Slow(handle), Other(handle)
            handle.attachments += [first, second]
            assert handle.attached(Other) == [second]
            assert handle.attached(Slow) == [first, second]
            handle.speech = asyncio.create_task(asyncio.sleep(3_000))
            await handle.close()
            assert first.ended == second.ended == ["over"]
            assert handle.attachments == []
            assert handle.speech is None
            await handle.close()  # again

    asyncio.run(scene())


@pytest.mark.parametrize("by_itself", [False, True])
def test_the_registry_forgets_a_session_and_waits_for_what_is_attached(
    by_itself: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "engine_of", lambda *_: FakeEngine())

    async def scene() -> None:
        sessions = SessionRegistry(ServerSettings())
        store: Any = OneAvatar()
        handle = await sessions.open("alice", store, "anna", RATE)
        attached = Slow(handle)
        handle.attachments.append(attached)
        assert sessions.get("alice", handle.id) is handle
        if by_itself:  # as when its engine fails
            await handle.live.close()
            assert sessions.of("alice") == []
            assert attached.ended == []
        await sessions.drain()
        assert attached.ended == ["over"]
        assert handle.avatar.closed  # type: ignore[attr-defined]
        with pytest.raises(Problem, match="no session"):
            sessions.get("alice", handle.id)

    asyncio.run(scene())


def test_sockets_are_few_and_keep_the_session_open() -> None:
    async def scene() -> None:
        async with quick_session() as (handle, _):
            places = [handle.socket() for _ in range(SOCKETS)]
            for place in places:
                place.__enter__()
            assert handle.watchers == SOCKETS
            with pytest.raises(Busy, match="WebSockets"), handle.socket():
                pass
            for place in places:
                place.__exit__(None, None, None)
            assert (handle.watchers, handle.sockets) == (0, 0)

    asyncio.run(scene())


async def until_told(ticks: list[Tick], name: str) -> None:
    async with asyncio.timeout(60):
        while not any(event.name == name for tick in ticks for event in tick.events):
            await asyncio.sleep(0.002)


def test_a_long_speech_is_given_piece_by_piece_until_it_is_interrupted() -> None:
    async def scene() -> None:
        async with quick_session(buffer=2.0) as (handle, ticks):
            pieces = [np.full(RATE // 2, 0.5, np.float32)] * 40
            assert handle.say_speech(pieces, RATE) == 1
            with pytest.raises(Problem, match="long speech"):
                handle.say_speech(pieces, RATE)
            await until_told(ticks, "speaking")
            heard = handle.interrupt()
            assert heard is not None
            told = ticks[-1]
            await until_told(ticks, "interrupted")
            sounds = np.concatenate([tick.samples for tick in ticks])
            assert 0 < np.count_nonzero(sounds) <= heard.samples  # what waited for this listener became silence
            assert not any(tick.samples.any() for tick in ticks if tick.number > told.number)
            assert handle.interrupt() is None
            assert handle.say_speech(pieces[:1], RATE) == 2

    asyncio.run(scene())


def test_the_registry_tells_who_comes_and_why_who_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "engine_of", lambda *_: FakeEngine())
    monkeypatch.setattr(registry, "CHECK_SECONDS", 0.01)
    opened: list[str] = []
    closed: list[tuple[str, str, int]] = []
    now = [0.0]

    def gone(handle: SessionHandle, reason: str) -> None:
        closed.append((handle.id, reason, handle.close_code()[0]))

    async def scene() -> list[str]:
        sessions = SessionRegistry(ServerSettings(), lambda: now[0], lambda one: opened.append(one.id), gone)
        store: Any = OneAvatar()
        deleted, idle, failed, drained = [await sessions.open("alice", store, "anna", RATE) for _ in range(4)]
        place = drained.socket()
        place.__enter__()
        assert (sessions.viewers(), sessions.voice_errors) == (1, 0)
        drained.voice_errors = 3
        await deleted.close()
        failed.live.session.fail("its engine cannot go on")
        await asyncio.wait([failed.live.task])
        now[0] = 1_000.0
        async with asyncio.timeout(60):
            while len(closed) < 3:
                await asyncio.sleep(0.002)
        await sessions.drain()
        assert (sessions.viewers(), sessions.voice_errors) == (0, 3)
        return [one.id for one in (deleted, failed, idle, drained)]

    ids = asyncio.run(scene())
    assert sorted(opened) == sorted(ids)
    reasons = [("deleted", 1000), ("failed", 1011), ("idle", 4408), ("drain", 1001)]
    assert closed == [(one, *reason) for one, reason in zip(ids, reasons, strict=True)]


def test_what_was_counted_stays_when_an_engine_makes_room_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    class Overflowing(FakeEngine):
        overflows = 3

    monkeypatch.setattr(registry, "engine_of", lambda *_: Overflowing())

    async def scene() -> None:
        sessions = SessionRegistry(ServerSettings())
        store: Any = OneAvatar()
        for context in (1, 2):
            await (await sessions.open("alice", store, "anna", RATE, {"context": context})).close()
        assert len(sessions.stats()) == 1
        assert sessions.counts()["overflows"] == 6
        await sessions.drain()

    asyncio.run(scene())


def test_calls_are_served_up_to_a_limit_and_interruptions_of_silence_are_free() -> None:
    """Time stands still for the limit."""

    async def scene() -> None:
        async with quick_session() as (handle, _):
            handle.calls = TokenBucket(1.0, 2.0, lambda: 0.0)
            state: Any = SimpleNamespace(sessions=SimpleNamespace(get=lambda *_: handle))
            wave = NewGesture(clip="film")
            for _ in range(2):
                await routes.gesture(state, "alice", handle.id, wave)
            for _ in range(50):
                assert (await routes.interrupt(state, "alice", handle.id)).utterance is None
            handle.say(np.full(4_000, 0.5, np.float32))
            for refused in (routes.gesture(state, "alice", handle.id, wave), routes.interrupt(state, "alice", "0")):
                with pytest.raises(Problem) as problem:
                    await refused
                told = problem.value
                assert (told.kind, told.http_status, told.retry_after) == ("too-many-calls", 429, 1)

    asyncio.run(scene())


def test_connections_are_begun_up_to_a_limit() -> None:
    async def scene() -> None:
        async with quick_session() as (handle, _):
            handle.connections = TokenBucket(0.5, 2.0, lambda: 0.0)
            for _ in range(2):
                with handle.socket():
                    pass
            with pytest.raises(Problem, match="Too many connections") as problem, handle.socket():
                pass
            assert close_of(problem.value)[0] == 4429
            assert problem.value.retry_after == 2

    asyncio.run(scene())
