"""Server-sent events, as browsers' ``EventSource`` reads them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from sse_starlette import EventSourceResponse, ServerSentEvent

RETRY = 2000
"""Milliseconds after which a browser that lost the stream connects again."""
PING_SECONDS = 15.0
"""Between two comments that keep the connection open."""
STOP_SECONDS = 4.0
"""What events get to end by themselves when the server stops, a second less than ``app.GRACE``."""
LINE_END = "\n"


def event_stream(events: AsyncIterator[ServerSentEvent]) -> EventSourceResponse:
    """The answer that sends ``events`` as they come. It ends with them, with the client, or with the server."""
    return EventSourceResponse(
        events,
        sep=LINE_END,
        ping=PING_SECONDS,
        ping_message_factory=_ping,
        shutdown_grace_period=STOP_SECONDS,
    )


def server_event(
    name: str | None = None, data: object = None, *, number: int | None = None, retry: bool = False
) -> ServerSentEvent:
    """One event, of whose members each may be left out.

    Args:
        data: what is sent as JSON.
        number: the event's id.
        retry: say after how long to connect again.
    """
    text = None if data is None else json.dumps(data)
    return ServerSentEvent(
        text, event=name, id=None if number is None else str(number), retry=RETRY if retry else None, sep=LINE_END
    )


def _ping() -> ServerSentEvent:
    return ServerSentEvent(comment="still here", sep=LINE_END)


__all__ = ["EventSourceResponse", "ServerSentEvent", "event_stream", "server_event"]
