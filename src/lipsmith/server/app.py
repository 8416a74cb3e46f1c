"""The application, and the server that runs it and stops it gently."""

from __future__ import annotations

import asyncio
import gc
import signal
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import uvicorn
from fastapi import APIRouter, FastAPI, Security
from fastapi.security import HTTPBearer
from starlette.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware

from .. import __version__
from ..transports.webrtc.options import parse_ports
from ..transports.webrtc.ports import loop_within
from ..transports.websocket_frames import MOST_BYTES
from . import error_handlers
from .auth.middleware import AuthMiddleware, BodyLimit, SecurityHeaders
from .pages import Pages
from .problems import MEDIA_TYPE
from .routes import avatars, health, jobs, media, previews, pushes, recordings, sessions
from .schemas import ProblemBody
from .state import AppState

if TYPE_CHECKING:
    from types import FrameType

CONNECTIONS = 512
"""At a time; more are answered 503."""
GRACE = 5
"""Seconds that open answers get when the server stops."""


def create_app(parts: AppState) -> FastAPI:
    """The application over ``parts``, which begin to work with it and are closed with it."""

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        parts.crew.start()
        yield
        await parts.live.drain()
        await parts.films.drain()
        await parts.pushes.drain()
        if parts.voice:
            await parts.voice.close()
        await run_in_threadpool(parts.close)

    app = FastAPI(
        title="Lipsmith",
        version=__version__,
        description="Makes a face speak. Errors are RFC 9457 problems.",
        openapi_url="/v1/openapi.json",
        docs_url=None,  # they load their programs from other sites
        redoc_url=None,
        lifespan=life,
    )
    app.state.services = parts
    error_handlers.install(app)
    told: dict[int | str, dict[str, Any]] = {
        "4XX": _problem("The caller's mistake."),
        "5XX": _problem("The server's trouble."),
    }
    v1 = APIRouter(prefix="/v1", responses=told, dependencies=[Security(HTTPBearer(auto_error=False))])
    for room in (avatars, jobs, previews, sessions, media, recordings, pushes):
        v1.include_router(room.router)
    v1.include_router(health.about_router)
    app.include_router(v1)
    app.include_router(media.sockets, prefix="/v1")
    app.include_router(health.router)
    app.router.routes.append(Pages())
    _fence(app, parts)
    return app


def _fence(app: FastAPI, parts: AppState) -> None:
    """Put around ``app`` what every request passes, the innermost first."""
    app.add_middleware(BodyLimit, options=parts.options)
    app.add_middleware(AuthMiddleware, options=parts.options, known=parts.keys, signer=parts.signer)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=list(parts.options.origins),
        allow_methods=["GET", "POST", "PATCH", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "Last-Event-ID", "Range"],
        expose_headers=["Location", "Retry-After", "Content-Range"],
    )
    app.add_middleware(SecurityHeaders, seen=parts.metrics.seen)


def _problem(text: str) -> dict[str, Any]:
    return {"description": text, "content": {MEDIA_TYPE: {"schema": ProblemBody.model_json_schema()}}}


class GentleServer(uvicorn.Server):
    """On SIGTERM or Ctrl-C answers on while the running jobs get their time, then stops. A second signal hurries."""

    def __init__(self, config: uvicorn.Config, parts: AppState, ready: Callable[[int], None]) -> None:
        super().__init__(config)
        self._parts, self._ready = parts, ready

    async def startup(self, sockets: list[Any] | None = None) -> None:
        """Begin to listen, and tell on which port."""
        await super().startup(sockets)
        _set_aside()
        for server in getattr(self, "servers", []):
            self._ready(server.sockets[0].getsockname()[1])

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to drain, or stop at once."""
        if self._parts.crew.draining.is_set():
            self.should_exit = True
            self.force_exit = sig == signal.SIGINT
            return
        self._parts.crew.draining.set()
        threading.Thread(target=self._drain, daemon=True).start()

    def _drain(self) -> None:
        self._parts.crew.drain(self._parts.options.drain_seconds)
        self.should_exit = True


def _set_aside() -> None:
    """What stays for ever is not looked through again, so what sessions leave is found soon, and in a few ms."""
    gc.collect()
    gc.freeze()
    gc.collect()  # Python waits until as much is new as a quarter of what the last collection saw


def serve(parts: AppState, ready: Callable[[int], None] = lambda _: None) -> None:
    """Run until stopped by a signal; ``ready`` hears the port. Returns when everything is put away."""
    options = parts.options
    config = uvicorn.Config(
        create_app(parts),
        host=options.host,
        port=options.port,
        log_level="warning",
        access_log=False,  # addresses may hold tokens
        server_header=False,
        limit_concurrency=CONNECTIONS,
        timeout_graceful_shutdown=GRACE,
        ws="websockets-sansio",
        ws_max_size=2 * MOST_BYTES,
        ws_per_message_deflate=False,  # pictures are small already
    )
    with asyncio.Runner(loop_factory=loop_within(parse_ports(options.media_ports))) as runner:
        runner.run(GentleServer(config, parts, ready).serve())
