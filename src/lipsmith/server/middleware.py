"""For every request: the limit on its body, and the security headers of its answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders

from .config import ServerSettings
from .error_handlers import refuse
from .problems import Problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

UPLOADS = ("multipart/", "audio/", "video/", "application/octet-stream")
SMALL_BODY = 1_000_000
"""Bytes of a body that is no upload."""
POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; style-src 'self' 'unsafe-inline'; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": POLICY,
    "Permissions-Policy": "camera=(self), microphone=(self), geolocation=()",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class BodyLimit:
    """Counts a request's body while it comes in. One that is too large or takes too long is refused."""

    def __init__(self, app: ASGIApp, settings: ServerSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._app, self._settings, self._clock = app, settings, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(receive, self._most(scope), self._settings.upload_minutes * 60.0, self._clock)
        headers = Headers(scope=scope)
        if headers.get("content-length", "0").isdecimal() and int(headers.get("content-length", "0")) > body.most:
            await refuse(body.too_large(), scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if body.problem is None:
                await send(message)

        with suppress(BodyRefused):
            await self._app(scope, body.receive, answer)
        if body.problem is not None:
            await refuse(body.problem, scope, receive, send)

    def _most(self, scope: Scope) -> int:
        kind = Headers(scope=scope).get("content-type", "")
        return self._settings.upload_bytes if kind.startswith(UPLOADS) else SMALL_BODY


class BodyRefused(Exception):
    """Stops the route that reads a refused body."""


class _Body:
    """One body while it is read. It can be refused until the answer has begun."""

    def __init__(self, receive: Receive, most: int, seconds: float, clock: Callable[[], float]) -> None:
        self.most = most
        self._receive, self._seconds, self._clock = receive, seconds, clock
        self._deadline, self._count, self._whole = clock() + seconds, 0, False
        self.problem: Problem | None = None

    async def receive(self) -> Message:
        if self._whole:
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), max(0.0, self._deadline - self._clock()))
        except TimeoutError:
            self.problem = Problem("too-slow", f"The upload was not whole after {self._seconds / 60:g} minutes.")
            raise BodyRefused from None
        self._count += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._count > self.most:
            self.problem = self.too_large()
            raise BodyRefused
        return message

    def too_large(self) -> Problem:
        """The problem with this body."""
        return Problem("too-large", f"Up to {self.most / 1e6:g} MB are taken in one such request.")


class SecurityHeaders:
    """Sets the security headers of every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith("/v1/"):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)
