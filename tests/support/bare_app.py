"""An application of one route, to be put behind a middleware, and a way to ask it."""

from __future__ import annotations

import asyncio

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp


async def echo(request: Request) -> Response:
    body = await request.body()
    return JSONResponse({"owner": getattr(request.state, "owner", None), "bytes": len(body)})


def bare() -> Starlette:
    return Starlette(routes=[Route("/{rest:path}", echo, methods=["GET", "POST", "DELETE"])])


def ask(app: ASGIApp, method: str, path: str, base: str = "http://127.0.0.1:80", **more: object) -> httpx.Response:
    async def go() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=base) as client:
            return await client.request(method, path, **more)  # type: ignore[arg-type]

    return asyncio.run(go())
