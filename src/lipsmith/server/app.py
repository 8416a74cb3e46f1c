"""The application, and the server that runs it and drains it before it stops."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import threading
from asyncio import Protocol
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import uvicorn
from fastapi import APIRouter, FastAPI, Security
from fastapi.security import HTTPBearer
from starlette.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware

from ..transports.webrtc.options import parse_ports
from ..transports.webrtc.ports import loop_within
from ..transports.websocket_frames import MOST_BYTES
from ..version import __version__
from . import error_handlers
from .api_docs import docs_routes
from .auth.middleware import AuthMiddleware
from .middleware import BodyLimit, SecurityHeaders
from .open_files import allow_open_files
from .openapi import ABOUT, TAGS, readable_page
from .pages import Pages
from .problems import MEDIA_TYPE
from .protocol import GuardedProtocol, GuardedSocket
from .request_log import HEADER, RequestLog
from .routes import avatars, health, jobs, media, previews, pushes, recordings, sessions
from .schemas.problems import ProblemBody
from .start_checks import listen
from .state import AppState

if TYPE_CHECKING:
    from types import FrameType

    from starlette.types import ASGIApp

KEEP_ALIVE = 75
"""Seconds for which a connection may wait for its next request: longer than proxies keep theirs, which is 60 mostly."""
GRACE = 5
"""Seconds that open answers get when the server stops."""
log = logging.getLogger(__name__)


class Application(FastAPI):
    """FastAPI with an OpenAPI page for strangers: see ``openapi``.

    Around it stand the log of requests and the security headers, so that they see every answer to an error too.
    """

    def build_middleware_stack(self) -> ASGIApp:
        """As Starlette has it."""
        metrics = self.state.services.metrics
        return RequestLog(SecurityHeaders(super().build_middleware_stack()), metrics)

    def openapi(self) -> dict[str, Any]:
        """The page; made once."""
        if self.openapi_schema is None:
            self.openapi_schema = readable_page(super().openapi())
        return self.openapi_schema


def create_app(state: AppState) -> FastAPI:
    """The application over ``state``, which begins to work with it and is closed with it."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        state.runner.start()
        yield
        await state.sessions.drain()
        if state.voice:
            await state.voice.close()
        await run_in_threadpool(state.close)

    app = Application(
        title="Lipsmith",
        version=__version__,
        description=ABOUT,
        openapi_tags=[{"name": name, "description": text} for name, text in TAGS],
        generate_unique_id_function=lambda route: route.name,
        openapi_url="/v1/openapi.json",
        docs_url=None,  # see ``api_docs``: FastAPI's own load their programs from other sites
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.services = state
    error_handlers.install(app)
    problems: dict[int | str, dict[str, Any]] = {
        "4XX": _problem("The request cannot be answered as it stands: the problem says why."),
        "5XX": _problem("The server cannot answer it now, or failed: the problem says why."),
    }
    v1 = APIRouter(prefix="/v1", responses=problems, dependencies=[Security(HTTPBearer(auto_error=False))])
    for routes in (avatars, jobs, previews, sessions, media, recordings, pushes):
        v1.include_router(routes.router)
    v1.include_router(health.about_router)
    app.include_router(v1)
    app.include_router(media.sockets, prefix="/v1")
    app.include_router(health.router)
    app.router.routes += [*docs_routes(), Pages()]
    _add_middleware(app, state)
    return app


def _add_middleware(app: FastAPI, state: AppState) -> None:
    """Put around ``app`` what every request passes: the last one added is the first one passed."""
    app.add_middleware(BodyLimit, settings=state.settings)
    app.add_middleware(
        AuthMiddleware,
        settings=state.settings, known=state.keys, signer=state.signer, connections=state.connections,
    )  # fmt: skip
    app.add_middleware(
        CORSMiddleware,
        allow_origins=list(state.settings.origins),
        allow_methods=["GET", "POST", "PATCH", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "Last-Event-ID", "Range", HEADER],
        expose_headers=["Location", "Retry-After", "Content-Range", HEADER],
    )


def _problem(text: str) -> dict[str, Any]:
    return {"description": text, "content": {MEDIA_TYPE: {"schema": ProblemBody.model_json_schema()}}}


class DrainingServer(uvicorn.Server):
    """On SIGTERM or Ctrl-C it answers on while running jobs get their time, then stops. A second signal hurries."""

    def __init__(self, config: uvicorn.Config, state: AppState, ready: Callable[[int], None]) -> None:
        super().__init__(config)
        self._state, self._ready = state, ready
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[Any] | None = None) -> None:
        """Begin to listen, and call ``ready`` with the port."""
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()
        _freeze_garbage()
        address = self.servers[0].sockets[0].getsockname()
        keys = self._state.keys
        log.info(
            "server started",
            extra={
                "version": __version__, "host": address[0], "port": address[1], "client_keys": len(keys.known),
                "operator_keys": len(keys.operators), "data": str(self._state.settings.folder),
            },
        )  # fmt: skip
        self._ready(self.servers[0].sockets[0].getsockname()[1])

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to drain, or stop at once."""
        if self._state.runner.draining.is_set():
            self.should_exit = True
            self.force_exit = sig == signal.SIGINT
            return
        self._state.runner.draining.set()
        threading.Thread(target=self._drain, args=(signal.Signals(sig).name,), daemon=True).start()

    def _drain(self, cause: str) -> None:
        """The body of a thread; a signal's handler logs nothing, because the log may be held where it stands.

        Viewers and listeners hear of the end before uvicorn closes their connections.
        """
        log.info("server drains", extra={"signal": cause, "seconds": self._state.settings.drain_seconds})
        self._state.runner.drain(self._state.settings.drain_seconds)
        if self._loop is not None:
            asyncio.run_coroutine_threadsafe(self._state.sessions.drain(), self._loop).result()
        self.should_exit = True


def _freeze_garbage() -> None:
    """Leave what is loaded by now out of garbage collection, which then finds what sessions leave soon, in a few ms."""
    gc.collect()
    gc.freeze()
    gc.collect()  # Python waits until as much is new as a quarter of what the last collection saw


def serve(state: AppState, ready: Callable[[int], None] = lambda _: None) -> None:
    """Run until a signal stops it; ``ready`` is called with the port. Returns when everything is closed.

    Raises:
        OptionError: the server cannot listen on the address of its settings.
    """
    settings = state.settings
    sockets = listen(settings)
    allow_open_files(settings.connections + settings.keyless_connections)
    config = uvicorn.Config(
        create_app(state),
        log_config=None,  # see ``logs``
        log_level="error",  # below it are lines that a client causes by sending no HTTP
        access_log=False,  # addresses may hold tokens; ``RequestLog`` writes them without
        server_header=False,
        timeout_graceful_shutdown=GRACE,
        timeout_keep_alive=KEEP_ALIVE,
        http=cast("type[Protocol]", partial(GuardedProtocol, table=state.connections)),
        ws=cast("type[Protocol]", partial(GuardedSocket, table=state.connections)),
        ws_max_size=2 * MOST_BYTES,
        ws_per_message_deflate=False,  # pictures are small already
    )
    with asyncio.Runner(loop_factory=loop_within(parse_ports(settings.media_ports))) as runner:
        runner.run(DrainingServer(config, state, ready).serve(sockets))
    log.info("server stopped")
