"""``/v1/sessions/{id}``: its pictures and sound, by WebRTC (WHEP, or an offer as JSON) and by WebSocket."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from starlette.websockets import WebSocket

from ...errors import InputError, LipsmithError
from ...transports.websocket import WebSocketSink
from ..problems import Problem
from ..schemas import Answer, Offer
from ..sessions.registry import SessionHandle
from ..sessions.viewers import told
from ..state import AppState, Owner, Parts
from .sessions import SessionId

SDP = "application/sdp"
CLOSE_MISSING, CLOSE_BUSY = 4404, 4503
RAW_OFFER = {"type": "string", "examples": ["v=0\r\n..."]}
router = APIRouter(tags=["media"])
sockets = APIRouter()
ViewerId = Annotated[str, Path(pattern="^[A-Za-z0-9_-]{16}$", examples=["kP0cZqI2m3sVb7xA"])]
Microphone = Annotated[
    Literal["speak", "ignore"], Query(description="Whether the avatar says what the viewer's microphone hears.")
]


@router.post("/sessions/{session}/offer", status_code=201)
async def answer_offer(
    parts: Parts, owner: Owner, session: SessionId, given: Offer, microphone: Microphone = "speak"
) -> Answer:
    """Watch by WebRTC: a whole offer in, a whole answer out, nothing trickles."""
    held = parts.live.get(owner, session)
    viewer, sdp = await parts.doors.answer(held, given.sdp, microphone == "speak")
    return Answer(type="answer", sdp=sdp, viewer=viewer.id, link=_link(held, viewer.id))


@router.post(
    "/sessions/{session}/whep",
    status_code=201,
    response_class=Response,
    responses={201: {"content": {SDP: {}}, "description": "The answer; `Location` ends it by DELETE."}},
    openapi_extra={"requestBody": {"required": True, "content": {SDP: {"schema": RAW_OFFER}}}},
)
async def watch(
    parts: Parts, owner: Owner, session: SessionId, request: Request, microphone: Microphone = "speak"
) -> Response:
    """Watch by WebRTC as WHEP has it: the SDP of the offer is the body, that of the answer the answer's."""
    held = parts.live.get(owner, session)
    try:
        given = (await request.body()).decode()
    except UnicodeDecodeError:
        raise InputError("The body is no text: send the SDP of a WebRTC offer.") from None
    viewer, sdp = await parts.doors.answer(held, given, microphone == "speak")
    headers = {"Location": _link(held, viewer.id)}
    links = [f'<{server["urls"]}>; rel="ice-server"' for server in parts.doors.ice(held) if "username" not in server]
    if links:
        headers["Link"] = ", ".join(links)
    return Response(sdp, 201, headers, SDP)


@router.delete("/sessions/{session}/whep/{viewer}", status_code=204)
async def leave(parts: Parts, owner: Owner, session: SessionId, viewer: ViewerId) -> None:
    """End one viewer's connection; the session goes on."""
    if not await parts.doors.hang_up(parts.live.get(owner, session), viewer):
        raise Problem("not-found", "Nobody of that id watches this session.")


@sockets.websocket("/sessions/{session}/ws")
async def socket(ws: WebSocket, session: str) -> None:
    """Watch and speak over one WebSocket; docs/transports.md has its frames."""
    parts: AppState = ws.app.state.services
    try:
        held = parts.live.get(str(ws.state.owner), session)
        with parts.doors.socket(held):
            await ws.accept()
            await _serve(ws, held)
    except Problem as problem:
        await ws.close(CLOSE_MISSING, problem.detail)
    except LipsmithError as reason:
        await ws.close(CLOSE_BUSY, str(reason)[:120])


class _Speaker:
    """A client's words to its session; to interrupt is to stop a speech that is said in parts too."""

    def __init__(self, held: SessionHandle) -> None:
        self._held = held
        self.say, self.end = held.live.say, held.live.end

    def interrupt(self) -> None:
        self._held.hush()
        self._held.live.interrupt()


async def _serve(ws: WebSocket, held: SessionHandle) -> None:
    sink = WebSocketSink(ws, _Speaker(held), held.live.film)
    held.live.attach(sink)
    telling = asyncio.create_task(_tell(sink, held))
    try:
        await sink.run()
    finally:
        telling.cancel()
        with suppress(asyncio.CancelledError):
            await telling
        await held.live.detach(sink)


async def _tell(sink: WebSocketSink, held: SessionHandle) -> None:
    async for event in held.live.events():
        body: dict[str, Any] = told(event, held.live.film.rate)
        sink.send_event({**body, "type": "event", "event": event.name})


def _link(held: SessionHandle, viewer: str) -> str:
    return f"/v1/sessions/{held.id}/whep/{viewer}"
