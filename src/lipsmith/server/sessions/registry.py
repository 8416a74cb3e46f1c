"""The live sessions of one server: opened over a client's avatars, and closed when nobody uses them any more.

Transports find a client's session with ``SessionRegistry.get``, attach to it, and keep it open with
``SessionHandle.watched``. All of it is for the event loop.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...avatars.options import engine_of, kept_options
from ...jobs.queue import new_id
from ...realtime.host import SessionHost, SessionStats
from ..malloc import give_back
from ..problems import Problem
from .handle import SessionHandle
from .viewers import count_viewers

if TYPE_CHECKING:
    from ...avatars.avatar import Avatar
    from ...avatars.store import AvatarStore
    from ..config import ServerSettings

CHECK_SECONDS = 1.0
"""Between two checks for sessions that nobody uses."""
DRAIN_SECONDS = 5.0
"""What sessions that speak get to finish when the server stops."""
COUNTS = ("stalls", "late", "rebased", "dropped", "overflows")
"""Members of ``SessionStats`` that only grow."""


@dataclass(slots=True)
class SessionRegistry:
    """All sessions that are open, and one host for every engine that their avatars were prepared by.

    ``on_opened`` is called with every session that was opened, ``on_closed`` with every one that is over and why.
    """

    settings: ServerSettings
    clock: Callable[[], float] = time.monotonic
    on_opened: Callable[[SessionHandle], None] = lambda _: None
    on_closed: Callable[[SessionHandle, str], None] = lambda *_: None
    sessions: dict[str, SessionHandle] = field(default_factory=dict)  # that are open, by id
    _closing: dict[SessionHandle, asyncio.Task[None]] = field(default_factory=dict)  # over, but not what is attached
    _hosts: dict[str, SessionHost] = field(default_factory=dict)
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    _idle_task: asyncio.Task[None] | None = None
    _some_ended: bool = False  # since the last look
    _past_voice_errors: int = 0  # of sessions that are over
    _past_counts: Counter[str] = field(default_factory=Counter)  # of hosts that are closed
    _past_batches: Counter[int] = field(default_factory=Counter)

    async def open(
        self, owner: str, avatar_store: AvatarStore, name: str, rate: int, changes: Mapping[str, Any] | None = None
    ) -> SessionHandle:
        """A new session of ``owner`` over their avatar; ``changes``: options of its engine, as in ``engine_of``.

        Raises:
            Busy, Problem: queue-full or too-many-sessions.
            OptionError: an option that the engine does not have, or that shaped what was prepared.
        """
        async with self._opening:
            self._check_room(owner)
            avatar = await asyncio.to_thread(avatar_store.open, name)
            try:
                host = await self._host(avatar, changes or {})
                live = await host.open(avatar, rate)
            except BaseException:
                avatar.close()
                raise
        handle = SessionHandle(new_id(), owner, avatar, live, time.time(), self.clock())
        self.sessions[handle.id] = handle
        live.task.add_done_callback(lambda _: self._ended(handle))
        if self._idle_task is None:
            self._idle_task = asyncio.create_task(self._close_idle())
        self.on_opened(handle)
        return handle

    def get(self, owner: str, session: str) -> SessionHandle:
        """The client's session, touched. Raises Problem not-found for those of others too."""
        handle = self.sessions.get(session)
        if handle is None or handle.owner != owner:
            raise Problem("not-found", "You have no session of that id.")
        handle.touched = self.clock()
        return handle

    def of(self, owner: str) -> list[SessionHandle]:
        """The client's sessions."""
        return [handle for handle in self.sessions.values() if handle.owner == owner]

    async def drain(self) -> None:
        """End all sessions, after those that speak had a moment to finish, and everything attached to them."""
        if self._idle_task is not None:
            self._idle_task.cancel()
        for host in self._hosts.values():
            host.refuse_new()
        stop = self.clock() + DRAIN_SECONDS
        while self.clock() < stop and any(one.live.session.busy for one in self.sessions.values()):
            await asyncio.sleep(0.05)
        await asyncio.gather(*(handle.close("drain") for handle in [*self.sessions.values(), *self._closing]))
        await asyncio.gather(*(host.close() for host in self._hosts.values()))

    def viewers(self) -> int:
        """How many watch the open sessions, by WebRTC and by WebSocket."""
        return sum(count_viewers(handle) for handle in self.sessions.values())

    @property
    def voice_errors(self) -> int:
        """How often the voice could not read a text, since the server was started."""
        return self._past_voice_errors + sum(handle.voice_errors for handle in self.sessions.values())

    def stats(self) -> list[SessionStats]:
        """How each host does."""
        return [host.stats() for host in list(self._hosts.values())]

    def counts(self) -> Counter[str]:
        """What hosts counted since the server was started, by the names of ``COUNTS``."""
        return sum((_counts(one) for one in self.stats()), self._past_counts.copy())

    def batches(self) -> Counter[int]:
        """Windows in a call to an engine -> number of calls since the server was started."""
        return sum((Counter(one.batches) for one in self.stats()), self._past_batches.copy())

    def _check_room(self, owner: str) -> None:
        if len(self.sessions) >= self.settings.sessions:
            text = "This server has as many live sessions as it takes: try again when one has been closed."
            raise Problem("queue-full", text, retry_after=10)
        if len(self.of(owner)) >= self.settings.own_sessions:
            text = "You have as many live sessions as you may: close one of them first."
            raise Problem("too-many-sessions", text, retry_after=10)

    async def _host(self, avatar: Avatar, changes: Mapping[str, Any]) -> SessionHost:
        info = avatar.info
        options = {**kept_options(info), **changes}
        key = json.dumps([info.engine, info.engine_version, options], sort_keys=True, default=str)
        if key not in self._hosts:
            engine = await asyncio.to_thread(engine_of, info, changes)
            await self._close_unused_hosts()
            self._hosts[key] = SessionHost(engine, self.settings.sessions)
        return self._hosts[key]

    async def _close_unused_hosts(self) -> None:
        """An engine that nobody speaks with makes room for another."""
        for key in [key for key, host in self._hosts.items() if not host.sessions]:
            host = self._hosts.pop(key)
            stats = host.stats()  # before anything is awaited, so that no figure falls meanwhile
            self._past_counts.update(_counts(stats))
            self._past_batches.update(stats.batches)
            await host.close()

    async def _close_idle(self) -> None:
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            oldest = self.clock() - self.settings.session_idle_seconds
            for handle in [one for one in self.sessions.values() if not one.watchers and one.touched < oldest]:
                await handle.close("idle")
            if self._some_ended:
                self._some_ended = False
                await asyncio.to_thread(give_back)

    def _ended(self, handle: SessionHandle) -> None:
        """A session is over, for whatever reason: nobody finds it any more, and what is attached to it ends."""
        self._some_ended = True
        handle.ended = handle.ended or "failed"
        self._past_voice_errors += handle.voice_errors
        del self.sessions[handle.id]
        handle.avatar.close()
        self.on_closed(handle, handle.ended)
        closing = self._closing[handle] = asyncio.create_task(handle.close())
        closing.add_done_callback(lambda _: self._closing.pop(handle))


def _counts(stats: SessionStats) -> Counter[str]:
    return Counter({name: getattr(stats, name) for name in COUNTS})
