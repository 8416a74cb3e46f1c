"""Who calls, and from where: only a request with a key or a token for what it asks for reaches the routes."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers

from ..config import ServerSettings, is_loopback
from ..connections import ConnectionTable, connection_of
from ..error_handlers import refuse
from ..problems import Problem
from . import keys, tokens

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

SAFE = ("GET", "HEAD", "OPTIONS")
"""Methods that change nothing."""
METRICS = "/metrics"
OPEN = ("/v1/openapi.json",)
"""Paths that need no key, below those that do."""


class AuthMiddleware:
    """Admits requests with a known key, or with a token for the resource. Sets ``state.owner`` to the client's name.

    A request that is admitted has a place among the connections of clients until it is answered.

    Where no key is needed, everybody on this machine is one client. Browsers on this machine may call for pages of
    other sites, so the ``Origin`` header is checked. A foreign name may be made to resolve to this machine (DNS
    rebinding), so the ``Host`` header is checked too.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: ServerSettings,
        known: keys.Keys,
        signer: tokens.Signer,
        connections: ConnectionTable,
    ) -> None:
        self._app, self._settings, self._known, self._signer = app, settings, known, signer
        self._table = connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        with ExitStack() as place:
            try:
                self._check_host_and_origin(scope)
                if wants_key(scope["path"]):
                    owner = scope.setdefault("state", {})["owner"] = self._owner(scope)
                    place.enter_context(self._table.admitted(connection_of(scope), owner, shared=not self._known))
            except Problem as problem:
                await refuse(problem, scope, receive, send)
                return
            await self._app(scope, receive, send)

    def _check_host_and_origin(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if not self._known and not self._settings.insecure and not is_loopback(_host_of(f"//{host}")):
            raise Problem("bad-host", "Without API keys this server answers to names of its own machine only.")
        if origin is None or scope.get("method") in SAFE or origin in self._settings.origins:
            return
        if not host or origin.partition("://")[2] != host:
            raise Problem(
                "forbidden-origin", "A page of another site called: the operator of this server can allow it (--cors)."
            )

    def _owner(self, scope: Scope) -> str:
        if not self._known:
            return keys.NOBODY
        credential = _credential(scope)
        if scope["path"] == METRICS:
            return self._operator(credential)
        if credential.startswith(tokens.PREFIX):
            claims = self._signer.read(credential)
            if claims and claims.opens(scope["path"].removeprefix("/v1/"), scope.get("method") in SAFE):
                return claims.owner
        elif (owner := self._known.owner(credential)) is not None:
            return owner
        raise Problem("unauthorized", "Send 'Authorization: Bearer <key>' with a key that this server knows.")

    def _operator(self, credential: str) -> str:
        """The operator whose key it is: a client's key does not show what other clients do."""
        if (name := self._known.operator(credential)) is not None:
            return name
        if self._known.owner(credential) is None:
            raise Problem("unauthorized", "Send 'Authorization: Bearer <key>' with an operator's key.")
        raise Problem("operators-only", "The metrics are of all clients: send an operator's key.")


def wants_key(path: str) -> bool:
    """Whether ``path`` is for known clients only. The pages and the health checks are for everybody."""
    return (path.startswith("/v1/") or path == METRICS) and path not in OPEN


def _host_of(address: str) -> str:
    """The host's name; empty for what is no address."""
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _credential(scope: Scope) -> str:
    """The bearer credential of the header, or the token of the address, where a key is never read."""
    kind, _, credential = Headers(scope=scope).get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return credential.strip()
    given: Any = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [""])
    return given[0] if given[0].startswith(tokens.PREFIX) else ""
