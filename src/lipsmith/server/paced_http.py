"""HTTP whose incoming data cannot hold up the event loop.

Requests are parsed in Python, and a body that comes in chunks of one byte takes ten thousand times as long as one that
comes as a whole. So data is parsed in small pieces. A connection whose pieces take long rests after each, and its
socket is not read meanwhile, so the sender waits: all such connections share a fifth of the loop's time.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, ClassVar

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.h11_impl import H11Protocol

from .paced_websocket import PIECE, REST

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

SLICE = 0.003
"""Seconds of parsing at a time for which nobody has to rest: those of some 100 kB that come as a whole."""
LARGE, CHEAP = 4 * PIECE, 0.0005
"""Bytes of a piece after one that took fewer seconds than this: uploads come in large chunks."""


class PacedHttp(H11Protocol):
    """uvicorn's own, with data that waits its turn."""

    _resting: ClassVar[set[PacedHttp]] = set()  # those whose data waits

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self._unparsed = bytearray()
        self._size = PIECE
        self._ready_at = 0.0
        self._turn: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """As uvicorn has it."""
        super().connection_made(transport)
        self.flow = _Flow(transport, lambda: self.loop.call_soon(self._go_on))

    def data_received(self, data: bytes) -> None:
        """Parse it now if it is this connection's turn."""
        self._unparsed += data
        self._go_on()

    def parse(self, piece: bytes) -> None:
        """Parse one piece."""
        super().data_received(piece)

    def connection_lost(self, exc: Exception | None) -> None:
        """As uvicorn has it; what waits is forgotten."""
        self._unparsed.clear()
        self._stop()
        super().connection_lost(exc)

    def _go_on(self) -> None:
        wait = self._ready_at - self.loop.time()
        if self._turn is None and wait <= 0:
            self._take_turn()
        elif self._turn is None and self._unparsed:
            self._rest(wait)
        elif self._unparsed:
            self.transport.pause_reading()

    def _take_turn(self) -> None:
        """Parse for a slice of time. What is left waits until it is this connection's turn again, or is read."""
        self._stop()
        began, spent = time.thread_time(), 0.0
        while self._unparsed and spent <= SLICE and not self.flow.read_paused and not self._over:
            before, piece = spent, bytes(self._unparsed[: self._size])
            del self._unparsed[: self._size]
            self.parse(piece)
            spent = time.thread_time() - began
            self._size = LARGE if spent - before < CHEAP else PIECE
        rest = spent * REST * (1 + len(self._resting)) if spent > SLICE else 0.0
        self._ready_at = self.loop.time() + rest
        if self._over:
            self._unparsed.clear()
        elif self._unparsed and not self.flow.read_paused:
            self._rest(rest)
        elif not self._unparsed and not self.flow.read_paused:
            self.transport.resume_reading()

    @property
    def _over(self) -> bool:
        """Whether the connection closes, or has become a WebSocket."""
        return self.transport.is_closing() or self.transport.get_protocol() is not self

    def _rest(self, seconds: float) -> None:
        self._resting.add(self)
        self.transport.pause_reading()
        self._turn = self.loop.call_later(seconds, self._take_turn)

    def _stop(self) -> None:
        self._resting.discard(self)
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None


class _Flow(FlowControl):
    """uvicorn's own; ``go_on`` is called when the application has read what waited for it."""

    def __init__(self, transport: asyncio.Transport, go_on: Callable[[], object]) -> None:
        super().__init__(transport)
        self._go_on = go_on

    def resume_reading(self) -> None:
        """As uvicorn has it."""
        paused = self.read_paused
        super().resume_reading()
        if paused:
            self._go_on()


__all__ = ["PacedHttp"]
