"""Data that comes in bulk is parsed in pieces, and nothing of it is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest

pytest.importorskip("uvicorn")
pytest.importorskip("websockets")
import uvicorn
import websockets
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from lipsmith.server import paced_websocket
from lipsmith.server.paced_websocket import PIECE, PacedWebSocket
from tests.support.peers import until


@asynccontextmanager
async def server(got: list[Any], go_on: asyncio.Event) -> AsyncIterator[str]:
    """Keeps the messages of its clients, which it reads when it may."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await go_on.wait()
        while (message := await receive())["type"] == "websocket.receive":
            got.append(message.get("text") or message.get("bytes"))

    config = uvicorn.Config(app, port=0, log_level="warning", ws=PacedWebSocket, lifespan="off")
    running = uvicorn.Server(config)
    task = asyncio.create_task(running.serve())
    await until(lambda: running.started)
    try:
        yield f"ws://127.0.0.1:{running.servers[0].sockets[0].getsockname()[1]}/"
    finally:
        running.should_exit = True
        await task


def test_all_of_it_comes_in_order_and_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    parse = WebSocketsSansIOProtocol.data_received

    def noticed(self: WebSocketsSansIOProtocol, data: bytes) -> None:
        sizes.append(len(data))
        parse(self, data)

    monkeypatch.setattr(WebSocketsSansIOProtocol, "data_received", noticed)
    sent: list[Any] = [*(f"{number}" for number in range(3_000)), b"x" * 300_000, *("y" * 5_000 for _ in range(9))]

    async def scene() -> list[Any]:
        got, go_on = list[Any](), asyncio.Event()
        async with server(got, go_on) as url, websockets.connect(url, compression=None) as socket:
            sending = asyncio.create_task(_send(socket, sent))
            await asyncio.sleep(0.05)
            assert sum(sizes) < 2 * PIECE  # nobody reads yet: what comes stays in the socket
            go_on.set()
            await sending
            await socket.close()
            await until(lambda: len(got) == len(sent))
        return got

    assert asyncio.run(scene()) == sent
    assert max(sizes) <= PIECE


class Loop:
    """Time passes only while something is parsed, a second for each piece."""

    now = 0.0

    def __init__(self) -> None:
        self.turns: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def call_later(self, seconds: float, work: Callable[[], None]) -> Any:
        self.turns.append((seconds, work))
        return SimpleNamespace(cancel=lambda: None)


def test_those_who_send_in_bulk_share_a_fifth_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = Loop()

    def parse(self: WebSocketsSansIOProtocol, data: bytes) -> None:
        loop.now += 1

    def connection() -> PacedWebSocket:
        made = PacedWebSocket(uvicorn.Config(parse, lifespan="off", log_config=None), ServerState(), {}, _loop=loop)
        made.transport = MagicMock(is_closing=lambda: False)
        return made

    monkeypatch.setattr(WebSocketsSansIOProtocol, "data_received", parse)
    monkeypatch.setattr(WebSocketsSansIOProtocol, "connection_lost", lambda *_: None)
    monkeypatch.setattr(paced_websocket.time, "thread_time", lambda: loop.now)
    first, second, small = connection(), connection(), connection()
    first.data_received(b"x" * 3 * PIECE)
    second.data_received(b"x" * 3 * PIECE)
    assert [seconds for seconds, _ in loop.turns] == [4.0, 8.0]  # seconds of rest after a second of parsing
    first.transport.pause_reading.assert_called()
    loop.turns[0][1]()
    assert loop.turns[2][0] == 8.0
    small.data_received(b"x")
    assert len(loop.turns) == 3  # what comes singly waits for nobody
    first.connection_lost(None)
    second.connection_lost(None)
    assert not PacedWebSocket._resting


async def _send(socket: websockets.ClientConnection, messages: list[Any]) -> None:
    for message in messages:
        await socket.send(message)
