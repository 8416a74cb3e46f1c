"""How the application answers what goes wrong: every error becomes a problem."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from ..errors import LipsmithError
from .problems import MEDIA_TYPE, Problem, body_of
from .process import TaskFailed

log = logging.getLogger(__name__)


def response_of(error: Exception) -> JSONResponse:
    """The answer that tells of ``error``."""
    return respond(body_of(error))


def respond(body: dict[str, Any]) -> JSONResponse:
    """The answer with a problem's members."""
    headers = {"Retry-After": str(body["retry_after"])} if "retry_after" in body else {}
    if body["status"] == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(body, body["status"], headers, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Make ``app`` answer every error as a problem."""
    for kind in (Problem, LipsmithError):
        app.add_exception_handler(kind, _ours)
    app.add_exception_handler(TaskFailed, _worker)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _plain)
    app.add_exception_handler(Exception, _unexpected)


async def _ours(_: Request, error: Exception) -> Response:
    return response_of(error)


async def _worker(_: Request, error: Exception) -> Response:
    assert isinstance(error, TaskFailed)
    return respond(error.body)


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    told = [f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()]
    return response_of(Problem("invalid", "; ".join(told)))


async def _plain(_: Request, error: Exception) -> Response:
    """Starlette's own: no such route, a method not allowed, a form that cannot be parsed, a range that cannot be."""
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase
    kind = phrase.lower().replace(" ", "-")
    answer = respond({"type": kind, "title": phrase, "status": error.status_code, "detail": str(error.detail)})
    answer.headers.update(error.headers or {})
    return answer


async def _unexpected(request: Request, error: Exception) -> Response:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return response_of(error)
