"""Who calls, and from where: a request without a key that opens what it asks for goes no further."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers

from ..config import ServerSettings, is_loopback
from ..error_handlers import refuse
from ..problems import Problem
from . import keys, tokens

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

SAFE = ("GET", "HEAD", "OPTIONS")
OPEN = ("/v1/openapi.json",)  # for everybody, of what otherwise wants a key


class AuthMiddleware:
    """Lets in who has a key, or a token for this very resource; puts the client's name into ``state.owner``.

    Where no key is needed everybody on this machine is one client. Web pages of other sites are such callers too, so
    they are told by their ``Origin``, and names that were made to point here by the ``Host`` they ask for.
    """

    def __init__(self, app: ASGIApp, settings: ServerSettings, known: keys.Keys, signer: tokens.Signer) -> None:
        self._app, self._settings, self._known, self._signer = app, settings, known, signer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        try:
            self._check_place(scope)
            if wants_key(scope["path"]):
                scope.setdefault("state", {})["owner"] = self._owner(scope)
        except Problem as problem:
            await refuse(problem, scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _check_place(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if not self._known and not self._settings.insecure and not is_loopback(urlsplit(f"//{host}").hostname or ""):
            raise Problem("bad-host", "Without API keys this server answers to names of its own machine only.")
        if origin is None or scope.get("method") in SAFE or origin in self._settings.origins:
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
