"""``/v1/sessions/{id}/pushes``: a live session sent on to streaming servers, where the operator allows it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response

from ..schemas.sessions import NewPush, Push, Pushes, push_of
from ..sessions import pushes
from ..state import Owner, StateDep
from .sessions import SessionId

router = APIRouter(tags=["sessions"])
PushId = Annotated[str, Path(pattern="^[0-9a-f]{16}$", examples=["2a74c536f1c9b0de"])]


@router.post("/sessions/{session}/pushes", status_code=201)
async def start_push(state: StateDep, owner: Owner, session: SessionId, response: Response, wanted: NewPush) -> Push:
    """Push the session to a streaming server until the push is stopped or the session ends. It reconnects if it breaks.

    403 unless the address is below one that the operator of this server allows (`--push-to`). The session has events
    for the connection (`push_connected`), for its loss (`push_lost`) and for the end of the push (`push_ended`).
    """
    state.check_open()
    handle = state.sessions.get(owner, session)
    push = pushes.start_push(handle, wanted.url.get_secret_value(), state.settings.push_places)
    response.headers["Location"] = f"/v1/sessions/{session}/pushes/{push.id}"
    return push_of(push)


@router.get("/sessions/{session}/pushes")
async def list_pushes(state: StateDep, owner: Owner, session: SessionId) -> Pushes:
    """The running pushes of this session."""
    running = state.sessions.get(owner, session).attached(pushes.RunningPush)
    return Pushes(pushes=[push_of(push) for push in running])


@router.delete("/sessions/{session}/pushes/{push}", status_code=204)
async def stop_push(state: StateDep, owner: Owner, session: SessionId, push: PushId) -> None:
    """End the stream; the session goes on."""
    await pushes.stop_push(state.sessions.get(owner, session), push)
