"""A live session without a server, which beats 400 times a second."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from lipsmith.engines.fake import FakeEngine, FakeOptions
from lipsmith.realtime.host import SessionHost
from lipsmith.realtime.session import SessionOptions
from lipsmith.realtime.ticks import Tick
from lipsmith.server.sessions.handle import SessionHandle

from .session_doubles import QuickAvatar

RATE = 16_000
"""Hz at which it plays."""


@asynccontextmanager
async def quick_session(buffer: float = 60.0) -> AsyncIterator[tuple[SessionHandle, list[Tick]]]:
    """One that beats 400 times a second, and its ticks as they come."""
    host = SessionHost(FakeEngine(FakeOptions(context=1)))
    live = await host.open(QuickAvatar(FakeEngine()), RATE, SessionOptions(patience=4_000, buffer=buffer))
    ticks: list[Tick] = []
    listening = asyncio.create_task(_collect(live.listen(ticks=100_000), ticks))
    avatar: Any = None
    yield SessionHandle("0", "alice", avatar, live, 0.0, 0.0), ticks
    await host.close()
    await listening


async def _collect(listener: Any, ticks: list[Tick]) -> None:
    async for tick in listener:
        ticks += [tick]
