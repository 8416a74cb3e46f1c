"""Around everything else: each request gets an id, one line in the log, and its place in the metrics.

An error that nothing else answered ends here: it is logged once, with its traceback, and answered as a problem.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from structlog.contextvars import bound_contextvars

from ..jobs.queue import new_id
from .error_handlers import refuse
from .middleware import UPLOADS
from .problems import MEDIA_TYPE, Problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from .metrics import Metrics

HEADER = "X-Request-Id"
SANE = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
"""An id from outside that may stand in the log."""
QUIET = ("/healthz", "/readyz", "/metrics")
"""Asked every few seconds: in the log of level debug alone, unless they fail."""
GONE = 499
"""Status of a request whose client left before it was answered, in the log."""
STOPPED = "This server stopped before it could answer: send the request again."
"""What clients hear whose request was not answered in time."""
REASON_LETTERS = 300
"""Of a problem's sentence in the log."""
log = logging.getLogger(__name__)


class RequestLog:
    """The outermost middleware."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        seen = SeenRequest(scope, self._metrics)
        scope.setdefault("state", {})["request_id"] = seen.id
        with bound_contextvars(request=seen.id):
            try:
                await self._app(scope, seen.receiving(receive), seen.sending(send))
            except ClientDisconnect:
                seen.status = GONE
            except asyncio.CancelledError:  # the server stops, and has waited long enough
                if scope["type"] != "http" or seen.status:
                    raise
                await refuse(Problem("draining", STOPPED, 30), scope, receive, seen.sending(send))
            except Exception:  # a border: uvicorn would log it again
                seen.failed = True
                log.exception("request failed", extra=seen.fields())
            finally:
                seen.end()


@dataclass(slots=True)
class SeenRequest:
    """One request and its answer, as they pass."""

    scope: Scope
    metrics: Metrics
    id: str = ""
    status: int = 0  # 0: not answered yet; of a WebSocket, its close code
    failed: bool = False
    began: float = field(default_factory=time.monotonic)
    problem: dict[str, Any] = field(default_factory=dict)
    _is_problem: bool = False
    _uploading: bool = False

    def __post_init__(self) -> None:
        given = Headers(scope=self.scope)
        self.id = given.get(HEADER, "")
        if not SANE.fullmatch(self.id):
            self.id = new_id()
        if given.get("content-type", "").startswith(UPLOADS):
            self._uploading = True
            self.metrics.uploads.inc()

    def receiving(self, receive: Receive) -> Receive:
        """``receive``, watched for the end of the body and of a WebSocket."""

        async def watched() -> Message:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                self.status = self.status or message.get("code", 0)
            if message["type"] != "http.request" or not message.get("more_body", False):
                self._uploaded()
            return message

        return watched

    def sending(self, send: Send) -> Send:
        """``send``, watched for the status and for a problem; it adds the id."""

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._answered(message)
            elif message["type"] == "http.response.body" and self._is_problem:
                self._is_problem = False
                self.problem = json.loads(message["body"])
            elif message["type"] == "websocket.close":
                self.status = message.get("code", 1000)
                self.problem = {"detail": message.get("reason")} if message.get("reason") else {}
            await send(message)

        return watched

    def end(self) -> None:
        """Write the line."""
        self._uploaded()
        status = self.status or GONE
        quiet = self.scope["path"] in QUIET and status < HTTPStatus.INTERNAL_SERVER_ERROR
        if not self.failed:  # else it has its line
            log.log(logging.DEBUG if quiet else logging.INFO, "request", extra=self.fields(status))

    def fields(self, status: int = HTTPStatus.INTERNAL_SERVER_ERROR) -> dict[str, Any]:
        """What the log says of it."""
        client = self.scope["state"].get("owner") or ""
        address = (self.scope.get("client") or ("", 0))[0]
        found = {
            "method": self.scope.get("method", "WEBSOCKET"), "route": route_of(self.scope), "status": int(status),
            "seconds": round(time.monotonic() - self.began, 3), "client": client, "address": address,
        }  # fmt: skip
        if self.problem:
            found |= {"problem": self.problem["type"]} if "type" in self.problem else {}
            found["reason"] = str(self.problem.get("detail", ""))[:REASON_LETTERS]
        return found

    def _answered(self, message: Message) -> None:
        self.status = message["status"]
        headers = MutableHeaders(scope=message)
        headers[HEADER] = self.id
        self._is_problem = headers.get("content-type", "").startswith(MEDIA_TYPE)
        method = self.scope["method"] if "route" in self.scope else "any"
        self.metrics.answered(method, route_of(self.scope), self.status, time.monotonic() - self.began)

    def _uploaded(self) -> None:
        if self._uploading:
            self._uploading = False
            self.metrics.uploads.dec()


def route_of(scope: Scope) -> str:
    """The route's pattern: paths hold ids, and would make endlessly many names."""
    prefix = "/v1" if scope["path"].startswith("/v1/") else ""
    route = getattr(scope.get("route"), "path", "")
    return prefix + route.removeprefix(prefix) if route else "other"
