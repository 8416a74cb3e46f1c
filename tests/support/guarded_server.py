"""A bare application behind keys, in a thread of this process, with few places for connections and little patience."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from lipsmith.server.auth.keys import new_key, read_keys
from lipsmith.server.auth.middleware import AuthMiddleware
from lipsmith.server.auth.tokens import Signer
from lipsmith.server.config import ServerSettings
from lipsmith.server.connections import ConnectionTable, Patience
from lipsmith.server.protocol import GuardedProtocol, GuardedSocket
from tests.support.waiting import until

KEY, LINE = new_key("alice")
BEARER = f"Authorization: Bearer {KEY}\r\n"


@dataclass
class Guarded:
    """One server."""

    table: ConnectionTable
    port: int

    def connect(self, sent: str = "") -> socket.socket:
        """A connection on which ``sent`` was sent; reading from it takes 10 s at most."""
        made = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        made.sendall(sent.encode())
        return made

    def silent(self, count: int) -> list[socket.socket]:
        """Connections that the table knows, on which nothing is sent."""
        before = self.table.without_key + self.table.ended.total()
        made = [self.connect() for _ in range(count)]
        until(lambda: self.table.without_key + self.table.ended.total() >= before + count)
        return made

    def get(self, path: str, head: str = "") -> str:
        """The whole answer to one request."""
        with self.connect(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{head}Connection: close\r\n\r\n") as made:
            return all_of(made)


def all_of(connection: socket.socket) -> str:
    """What comes until the other side closes."""
    found = b""
    try:
        while part := connection.recv(65_536):
            found += part
    except ConnectionError:
        pass
    return found.decode(errors="replace")


async def wait(request: Request) -> Response:
    """Answers when the client sent its whole body, or for ``/hold`` and ``/v1/hold`` when it is gone."""
    if request.url.path.endswith("/hold"):
        while not await request.is_disconnected():
            await asyncio.sleep(0.02)
    return JSONResponse({"bytes": len(await request.body())})


async def echo(ws: WebSocket) -> None:
    await ws.accept()
    async for text in ws.iter_text():
        await ws.send_text(text)


@contextmanager
def guarded_server(patience: Patience | None = None, **places: int) -> Iterator[Guarded]:
    table = ConnectionTable(**{"most": 8, "own": 6, "keyless": 10, **places}, patience=patience or Patience())
    routes = [WebSocketRoute("/v1/ws", echo), Route("/{rest:path}", wait, methods=["GET", "POST"])]
    app = AuthMiddleware(
        Starlette(routes=routes), ServerSettings(), read_keys(None, LINE), Signer(b"secret"), table
    )  # fmt: skip
    listening = socket.create_server(("127.0.0.1", 0), backlog=1000)
    protocols: dict[str, Any] = {
        "http": partial(GuardedProtocol, table=table), "ws": partial(GuardedSocket, table=table),
    }  # fmt: skip
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", **protocols))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        until(lambda: server.started)
        yield Guarded(table, listening.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join()
