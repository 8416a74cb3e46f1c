"""Live sessions pushed to streaming servers for their clients. For the event loop; ``push_rules`` says where to."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from ...errors import LipsmithError, SessionOver
from ...jobs.queue import new_id
from ...transports.push import PushOptions, PushSink, hidden
from ..problems import Problem
from .push_targets import allowed

if TYPE_CHECKING:
    from .push_targets import PushTarget
    from .registry import SessionHandle

MOST = 2
"""Pushes of one session."""
LOOK = 0.25
"""Seconds between two looks at a push."""

PushState = Literal["connecting", "connected", "waiting"]


@dataclass(slots=True, eq=False)
class RunningPush:
    """One session on its way to one streaming server."""

    id: str
    to: str  # as it may be shown: without its key
    sink: PushSink
    created: float  # seconds since 1970
    wish: asyncio.Event = field(default_factory=asyncio.Event)  # that it ends
    task: asyncio.Task[None] | None = None

    @property
    def state(self) -> PushState:
        """waiting: there is no connection, another will be tried; the ``trouble`` says why."""
        if self.sink.connected:
            return "connected"
        return "waiting" if self.sink.trouble else "connecting"


@dataclass(slots=True)
class PushRegistry:
    """All that go on, below the ``places`` that the operator named."""

    places: tuple[PushTarget, ...]
    _open: dict[str, dict[str, RunningPush]] = field(default_factory=dict)  # by session

    def start(self, held: SessionHandle, address: str) -> RunningPush:
        """Push a session to ``address`` until it is stopped or the session ends.

        Raises:
            Problem: push-refused, or too-many-pushes.
            OptionError: it is no address.
            SessionOver: it is, but for sinks that are still being closed.
        """
        address = allowed(address, self.places)
        if held.live.state == "over":
            raise SessionOver("The session is over.")
        if len(self.of(held)) >= MOST:
            raise Problem("too-many-pushes", f"It is pushed to {MOST} places, the most: stop one first.")
        info = held.avatar.info
        sink = PushSink(address, PushOptions(engine=f"{info.engine} {info.engine_version}"))
        push = RunningPush(new_id(), hidden(address), sink, time.time())
        held.live.attach(push.sink)
        self._open.setdefault(held.id, {})[push.id] = push
        push.task = asyncio.create_task(self._watch(held, push))
        held.live.task.add_done_callback(lambda _: push.wish.set())
        return push

    def of(self, held: SessionHandle) -> list[RunningPush]:
        """Those of one session."""
        return list(self._open.get(held.id, {}).values())

    async def stop(self, held: SessionHandle, push: str) -> None:
        """End one. Raises Problem not-found."""
        found = self._open.get(held.id, {}).get(push)
        if found is None:
            raise Problem("not-found", "This session has no push of that id.")
        await _end(found)

    async def drain(self) -> None:
        """Until every push is over, when the sessions are."""
        await asyncio.gather(*(_end(push) for one in list(self._open.values()) for push in one.values()))

    async def _watch(self, held: SessionHandle, push: RunningPush) -> None:
        """Tell the session what becomes of the push, and keep it open while somebody may see it there."""
        sink, told, made = push.sink, "", 0
        try:
            while not push.wish.is_set() and not sink.failed:
                with suppress(TimeoutError):
                    await asyncio.wait_for(push.wish.wait(), LOOK)
                if sink.connected:
                    held.touched = time.monotonic()
                if sink.connections > made:
                    made, told = sink.connections, ""
                    held.live.session.note("push_connected", "", push.id)
                if sink.trouble != told and not sink.connected:
                    told = sink.trouble
                    held.live.session.note("push_lost", told, push.id)
        finally:
            await self._close(held, push)

    async def _close(self, held: SessionHandle, push: RunningPush) -> None:
        reason = ""
        try:
            await held.live.detach(push.sink)
        except LipsmithError as problem:
            reason = str(problem)
        held.live.session.note("push_ended", reason, push.id)
        left = self._open[held.id]
        del left[push.id]
        if not left:
            del self._open[held.id]


async def _end(push: RunningPush) -> None:
    push.wish.set()
    assert push.task is not None
    await asyncio.wait([push.task])


__all__ = ["PushRegistry", "PushState", "RunningPush"]
