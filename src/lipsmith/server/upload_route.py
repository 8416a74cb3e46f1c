"""Routes that take uploads. Who sends one, and to what, is checked before its body is read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from contextlib import aclosing, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Annotated, Any, cast

from fastapi import Depends, Request, Response, params
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from ..options import nearest
from .forms import FormReader
from .incoming import Place
from .middleware import FORM
from .problems import Problem
from .state import AppState, owner_of, state_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.datastructures import FormData

PIECE = 1 << 17
"""Bytes that are gathered before they are written."""


class UploadRoute(APIRoute):
    """A route whose form may hold files, which lie at the request's ``Place`` before the route is called.

    A field that the route does not know is refused, as is a member of JSON: it would be without effect.
    A request to a session keeps it open, from before its body is read until it is answered.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """As FastAPI's, which is called with the whole form."""
        answer = super().get_route_handler()
        body = getattr(self.body_field, "field_info", None)
        takes_form = isinstance(body, params.Form)
        names = list(getattr(body.annotation, "model_fields", ())) if body else []

        async def checked(request: Request) -> Response:
            for name in await request.form() if takes_form else ():
                if name not in names:
                    raise Problem("invalid", f"The form has no field '{name[:40]}'. {nearest(name[:40], names)}")
            return await answer(request)

        async def receive_and_answer(request: Request) -> Response:
            with_files = takes_form and request.headers.get("content-type", "").lower().startswith(FORM)
            async with _session_kept(request, with_files):
                return await (_received(request, checked) if with_files else checked(request))

        return receive_and_answer


class _FormRequest(Request):
    """A request whose form was read."""

    def __init__(self, request: Request, form: FormData) -> None:
        super().__init__(request.scope, request.receive)
        self._form = form


async def _received(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
    """Read the form into a place of its own and call the route."""
    state = state_of(request)
    state.check_open()
    length = request.headers.get("content-length", "")
    await run_in_threadpool(state.check_space, int(length) if length.isdecimal() else 0)
    async with state.incoming.place(owner_of(request)) as place:
        request.state.place = place
        return await answer(_FormRequest(request, await _form(request, state, place)))


async def _form(request: Request, state: AppState, place: Place) -> FormData:
    reader = FormReader(request.headers["content-type"], place.folder, lambda count: state.incoming.grow(place, count))
    try:
        async with aclosing(request.stream()) as stream:
            piece = bytearray()
            async for data in stream:
                piece += data
                if len(piece) >= PIECE or not data:
                    whole, piece = bytes(piece), bytearray()
                    await state.incoming.in_thread(lambda whole=whole: reader.feed(whole))  # type: ignore[misc]
        return reader.finish()
    except ClientDisconnect:
        raise HTTPException(400, "The upload broke off.") from None
    finally:
        await state.incoming.in_thread(reader.close)


@asynccontextmanager
async def _session_kept(request: Request, with_files: bool) -> AsyncIterator[None]:
    """Keep the session of the request's path open, if it has one. Raises Problem not-found before a file is read."""
    sessions, session = state_of(request).sessions, request.path_params.get("session", "")
    if session and request.method == "POST" and (with_files or session in sessions.sessions):
        with sessions.get(owner_of(request), session).watched():
            try:
                yield
            finally:
                with suppress(Problem):  # it may be over
                    sessions.get(owner_of(request), session)  # from now on it counts as idle
    else:
        yield


def place_of(request: Request) -> Place:
    """Where the request's uploads lie. Raises Problem if it came without a form that can hold any."""
    place = getattr(request.state, "place", None)
    if place is None:
        raise Problem("invalid", "Send the file as a form: multipart/form-data.")
    return cast("Place", place)


PlaceDep = Annotated[Place, Depends(place_of)]
