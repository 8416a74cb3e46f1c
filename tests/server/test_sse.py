"""Event streams on the wire: what browsers' EventSource reads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lipsmith.server import sse
from lipsmith.server.sse import ServerSentEvent, event_stream, server_event


def answered(events: AsyncIterator[ServerSentEvent]) -> httpx.Response:
    """What a client gets that asks for ``events`` and reads them to the end."""

    async def answer(_: Request) -> Response:
        return event_stream(events)

    async def ask() -> httpx.Response:
        app = httpx.ASGITransport(app=Starlette(routes=[Route("/", answer)]))
        async with httpx.AsyncClient(transport=app, base_url="http://server") as client:
            return await client.get("/")

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("event", "wire"),
    [
        (server_event(retry=True), b"retry: 2000\n\n"),
        (server_event("job", {"state": "done"}, number=7), b'id: 7\nevent: job\ndata: {"state": "done"}\n\n'),
        (server_event("said", "two\nlines"), b'event: said\ndata: "two\\nlines"\n\n'),
        (server_event("ready", [], retry=True), b"event: ready\ndata: []\nretry: 2000\n\n"),
    ],
)
def test_an_event_has_the_members_it_was_given(event: ServerSentEvent, wire: bytes) -> None:
    assert event.encode() == wire


def test_a_stream_is_kept_open_by_comments_and_ends_with_its_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "PING_SECONDS", 0.05)

    async def events() -> AsyncIterator[ServerSentEvent]:
        yield server_event("first")
        await asyncio.sleep(0.3)
        yield server_event("last")

    found = answered(events())
    assert found.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert found.headers["cache-control"] == "no-store"
    assert found.text.startswith("event: first\n\n: still here\n\n")
    assert found.text.endswith("event: last\n\n")


def test_events_may_end_by_themselves_when_the_server_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    """A browser that is cut off in the middle of an answer takes it for an error."""

    class Stopping:
        should_exit = False

    async def events() -> AsyncIterator[ServerSentEvent]:
        yield server_event("first")
        Stopping.should_exit = True
        await asyncio.sleep(1.5)  # longer than sse-starlette takes to see it
        yield server_event("last")

    monkeypatch.setattr("sse_starlette.sse._get_uvicorn_server", lambda: Stopping)
    assert "event: last" in answered(events()).text
