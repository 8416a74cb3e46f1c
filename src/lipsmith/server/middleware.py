"""For every request: the limit on its body, and the security headers of its answer."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders

from .config import ServerSettings
from .error_handlers import refuse
from .problems import Problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

FORM = "multipart/form-data"
UPLOADS = (FORM, "audio/", "video/", "application/octet-stream")
TAKING = re.compile(r"/v1/(jobs|avatars|previews|sessions/[^/]+/(speak|audio))")
"""Paths that take uploads, which are never held in memory as a whole."""
SMALL_BODY = 1_000_000
"""Bytes of a body that is no upload."""
PATIENCE, LEAST_RATE = 20.0, 4000.0
"""Seconds that a form may be silent, and the bytes that buy it one more."""
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
        body = _Body(receive, self._limits(scope), self._clock)
        length = Headers(scope=scope).get("content-length", "0")
        if length.isdecimal() and int(length) > body.limits.bytes:
            await refuse(body.too_large(), scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if body.problem is None:
                await send(message)

        with suppress(BodyRefused):
            await self._app(scope, body.receive, answer)
        if body.problem is not None:
            await refuse(body.problem, scope, receive, send)

    def _limits(self, scope: Scope) -> _Limits:
        kind = Headers(scope=scope).get("content-type", "").lower()
        uploads = kind.startswith(UPLOADS) and TAKING.fullmatch(scope["path"]) is not None
        most = self._settings.upload_bytes if uploads else SMALL_BODY
        return _Limits(most, self._settings.upload_minutes * 60.0, steady=kind.startswith(FORM))


@dataclass(frozen=True, slots=True)
class _Limits:
    """The most that one body may take."""

    bytes: int
    seconds: float
    steady: bool  # whether it has to come at the least rate; live sound may pause


class BodyRefused(Exception):
    """Stops the route that reads a refused body."""


class _Body:
    """One body while it is read. It can be refused until the answer has begun."""

    def __init__(self, receive: Receive, limits: _Limits, clock: Callable[[], float]) -> None:
        self.limits = limits
        self._receive, self._clock = receive, clock
        self._started, self._count, self._whole = clock(), 0, False
        self.problem: Problem | None = None

    async def receive(self) -> Message:
        if self._whole:
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), max(0.0, self._deadline - self._clock()))
        except TimeoutError:
            self.problem = self._too_slow()
            raise BodyRefused from None
        self._count += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._count > self.limits.bytes:
            self.problem = self.too_large()
            raise BodyRefused
        return message

    @property
    def _deadline(self) -> float:
        """When the next part of it must be here."""
        steady = PATIENCE + self._count / LEAST_RATE
        return self._started + (min(self.limits.seconds, steady) if self.limits.steady else self.limits.seconds)

    def _too_slow(self) -> Problem:
        if self._deadline < self._started + self.limits.seconds:
            return Problem("too-slow", f"The upload came slower than {LEAST_RATE / 1000:g} kB a second.")
        return Problem("too-slow", f"The upload was not whole after {self.limits.seconds / 60:g} minutes.")

    def too_large(self) -> Problem:
        """The problem with this body."""
        return Problem(
            "too-large", f"This is more than the {self.limits.bytes / 1e6:g} MB that the server takes at once."
        )


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
