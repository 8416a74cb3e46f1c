"""Live sessions pushed to streaming servers for their clients. For the event loop; ``push_targets`` says where to."""

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
    from .handle import SessionHandle
    from .push_targets import PushTarget

MOST = 2
"""Pushes of one session."""
CHECK_SECONDS = 0.25
"""Between two checks of a push."""

PushState = Literal["connecting", "connected", "waiting"]


@dataclass(slots=True, eq=False)
class RunningPush:
    """One session on its way to one streaming server."""

    id: str
    to: str  # as it may be shown: without its key
    handle: SessionHandle
    sink: PushSink
    created: float  # seconds since 1970
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    @property
    def state(self) -> PushState:
        """waiting: there is no connection, another will be tried; the sink's ``trouble`` says why."""
        if self.sink.connected:
            return "connected"
        return "waiting" if self.sink.trouble else "connecting"

    async def end(self) -> None:
        """Stop it, and return when it is over."""
        self.stopping.set()
        assert self.task is not None
        await asyncio.wait([self.task])

    async def watch(self) -> None:
        """Note in the session what becomes of the push, and keep the session open while it is connected."""
        sink, handle, noted, connections = self.sink, self.handle, "", 0
        try:
            while not self.stopping.is_set() and not sink.failed:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.stopping.wait(), CHECK_SECONDS)
                if sink.connected:
                    handle.touched = time.monotonic()
                if sink.connections > connections:
                    connections, noted = sink.connections, ""
                    handle.live.session.note("push_connected", "", self.id)
                if sink.trouble != noted and not sink.connected:
                    noted = sink.trouble
                    handle.live.session.note("push_lost", noted, self.id)
        finally:
            await self._close()

    async def _close(self) -> None:
        reason = ""
        try:
            await self.handle.live.detach(self.sink)
        except LipsmithError as problem:
            reason = str(problem)
        self.handle.live.session.note("push_ended", reason, self.id)
        self.handle.attachments.remove(self)


def start_push(handle: SessionHandle, address: str, places: tuple[PushTarget, ...]) -> RunningPush:
    """Push a session to ``address``, below one of ``places``, until it is stopped or the session ends.

    Raises:
        Problem: push-refused, or too-many-pushes.
        OptionError: it is no address.
        SessionOver: it is, but for sinks that are still being closed.
    """
    address = allowed(address, places)
    if handle.live.state == "over":
        raise SessionOver("The session is over.")
    if len(handle.attached(RunningPush)) >= MOST:
        raise Problem("too-many-pushes", f"It is pushed to {MOST} places, the most: stop one first.")
    info = handle.avatar.info
    sink = PushSink(address, PushOptions(engine=f"{info.engine} {info.engine_version}"))
    push = RunningPush(new_id(), hidden(address), handle, sink, time.time())
    handle.live.attach(sink)
    handle.attachments.append(push)
    push.task = asyncio.create_task(push.watch())
    return push


async def stop_push(handle: SessionHandle, push: str) -> None:
    """End one push of the session, by its id. Raises Problem not-found."""
    for found in handle.attached(RunningPush):
        if found.id == push:
            await found.end()
            return
    raise Problem("not-found", "This session has no push of that id.")


__all__ = ["PushState", "RunningPush", "start_push", "stop_push"]
