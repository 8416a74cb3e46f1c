"""WebSockets whose incoming data cannot hold up the event loop.

Messages are parsed in Python, and 10,000 small ones fit into one read of a socket. So data is parsed in small pieces,
and all connections that send more than a piece at a time share a fifth of the loop's time. Meanwhile their sockets are
not read, so the senders wait.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, ClassVar

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveEvent, ASGISendEvent

PIECE = 4096
"""Bytes that are parsed at once: at most some hundred messages."""
REST = 4.0
"""Seconds of rest after each second of parsing."""
CLOSE_SECONDS = 2.0
"""How long a client may take to answer when its connection is closed."""


class PacedWebSocket(WebSocketsSansIOProtocol):
    """uvicorn's own, with data that waits its turn."""

    _resting: ClassVar[set[PacedWebSocket]] = set()  # those whose data waits

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.close_timeout = CLOSE_SECONDS
        self._unparsed = bytearray()
        self._ready_at = 0.0
        self._turn: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        """Parse a piece of it now if it is this connection's turn."""
        self._unparsed += data
        self._go_on()

    async def receive(self) -> ASGIReceiveEvent:
        """The next message for the application; further ones are parsed when it has taken all before."""
        message = await super().receive()
        self._go_on()
        return message

    async def send(self, message: ASGISendEvent) -> None:
        """Send, as uvicorn has it. After a close the client's answer is looked for in what waits."""
        await super().send(message)
        if message["type"] == "websocket.close":
            self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget what waits."""
        self._unparsed.clear()
        self._stop()
        super().connection_lost(exc)

    def _go_on(self) -> None:
        if self._turn is None and self._unparsed and not self.read_paused:
            wait = self._ready_at - self.loop.time()
            if wait > 0:
                self._rest(wait)
            else:
                self._parse()
        elif self._unparsed:
            self.transport.pause_reading()

    def _rest(self, seconds: float) -> None:
        self._resting.add(self)
        self.transport.pause_reading()
        self._turn = self.loop.call_later(seconds, self._parse)

    def _parse(self) -> None:
        self._stop()
        piece = bytes(self._unparsed[:PIECE])
        del self._unparsed[:PIECE]
        began = time.thread_time()
        super().data_received(piece)
        rest = (time.thread_time() - began) * REST * (1 + len(self._resting))
        self._ready_at = self.loop.time() + rest
        if self.transport.is_closing():
            self._unparsed.clear()
        elif self._unparsed and not self.read_paused:
            self._rest(rest)
        elif not self._unparsed and not self.read_paused:
            self.transport.resume_reading()

    def _stop(self) -> None:
        self._resting.discard(self)
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None


__all__ = ["PacedWebSocket"]
