"""Error handlers: the application answers every error as an RFC 9457 problem."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, JSONResponse, Response

from ..errors import LipsmithError, disk_full, problem_of
from ..jobs.queue import QUEUE_ERRORS
from .problems import MEDIA_TYPE, Problem, for_clients

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

CLOSE_CODES = 4000
"""A refused WebSocket is closed with this and the status that a call would get."""
CLOSE_BYTES = 123
"""Of the reason with which a WebSocket is closed, at most (RFC 6455)."""
WORDS = {"string_pattern_mismatch": "It is not written as it must be: /docs has an example."}
"""Errors of pydantic that it tells in words for programmers, here as a pattern."""
log = logging.getLogger(__name__)


def response_of(error: Exception) -> JSONResponse:
    """The answer for ``error``."""
    return respond(problem_of(error))


def respond(body: dict[str, Any]) -> JSONResponse:
    """The answer with the members of a problem."""
    body = for_clients({**body, "detail": _writable(str(body["detail"]))})
    headers = {"Retry-After": str(body["retry_after"])} if "retry_after" in body else {}
    if body["status"] == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(body, body["status"], headers, MEDIA_TYPE)


async def refuse(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request with ``problem``, or refuse a WebSocket with it, before a route is reached."""
    if scope["type"] == "websocket":
        await refuse_socket(problem, send)
    else:
        await response_of(problem)(scope, receive, send)


async def refuse_socket(error: LipsmithError, send: Send) -> None:
    """Accept a WebSocket and close it, because only so the client gets a code and a reason: see ``close_of``."""
    code, reason = close_of(error)
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": code, "reason": reason})


def close_of(error: LipsmithError) -> tuple[int, str]:
    """The code and the reason with which a WebSocket is closed for ``error``."""
    return CLOSE_CODES + error.http_status, _writable(str(error)).encode()[:CLOSE_BYTES].decode(errors="ignore")


def _writable(text: str) -> str:
    """``text``, which may repeat what a caller sent, without halves of characters (``"\\ud800"`` in JSON)."""
    return text.encode(errors="backslashreplace").decode()


def install(app: FastAPI) -> None:
    """Make ``app`` answer every error as a problem."""
    app.add_exception_handler(LipsmithError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _plain)
    for kind in QUEUE_ERRORS:
        app.add_exception_handler(kind, _unwritten)
    app.add_exception_handler(Exception, _unexpected)


class RangedFile(FileResponse):
    """A file, or the ranges of it that the request asks for. Ranges that the file lacks are answered as problems."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; as FileResponse has it."""
        refused: Message | None = None

        async def send_unless_refused(message: Message) -> None:
            nonlocal refused
            if message["type"] == "http.response.start" and message["status"] >= HTTPStatus.BAD_REQUEST:
                refused = message
            if refused is None:
                await send(message)

        await super().__call__(scope, receive, send_unless_refused)
        if refused is not None:
            answer = _plain_problem(refused["status"], "Ask for ranges of bytes that the file has.")
            found = Headers(raw=refused["headers"]).get("content-range")
            answer.headers.update({"Content-Range": found} if found else {})
            await answer(scope, receive, send)


async def _ours(_: Request, error: Exception) -> Response:
    return response_of(error)


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    texts = [
        f"{'.'.join(str(part) for part in one['loc'])}: {WORDS.get(one['type']) or _said(one['msg'])}"
        for one in error.errors()
    ]
    return response_of(Problem("invalid", "; ".join(texts)))


def _said(text: str) -> str:
    """What is wrong, in words of the API: FastAPI names its own class where a file is missing."""
    return "Send it as a file, with a filename" if "Expected UploadFile" in text else text


async def _plain(_: Request, error: Exception) -> Response:
    """Starlette's own errors: no such route, a method that is not allowed, a form that cannot be parsed."""
    assert isinstance(error, HTTPException)
    if disk_full(error):  # the form could not be kept
        return response_of(error)
    answer = _plain_problem(error.status_code, str(error.detail))
    answer.headers.update(error.headers or {})
    return answer


def _plain_problem(status: int, detail: str) -> JSONResponse:
    """The answer with a problem that is nothing but a status of HTTP."""
    phrase = HTTPStatus(status).phrase
    return respond({"type": phrase.lower().replace(" ", "-"), "title": phrase, "status": status, "detail": detail})


async def _unwritten(request: Request, error: Exception) -> Response:
    """Errors of the disk and of the queue: a full disk is the operator's trouble, and no bug."""
    if not disk_full(error):
        return await _unexpected(request, error)
    log.warning("%s %s found the disk full: %s", request.method, request.url.path, error)
    return response_of(error)


async def _unexpected(request: Request, error: Exception) -> Response:
    """A bug: ``RequestLog`` logs it under the id that the answer names."""
    number = request.state.request_id
    text = f"The server failed at this request. Its operator finds the reason in the log under {number}."
    return respond({**problem_of(error), "detail": text, "request_id": number})
