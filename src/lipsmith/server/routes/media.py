"""``/v1/sessions/{id}``: its pictures and sound, by WebRTC (WHEP, or an offer as JSON) and by WebSocket."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from starlette.websockets import WebSocket, WebSocketState

from ...errors import InputError, LipsmithError
from ...transports.webrtc.options import ice_servers
from ...transports.websocket import WebSocketSink
from ..error_handlers import close_of, refuse_socket
from ..problems import Problem
from ..schemas.sessions import Answer, Offer
from ..sessions import viewers
from ..sessions.events import forward_events
from ..sessions.handle import SessionHandle
from ..state import AppState, Owner, StateDep
from .sessions import SessionId

if TYPE_CHECKING:
    from ...realtime.host import LiveSession

SDP = "application/sdp"
RAW_OFFER = {"type": "string", "examples": ["v=0\r\n..."]}
router = APIRouter(tags=["media"])
sockets = APIRouter()
ViewerId = Annotated[str, Path(pattern="^[A-Za-z0-9_-]{16}$", examples=["kP0cZqI2m3sVb7xA"])]
Microphone = Annotated[
    Literal["speak", "ignore"], Query(description="Whether the avatar speaks the sound of the viewer's microphone.")
]


@router.post("/sessions/{session}/offer", status_code=201)
async def answer_offer(
    state: StateDep, owner: Owner, session: SessionId, given: Offer, microphone: Microphone = "speak"
) -> Answer:
    """Watch by WebRTC: a complete offer in, a complete answer out, no trickle ICE."""
    handle = state.sessions.get(owner, session)
    handle.count_connection()
    viewer, sdp = await viewers.answer_offer(handle, given.sdp, state.rtc, microphone == "speak")
    return Answer(type="answer", sdp=sdp, viewer=viewer.id, link=_link(handle, viewer.id))


@router.post(
    "/sessions/{session}/whep",
    status_code=201,
    response_class=Response,
    responses={201: {"content": {SDP: {}}, "description": "The answer; `Location` ends it by DELETE."}},
    openapi_extra={"requestBody": {"required": True, "content": {SDP: {"schema": RAW_OFFER}}}},
)
async def watch(
    state: StateDep, owner: Owner, session: SessionId, request: Request, microphone: Microphone = "speak"
) -> Response:
    """Watch by WebRTC through WHEP: the body is the SDP of the offer, the answer's body that of the answer."""
    handle = state.sessions.get(owner, session)
    handle.count_connection()
    try:
        given = (await request.body()).decode()
    except UnicodeDecodeError:
        raise InputError("The body is no text: send the SDP of a WebRTC offer.") from None
    viewer, sdp = await viewers.answer_offer(handle, given, state.rtc, microphone == "speak")
    headers = {"Location": _link(handle, viewer.id)}
    servers = ice_servers(state.rtc, handle.id, time.time())
    links = [f'<{server["urls"]}>; rel="ice-server"' for server in servers if "username" not in server]
    if links:
        headers["Link"] = ", ".join(links)
    return Response(sdp, 201, headers, SDP)


@router.delete("/sessions/{session}/whep/{viewer}", status_code=204)
async def leave(state: StateDep, owner: Owner, session: SessionId, viewer: ViewerId) -> None:
    """End one viewer's connection; the session goes on."""
    if not await viewers.hang_up(state.sessions.get(owner, session), viewer):
        raise Problem("not-found", "Nobody of that id watches this session.")


@sockets.websocket("/sessions/{session}/ws")
async def socket(ws: WebSocket, session: str) -> None:
    """Watch and speak over one WebSocket; docs/transports.md describes its frames."""
    state: AppState = ws.app.state.services
    try:
        handle = state.sessions.get(str(ws.state.owner), session)
        with handle.socket():
            sink = WebSocketSink(ws, handle, handle.live.film, end=handle.close_code)
            handle.live.attach(sink)
            await _serve(ws, handle.live, sink)
    except LipsmithError as error:
        if ws.application_state is WebSocketState.CONNECTING:
            await refuse_socket(error, ws.send)
        else:
            await ws.close(*close_of(error))


async def _serve(ws: WebSocket, live: LiveSession, sink: WebSocketSink) -> None:
    forwarding = asyncio.create_task(
        forward_events(live, lambda event: sink.send_event({**event, "type": "event", "event": event["name"]}))
    )
    try:
        await ws.accept()
        await sink.run()
    finally:
        forwarding.cancel()
        with suppress(asyncio.CancelledError):
            await forwarding
        await live.detach(sink)


def _link(handle: SessionHandle, viewer: str) -> str:
    return f"/v1/sessions/{handle.id}/whep/{viewer}"
