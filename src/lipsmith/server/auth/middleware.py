"""What stands before the routes: who calls, from where, how much they send; and the headers of every answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders

from ..config import ServerSettings, is_loopback
from ..error_handlers import response_of
from ..problems import Problem
from . import keys, tokens

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE = ("GET", "HEAD", "OPTIONS")
OPEN = ("/v1/openapi.json",)  # for everybody, of what otherwise wants a key
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
UNAUTHORIZED_CLOSE = 4401  # of a WebSocket


class AuthMiddleware:
    """Lets in who has a key, or a token for this very resource; puts the client's name into ``state.owner``.

    Where no key is needed everybody on this machine is one client. Web pages of other sites are such callers too, so
    they are told by their ``Origin``, and names that were made to point here by the ``Host`` they ask for.
    """

    def __init__(self, app: ASGIApp, options: ServerSettings, known: keys.Keys, signer: tokens.Signer) -> None:
        self._app, self._options, self._known, self._signer = app, options, known, signer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        try:
            self._check_place(scope)
            if wants_key(scope["path"]):
                scope.setdefault("state", {})["owner"] = self._owner(scope)
        except Problem as problem:
            await _refuse(problem, scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _check_place(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if not self._known and not self._options.insecure and not is_loopback(urlsplit(f"//{host}").hostname or ""):
            raise Problem("bad-host", "Without API keys this server answers to names of its own machine only.")
        if origin is None or scope.get("method") in SAFE or origin in self._options.origins:
            return
        if urlsplit(origin).netloc != host:
            raise Problem("forbidden-origin", "A page of another site called: name its origin in --cors to allow it.")

    def _owner(self, scope: Scope) -> str:
        if not self._known:
            return keys.NOBODY
        word = _credential(scope)
        if word.startswith(tokens.PREFIX):
            said = self._signer.read(word)
            if said and said.opens(scope["path"].removeprefix("/v1/"), scope.get("method") in SAFE):
                return said.owner
        elif (owner := self._known.owner(word)) is not None:
            return owner
        raise Problem("unauthorized", "Send 'Authorization: Bearer <key>' with a key that this server knows.")


class BodyLimit:
    """Counts a request's body while it comes in, and breaks off what is too large or takes too long."""

    def __init__(self, app: ASGIApp, options: ServerSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._app, self._options, self._clock = app, options, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(receive, self._most(scope), self._options.upload_minutes * 60.0, self._clock)
        headers = Headers(scope=scope)
        if headers.get("content-length", "0").isdecimal() and int(headers.get("content-length", "0")) > body.most:
            await _refuse(body.too_large(), scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if body.problem is None:
                await send(message)

        with suppress(BodyRefused):
            await self._app(scope, body.receive, answer)
        if body.problem is not None:
            await _refuse(body.problem, scope, receive, send)

    def _most(self, scope: Scope) -> int:
        kind = Headers(scope=scope).get("content-type", "")
        return self._options.upload_bytes if kind.startswith(UPLOADS) else SMALL_BODY


class BodyRefused(Exception):
    """Ends the reading of a body."""


class _Body:
    """One body on its way in. Only before its answer has begun can it be refused."""

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
        """What to say of this body."""
        return Problem("too-large", f"Up to {self.most / 1e6:g} MB are taken in one such request.")


class SecurityHeaders:
    """Puts the security headers on every answer, and tells ``seen`` of it: (scope, status)."""

    def __init__(self, app: ASGIApp, seen: Callable[[Scope, int], None]) -> None:
        self._app, self._seen = app, seen

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith("/v1/"):
                    headers.setdefault("Cache-Control", "no-store")
                self._seen(scope, message["status"])
            await send(message)

        await self._app(scope, receive, dressed if scope["type"] == "http" else send)


def wants_key(path: str) -> bool:
    """Whether ``path`` is for known clients only: pages and signs of life are for everybody."""
    return (path.startswith("/v1/") or path == "/metrics") and path not in OPEN


def _credential(scope: Scope) -> str:
    """The bearer's word in the header; a token may stand in the address, a key never."""
    kind, _, word = Headers(scope=scope).get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return word.strip()
    given: Any = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [""])
    return given[0] if given[0].startswith(tokens.PREFIX) else ""


async def _refuse(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": UNAUTHORIZED_CLOSE, "reason": problem.detail})
    else:
        await response_of(problem)(scope, receive, send)
