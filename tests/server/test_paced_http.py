"""A body in tiny pieces does not hold up the event loop, and nothing of it is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest

pytest.importorskip("uvicorn")
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from lipsmith.server import paced_http
from lipsmith.server.paced_http import LARGE, PacedHttp
from lipsmith.server.paced_websocket import PIECE
from tests.support.guarded_server import BEARER, Guarded, all_of, guarded_server

HEAD = f"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\n{BEARER}"


@pytest.fixture(scope="module")
def server() -> Iterator[Guarded]:
    with guarded_server() as running:
        yield running


def test_a_body_of_one_byte_chunks_arrives_in_pieces(server: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    parse = H11Protocol.data_received

    def noticed(self: H11Protocol, data: bytes) -> None:
        sizes.append(len(data))
        parse(self, data)

    monkeypatch.setattr(H11Protocol, "data_received", noticed)
    body = "1\r\na\r\n" * 10_000 + "0\r\n\r\n"
    with server.connect(f"{HEAD}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n{body}") as client:
        assert '{"bytes":10000}' in all_of(client)
    assert max(sizes) <= LARGE
    assert len(sizes) > 3


def test_large_bodies_and_requests_behind_them_arrive_whole(server: Guarded) -> None:
    body = "x" * 3_000_000
    with server.connect() as client:
        one = f"{HEAD}Content-Length: {len(body)}\r\n\r\n{body}"
        client.sendall((one * 2 + f"{HEAD}Content-Length: 2\r\nConnection: close\r\n\r\nab").encode())
        answers = all_of(client)
    assert [answers.count(f'{{"bytes":{count}}}') for count in (3_000_000, 2)] == [2, 1]


def test_what_comes_too_early_behind_the_request_of_a_websocket_is_dropped(
    server: Guarded, caplog: pytest.LogCaptureFixture
) -> None:
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    head = f"GET /v1/ws HTTP/1.1\r\nHost: localhost\r\n{BEARER}{key}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    with server.connect(head + "x" * 9_000) as client:
        assert client.recv(12) == b"HTTP/1.1 101"
    assert "Fatal error" not in caplog.text


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


def test_slow_pieces_share_a_fifth_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, cost = Loop(), 1.0

    def parse(self: H11Protocol, data: bytes) -> None:
        loop.now += cost

    def connection() -> PacedHttp:
        config = uvicorn.Config(parse, lifespan="off", log_config=None)
        made = PacedHttp(config=config, server_state=ServerState(), app_state={}, _loop=loop)
        transport = MagicMock(is_closing=lambda: False, get_protocol=lambda: made)
        made.transport, made.flow = transport, MagicMock(read_paused=False)
        return made

    monkeypatch.setattr(H11Protocol, "data_received", parse)
    monkeypatch.setattr(H11Protocol, "connection_lost", lambda *_: None)
    monkeypatch.setattr(paced_http.time, "thread_time", lambda: loop.now)
    first, second, quick = connection(), connection(), connection()
    first.data_received(b"x" * 3 * PIECE)
    second.data_received(b"x" * 3 * PIECE)
    assert [seconds for seconds, _ in loop.turns] == [4.0, 8.0]  # seconds of rest after a second of parsing
    first.transport.pause_reading.assert_called()
    second.data_received(b"x")
    assert len(second._unparsed) == 2 * PIECE + 1
    cost = 0.0
    quick.data_received(b"x" * 9 * PIECE)
    assert (len(loop.turns), len(quick._unparsed)) == (2, 0)  # what is parsed quickly waits for nobody
    first.connection_lost(None)
    second.connection_lost(None)
    assert not PacedHttp._resting
