"""``/v1/sessions/{id}/pushes``: a live session sent on to streaming servers, where the operator allows it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, Field, SecretStr

from ..schemas import example, moment
from ..sessions import pushes
from ..state import Owner, Parts
from .sessions import SessionId

router = APIRouter(tags=["sessions"])
PushId = Annotated[str, Path(pattern="^[0-9a-f]{16}$", examples=["2a74c536f1c9b0de"])]


class NewPush(BaseModel):
    """Where to push; the address holds a key, and is never told again."""

    model_config = example(url="rtmp://live.example.org/app/stream-key")
    url: SecretStr = Field(min_length=1, max_length=1024)


class Push(BaseModel):
    """One push. ``waiting``: it will connect again; ``trouble`` says what happened last."""

    model_config = example(
        id="2a74c536f1c9b0de", to="rtmp://live.example.org/...", state="connected", connections=1, trouble="",
        created="2026-01-31T12:00:00Z",
    )  # fmt: skip
    id: str
    to: str = Field(description="The address without its path, which holds the key.")
    state: pushes.PushState
    connections: int = Field(description="Made so far.")
    trouble: str = Field(description="Why the last connection ended or could not be made.")
    created: str


class Pushes(BaseModel):
    """All pushes of one session."""

    pushes: list[Push]


@router.post("/sessions/{session}/pushes", status_code=201)
async def start_push(parts: Parts, owner: Owner, session: SessionId, response: Response, wanted: NewPush) -> Push:
    """Push the session to a streaming server until it is stopped or the session ends; a broken line is begun anew.

    403 unless the address is below one that the operator of this server named (`--push-to`). The session's events
    tell when it is connected (`push_connected`), when the line breaks (`push_lost`) and when it is over (`push_ended`).
    """
    parts.check_open()
    made = parts.pushes.start(parts.live.get(owner, session), wanted.url.get_secret_value())
    response.headers["Location"] = f"/v1/sessions/{session}/pushes/{made.id}"
    return push_of(made)


@router.get("/sessions/{session}/pushes")
async def list_pushes(parts: Parts, owner: Owner, session: SessionId) -> Pushes:
    """The pushes of this session that go on."""
    return Pushes(pushes=[push_of(one) for one in parts.pushes.of(parts.live.get(owner, session))])


@router.delete("/sessions/{session}/pushes/{push}", status_code=204)
async def stop_push(parts: Parts, owner: Owner, session: SessionId, push: PushId) -> None:
    """End the stream; the session goes on."""
    await parts.pushes.stop(parts.live.get(owner, session), push)


def push_of(push: pushes.RunningPush) -> Push:
    """A push as it goes out."""
    return Push(
        id=push.id,
        to=push.to,
        state=push.state,
        connections=push.sink.connections,
        trouble=push.sink.trouble,
        created=moment(push.created),
    )
