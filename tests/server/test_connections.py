"""Who holds the connections: silent sockets take no place of a client, and slow clients end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from websockets.sync.client import connect

from lipsmith.server.connections import Connection, ConnectionTable, Patience, network_of
from lipsmith.server.problems import Problem
from tests.support.guarded_server import BEARER, KEY, Guarded, all_of, guarded_server
from tests.support.waiting import until

SLOW = Patience(header=0.3, body=0.3, body_rate=1000, unread=0.3, keyless=0.3)


@pytest.fixture(scope="module")
def server() -> Iterator[Guarded]:
    with guarded_server() as made:
        yield made


@pytest.fixture(scope="module")
def hasty() -> Iterator[Guarded]:
    with guarded_server(SLOW) as made:
        yield made


class Peer:
    """A connection's protocol that remembers its end."""

    ended = ""

    def overdue(self, now: float, keyless: bool) -> str:
        return ""

    def end(self, why: str) -> None:
        self.ended = why


def of_addresses(table: ConnectionTable, *addresses: str) -> list[Peer]:
    peers = [Peer() for _ in addresses]
    for address, peer in zip(addresses, peers, strict=True):
        table.add(address, peer)
    return peers


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("", ""),
    ],
)
def test_one_customer_is_one_address(address: str, counted: str) -> None:
    assert network_of(address) == counted


def test_the_busiest_address_gives_way() -> None:
    async def fill() -> None:
        table = ConnectionTable(most=4, own=2, keyless=4)
        peers = of_addresses(table, "10.0.0.1", "10.0.0.2", "10.0.0.2", "10.0.0.2", "10.0.0.3", "10.0.0.4")
        assert [peer.ended for peer in peers] == ["", "no room", "no room", "", "", ""]
        assert table.without_key == 4

    asyncio.run(fill())


def test_silent_sockets_keep_nobody_out(server: Guarded) -> None:
    sockets = server.silent(40)
    for path, head in [("/healthz", ""), ("/v1/jobs", BEARER)] * 3:
        assert server.get(path, head).startswith("HTTP/1.1 200")
    assert server.table.without_key <= 10
    assert server.table.ended["no room"] >= 30
    for one in sockets:
        one.close()


def test_a_client_keeps_its_places_while_silent_sockets_come(server: Guarded) -> None:
    held = server.connect(f"GET /v1/hold HTTP/1.1\r\nHost: localhost\r\n{BEARER}\r\n")
    with connect(f"ws://127.0.0.1:{server.port}/v1/ws", additional_headers={"Authorization": f"Bearer {KEY}"}) as ws:
        until(lambda: server.table.with_key == 2)
        for one in server.silent(30):
            one.close()
        ws.send("still here")
        assert ws.recv(5) == "still here"
        assert server.table.with_key == 2
    held.close()
    until(lambda: server.table.with_key == 0)


def test_a_client_has_its_share_and_all_together_theirs(server: Guarded) -> None:
    held = [server.connect(f"GET /v1/hold HTTP/1.1\r\nHost: localhost\r\n{BEARER}\r\n") for _ in range(6)]
    until(lambda: server.table.with_key == 6)
    answer = server.get("/v1/jobs", BEARER)
    assert answer.startswith("HTTP/1.1 429")
    assert "too-many-connections" in answer
    assert server.get("/healthz").startswith("HTTP/1.1 200")
    for one in held:
        one.close()
    until(lambda: server.table.with_key == 0)
    assert server.get("/v1/jobs", BEARER).startswith("HTTP/1.1 200")


def test_all_clients_together_have_a_limit() -> None:
    table, connection = ConnectionTable(most=1, own=1, keyless=4), Connection("10.0.0.1", Peer(), 0.0)
    with table.admitted(connection, "alice", shared=False), pytest.raises(Problem) as told:
        table.admitted(connection, "bob", shared=False).__enter__()
    assert (told.value.kind, told.value.http_status, table.refused["queue-full"]) == ("queue-full", 503, 1)


def test_without_keys_everybody_shares_one_name_and_all_places() -> None:
    table = ConnectionTable(most=3, own=1, keyless=4)
    with ExitStack() as places:
        for _ in range(3):
            places.enter_context(table.admitted(Connection("127.0.0.1", Peer(), 0.0), "local", shared=True))
        with pytest.raises(Problem, match="3 requests are being answered"):
            places.enter_context(table.admitted(Connection("127.0.0.1", Peer(), 0.0), "local", shared=True))


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        ("", "slow header"),
        ("GET /healthz HTTP/1.1\r\nX-Slow: ", "slow header"),
        ("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET ", "slow header"),
        (f"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\n{BEARER}Content-Length: 9999\r\n\r\na", "slow body"),
        ("POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\n\r\na", "unread body"),
        ("GET /hold HTTP/1.1\r\nHost: localhost\r\n\r\n", "slow reader"),
        ("GET /wait-for-body HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\n\r\n", "slow body"),
    ],
)
def test_a_byte_now_and_then_does_not_keep_a_connection(hasty: Guarded, sent: str, why: str) -> None:
    before = hasty.table.ended[why]
    with hasty.connect(sent) as slow:
        slow.settimeout(0.05)
        end = time.monotonic() + 10
        while hasty.table.ended[why] == before and time.monotonic() < end:
            try:
                slow.sendall(b"a" if sent else b"")
                slow.recv(65_536)
            except (TimeoutError, ConnectionError):
                pass
    assert hasty.table.ended[why] == before + 1


def test_a_slow_header_is_told_so(hasty: Guarded) -> None:
    with hasty.connect("GET / HT") as slow:
        assert all_of(slow).startswith("HTTP/1.1 408")


@pytest.mark.parametrize(
    ("head", "answers"),
    [("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", 1), ("Transfer-Encoding: chunked\r\n", 2)],
)
def test_nothing_is_read_behind_a_request_whose_end_is_doubtful(server: Guarded, head: str, answers: int) -> None:
    behind = "GET /behind HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with server.connect(f"POST / HTTP/1.1\r\nHost: localhost\r\n{head}\r\n0\r\n\r\n{behind}") as client:
        assert all_of(client).count("HTTP/1.1 200") == answers


def test_what_is_sent_at_a_fair_rate_arrives(hasty: Guarded) -> None:
    with hasty.connect(
        f"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\n{BEARER}Content-Length: 15000\r\nConnection: close\r\n\r\n"
    ) as fair:
        for _ in range(15):
            fair.sendall(bytes(1000))
            time.sleep(0.06)
        assert '{"bytes":15000}' in all_of(fair)


def test_a_websocket_may_be_silent(hasty: Guarded) -> None:
    head = {"Authorization": f"Bearer {KEY}"}
    with connect(f"ws://127.0.0.1:{hasty.port}/v1/ws", additional_headers=head) as ws:
        ended = hasty.table.ended.total()
        with hasty.connect():  # when this one is ended, the WebSocket was silent for longer than a header may
            until(lambda: hasty.table.ended.total() > ended)
        ws.send("still here")
        assert ws.recv(5) == "still here"
