"""Uvicorn's protocols, with every connection in the table and every client held to its time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import h11

from .connections import STATE, Connection, ConnectionTable
from .paced_http import PacedHttp
from .paced_websocket import PacedWebSocket

if TYPE_CHECKING:
    import asyncio
    from asyncio.transports import BaseTransport

TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class GuardedProtocol(PacedHttp):
    """HTTP over one connection, which ends if the client is too slow.

    Args:
        table: where the connection has its place.
        given: as uvicorn calls a protocol.
    """

    def __init__(self, *, table: ConnectionTable, **given: Any) -> None:
        super().__init__(**given)
        self._table, self._patience = table, table.patience
        self._connection: Connection | None = None
        self._request_since: float | None = None  # when the first byte of the present request came
        self._answered_at = self._began_at = 0.0  # the present answer's end and beginning
        self._body_bytes, self._body_seconds, self._checked = 0, 0.0, 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """As uvicorn has it; the connection gets its place."""
        super().connection_made(transport)
        self._connection = self._table.add(self.client[0] if self.client else "", self)
        self._request_since = self._table.clock()
        self.app_state = {**self.app_state, STATE: self._connection}

    def connection_lost(self, exc: Exception | None) -> None:
        """As uvicorn has it; the place is free."""
        self._table.remove(self._of_table)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """As uvicorn has it."""
        if self._request_since is None:
            self._request_since = self._table.clock()
        self._body_bytes += len(data)
        super().data_received(data)

    def parse(self, piece: bytes) -> None:
        """As uvicorn has it."""
        before = self.cycle
        super().parse(piece)
        if self.cycle is not before:
            self._begin()

    def on_response_complete(self) -> None:
        """As uvicorn has it."""
        self._answered_at = self._table.clock()
        self._of_table.busy = False
        self._request_since = None
        before = self.cycle
        super().on_response_complete()
        if self.cycle is not before:  # the next request lay here already
            self._begin()

    def overdue(self, now: float, keyless: bool) -> str:
        """Why the connection must end now, or nothing."""
        if self.cycle is None or self.cycle.response_complete:
            return self._overdue_between(now)
        if self._sending_slowly(now):
            return "slow body"
        return "slow reader" if keyless and now - self._began_at > self._patience.keyless else ""

    def end(self, why: str) -> None:
        """Close the connection; a client whose request is not whole hears why."""
        answering = self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete
        if why.startswith("slow") and not answering and not self.transport.is_closing():
            self.transport.write(TOO_SLOW)
            self.transport.close()
        else:
            self.transport.abort()

    @property
    def _of_table(self) -> Connection:
        assert self._connection is not None
        return self._connection

    def _begin(self) -> None:
        """A request's header is whole: its answer begins."""
        self._of_table.busy = True
        self._began_at = self._checked = self._table.clock()
        self._body_bytes, self._body_seconds = 0, 0.0
        if {b"content-length", b"transfer-encoding"} <= {name for name, _ in self.headers}:
            self.cycle.keep_alive = False  # a proxy may see another end of this request: nothing behind it is read

    def _overdue_between(self, now: float) -> str:
        """Before the first request, or between two."""
        if self.conn.their_state is h11.SEND_BODY:
            return "unread body" if now - self._answered_at > self._patience.unread else ""
        since = self._request_since
        return "slow header" if since is not None and now - since > self._patience.header else ""

    def _sending_slowly(self, now: float) -> bool:
        """Whether the client owes a body for too long. Time during which the server reads nothing does not count."""
        passed, self._checked = now - self._checked, now
        if self.cycle.more_body and not self.flow.read_paused and not self.cycle.waiting_for_100_continue:
            self._body_seconds += passed
        return self._body_seconds > self._patience.body + self._body_bytes / self._patience.body_rate


class GuardedSocket(PacedWebSocket):
    """A WebSocket in the place of the connection that it came on. Uvicorn's pings end it if its client is gone."""

    def __init__(self, *, table: ConnectionTable, **given: Any) -> None:
        super().__init__(**given)
        self._table = table

    def connection_made(self, transport: BaseTransport) -> None:
        """As uvicorn has it."""
        super().connection_made(transport)
        self._of_table.watched = self

    def connection_lost(self, exc: Exception | None) -> None:
        """As uvicorn has it; the place is free."""
        self._table.remove(self._of_table)
        super().connection_lost(exc)

    def overdue(self, now: float, keyless: bool) -> str:
        """Nothing: a client may be silent for as long as it answers pings."""
        return ""

    def end(self, why: str) -> None:
        """Close it at once."""
        self.transport.abort()

    @property
    def _of_table(self) -> Connection:
        connection: Connection = self.app_state[STATE]
        return connection
