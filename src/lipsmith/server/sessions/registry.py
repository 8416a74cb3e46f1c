"""The live sessions of one server: opened over a client's avatars, watched, and closed when nobody comes any more.

Transports plug in here: ``SessionRegistry.get`` finds a client's session, ``SessionHandle.live`` listens and
attaches sinks, and
``SessionHandle.watched`` keeps it open meanwhile. All of it is for the event loop.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...avatars.options import engine_of
from ...jobs.queue import new_id
from ...realtime.host import LiveSession, SessionHost, SessionStats
from ..malloc import give_back
from ..problems import Problem
from .speech_queue import SpeechQueue, SpeechStatus

if TYPE_CHECKING:
    from pathlib import Path

    from ...avatars.avatar import Avatar
    from ...avatars.store import AvatarStore
    from ...tts.protocols import Voice
    from ..config import ServerSettings

LOOK = 1.0  # seconds between two looks for sessions that nobody wants
DRAIN = 5.0  # seconds that those who speak get when the server stops


@dataclass(slots=True, eq=False)
class SessionHandle:
    """One open session."""

    id: str
    owner: str
    avatar: Avatar
    live: LiveSession
    created: float  # seconds since 1970
    touched: float  # on the clock of the sessions
    watchers: int = 0
    feeder: asyncio.Task[None] | None = None  # says a speech that is longer than what a session keeps, or texts
    talk: SpeechQueue | None = None  # the texts, if it is them

    @contextmanager
    def watched(self) -> Iterator[LiveSession]:
        """Somebody hears it: it stays open."""
        self.watchers += 1
        try:
            yield self.live
        finally:
            self.watchers -= 1

    async def read(self, voice: Voice, pieces: list[str], language: str) -> tuple[int | None, SpeechStatus]:
        """Have ``pieces`` of a text read aloud in their turn.

        Returns:
            The utterance where they sound already, and what is becoming of them.

        Raises:
            Problem: too-much-said; a long speech is being said, or too many texts wait.
            LipsmithError: the voice cannot say the first piece, or the session is over.
        """
        busy = self.feeder is not None and not self.feeder.done()
        if busy and self.talk is None:
            raise Problem("too-much-said", "A long speech is being said: interrupt it, or wait.", retry_after=5)
        talk = self.talk if busy and self.talk else SpeechQueue(self.live, voice)
        text = talk.add(pieces, language)
        if busy:
            return None, "waiting"
        self.talk, self.feeder = talk, asyncio.create_task(self._reading(talk))
        utterance = await asyncio.shield(text.begun)
        return utterance, "interrupted" if utterance is None else "speaking"

    async def _reading(self, talk: SpeechQueue) -> None:
        try:
            with self.watched():
                await talk.run()
        finally:
            if self.talk is talk:
                self.talk = None

    def hush(self) -> None:
        """Stop the speech that is being said in parts, or the texts."""
        if self.talk is not None:
            self.talk.drop()  # its task may not have begun
        if self.feeder is not None:
            self.feeder.cancel()
            self.feeder = self.talk = None


@dataclass(slots=True)
class SessionRegistry:
    """All that are open, and one studio for every engine they were prepared by."""

    options: ServerSettings
    clock: Callable[[], float] = time.monotonic
    held: dict[str, SessionHandle] = field(default_factory=dict)
    _studios: dict[str, SessionHost] = field(default_factory=dict)
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    _keeper: asyncio.Task[None] | None = None
    _left: bool = False  # a session, since the last look

    async def open(self, owner: str, avatar_store: AvatarStore, name: str, rate: int) -> SessionHandle:
        """A new session of ``owner`` over their avatar. Raises Busy, Problem queue-full or too-many-sessions."""
        async with self._opening:
            self._check_room(owner)
            avatar = await asyncio.to_thread(avatar_store.open, name)
            try:
                studio = await self._studio(avatar)
                live = await studio.open(avatar, rate)
            except BaseException:
                avatar.close()
                raise
        held = SessionHandle(new_id(), owner, avatar, live, time.time(), self.clock())
        self.held[held.id] = held
        live.task.add_done_callback(lambda _: self._gone(held))
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep())
        return held

    def get(self, owner: str, session: str) -> SessionHandle:
        """The client's session, touched. Raises Problem not-found for those of others too."""
        held = self.held.get(session)
        if held is None or held.owner != owner:
            raise Problem("not-found", "You have no session of that id.")
        held.touched = self.clock()
        return held

    def of(self, owner: str) -> list[SessionHandle]:
        """The client's sessions."""
        return [held for held in self.held.values() if held.owner == owner]

    async def close(self, held: SessionHandle) -> None:
        """End one session; who listens hears of it."""
        held.hush()
        await held.live.close()

    async def drain(self) -> None:
        """End all, after those who speak had a moment to finish."""
        if self._keeper is not None:
            self._keeper.cancel()
        await asyncio.gather(*(studio.drain(DRAIN) for studio in self._studios.values()))

    def figures(self) -> list[SessionStats]:
        """How each studio does."""
        return [studio.stats() for studio in list(self._studios.values())]

    def _check_room(self, owner: str) -> None:
        if len(self.held) >= self.options.sessions:
            raise Problem("queue-full", f"{len(self.held)} sessions are open, the most here.", retry_after=10)
        if len(self.of(owner)) >= self.options.own_sessions:
            raise Problem("too-many-sessions", "Close one of your sessions first.", retry_after=10)

    async def _studio(self, avatar: Avatar) -> SessionHost:
        info = avatar.info
        key = json.dumps([info.engine, info.engine_version, dict(info.options)], sort_keys=True, default=str)
        if key not in self._studios:
            engine = await asyncio.to_thread(engine_of, info)
            await self._close_idle_studios()
            self._studios[key] = SessionHost(engine, self.options.sessions)
        return self._studios[key]

    async def _close_idle_studios(self) -> None:
        """An engine that nobody speaks with makes room for another."""
        for key in [key for key, studio in self._studios.items() if not studio.sessions]:
            await self._studios.pop(key).close()

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            oldest = self.clock() - self.options.session_idle_seconds
            for held in [one for one in self.held.values() if not one.watchers and one.touched < oldest]:
                await self.close(held)
            if self._left:
                self._left = False
                await asyncio.to_thread(give_back)

    def _gone(self, held: SessionHandle) -> None:
        held.hush()
        self._left = True
        self.held.pop(held.id, None)
        held.avatar.close()


def read_pcm(path: Path, rate: int) -> Iterator[bytes]:
    """Half seconds of a file of float32 samples at ``rate``."""
    with path.open("rb") as file:
        while block := file.read(rate // 2 * 4):
            yield block
