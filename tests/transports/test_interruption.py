"""After an interruption no old sample leaves, exactly. The test calls every tick, so that time is in its hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytest.importorskip("websockets")
import uvicorn
import websockets
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from lipsmith.engines.fake import FakeEngine, FakeOptions
from lipsmith.realtime.session import Session
from lipsmith.transports.websocket import WebSocketSink
from lipsmith.transports.websocket_frames import FrameKind, sound_out, unpack
from lipsmith.types import Samples
from tests.support.peers import INFO, until
from tests.support.session_doubles import MemoryAvatar, World


class HandDriven(World):
    """A session whose ticks go to a client, one by one."""

    def __init__(self) -> None:
        engine = FakeEngine(FakeOptions(context=0))
        super().__init__(Session(MemoryAvatar(engine), engine, INFO), engine)

    async def tick(self, sink: WebSocketSink) -> None:
        """The next one. The sink has handed it over when this returns, so that none is dropped."""
        tick = self.run(1)[0]
        assert tick.image is not None
        sink.write(tick.frame(tick.image))
        await until(lambda: not len(sink._thread.queue))


@asynccontextmanager
async def serving(world: HandDriven) -> AsyncIterator[tuple[str, list[WebSocketSink]]]:
    sinks: list[WebSocketSink] = []

    async def endpoint(socket: WebSocket) -> None:
        await socket.accept()
        sink = WebSocketSink(socket, world.session, INFO)
        sink.open(INFO)
        sinks.append(sink)
        await sink.run()

    app = Starlette(routes=[WebSocketRoute("/ws", endpoint)])
    running = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", ws="websockets-sansio"))
    task = asyncio.create_task(running.serve())
    await until(lambda: running.started)
    try:
        yield f"ws://127.0.0.1:{running.servers[0].sockets[0].getsockname()[1]}/ws", sinks
    finally:
        running.should_exit = True
        await task


async def heard(socket: Any, samples: int) -> Samples:
    """The first ``samples`` of the client's sound."""
    parts: list[Samples] = []
    while sum(map(len, parts)) < samples:
        message = await socket.recv()
        if isinstance(message, bytes) and (frame := unpack(message)).kind is FrameKind.SOUND_OUT:
            assert frame.time == sum(map(len, parts))
            parts.append(np.frombuffer(frame.payload, "<i2").astype(np.float32) / 32768)
    return np.concatenate(parts)


@pytest.mark.parametrize("reads", ["always", "late"])
@pytest.mark.parametrize("moment", [6, 30])
def test_no_old_sample_follows_its_tick(moment: int, reads: str) -> None:
    """``late``: what the session played waits on its way, and it is read when the interruption is long over."""
    sound: Samples = np.random.default_rng(0).random(10 * INFO.rate, np.float32) * 0.5 + 0.25
    ticks, world = 45, HandDriven()

    async def scene() -> Samples:
        async with serving(world) as (url, sinks), websockets.connect(url, compression=None) as socket:
            await socket.send('{"type": "hello", "window": 50}')
            await socket.recv()
            if reads == "late":
                socket.transport.pause_reading()
            world.session.say(sound)
            for number in range(ticks):
                if number == moment:
                    await socket.send('{"type": "interrupt"}')
                    await until(lambda: not world.session.busy)
                await world.tick(sinks[0])
            socket.transport.resume_reading()
            return await heard(socket, ticks * INFO.rate // 25)

    got, cut = asyncio.run(scene()), moment * INFO.rate // 25
    begins = int(np.flatnonzero(got)[0])
    assert begins < cut
    said = sound_out(sound[: cut - begins], 0).payload
    assert np.array_equal(got[begins:cut], np.frombuffer(said, "<i2").astype(np.float32) / 32768)
    assert not got[cut:].any()
