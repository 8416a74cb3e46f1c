"""``/v1/sessions``: avatars that speak live. What is said comes in here; transports carry pictures and sound out."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path as FilePath
from typing import Annotated

import numpy as np
from fastapi import APIRouter, File, Form, Path, Query, Request, Response, UploadFile
from starlette.concurrency import run_in_threadpool

from ...jobs.folders import SPEECH
from ...jobs.tasks.decode import SAMPLES
from ...realtime.feeding import blocks, wait_for_room
from ...transports.webrtc.options import ice_servers
from ...tts.protocols import readable, style_for
from ...types import Samples
from ..problems import NO_VOICE, Problem
from ..request_options import check_engine_options
from ..schemas.common import Token, moment
from ..schemas.sessions import (
    NewGesture,
    NewSession,
    NewText,
    Played,
    Said,
    SaidText,
    SessionBody,
    SessionList,
    session_of,
)
from ..sessions.events import event_json
from ..sessions.handle import SessionHandle
from ..sse import EventSourceResponse, ServerSentEvent, event_stream, server_event
from ..state import AppState, Owner, StateDep
from ..upload_route import PlaceDep, UploadRoute
from ..uploads import decode, measure, save
from .avatars import check_there

LONGEST = 10  # minutes of one uploaded speech, which is held in memory
MOST_SAMPLES = LONGEST * 60 * 48_500  # of it, at any rate: 116 MB
router = APIRouter(tags=["sessions"], route_class=UploadRoute)
RAW = {"type": "string", "format": "binary"}
SessionId = Annotated[str, Path(pattern="^[0-9a-f]{16}$", examples=["9b0de2a76f1c4c53"])]


@router.post("/sessions", status_code=201)
async def create_session(state: StateDep, owner: Owner, response: Response, wanted: NewSession) -> SessionBody:
    """Open a session with one of your avatars. 503 with ``Retry-After`` if the others would stutter."""
    state.check_open()
    check_engine_options("auto", wanted.engine_options)
    await run_in_threadpool(check_there, state, owner, wanted.avatar)
    store = state.avatar_store(owner)
    handle = await state.sessions.open(owner, store, wanted.avatar, wanted.rate, wanted.engine_options)
    response.headers["Location"] = f"/v1/sessions/{handle.id}"
    token = state.signer.token(f"sessions/{handle.id}", owner)
    return session_of(handle, token, ice_servers(state.rtc, handle.id, time.time()))


@router.get("/sessions")
async def list_sessions(state: StateDep, owner: Owner) -> SessionList:
    """Your open sessions."""
    return SessionList(sessions=[session_of(handle) for handle in state.sessions.of(owner)])


@router.get("/sessions/{session}")
async def show_session(state: StateDep, owner: Owner, session: SessionId) -> SessionBody:
    """One session, in its present state."""
    return session_of(state.sessions.get(owner, session))


@router.post("/sessions/{session}/token")
async def session_token(state: StateDep, owner: Owner, session: SessionId) -> Token:
    """A token for this session's media and calls, for a page that must not know the key."""
    handle = state.sessions.get(owner, session)
    token, expires = state.signer.token(f"sessions/{handle.id}", owner)
    return Token(token=token, expires=moment(expires), url=f"/v1/sessions/{handle.id}/events?token={token}")


@router.post("/sessions/{session}/speak", status_code=202)
async def speak(
    state: StateDep,
    owner: Owner,
    session: SessionId,
    place: PlaceDep,
    speech: Annotated[UploadFile, File(description="Any sound.")],
    interrupt: Annotated[bool, Form(description="Be silent first; else it is said after what waits.")] = False,
) -> Said:
    """Say an uploaded speech. A speech longer than the session's buffer is fed to it in parts."""
    _called(state, owner, session)
    save(speech, place.folder / SPEECH)
    await measure(state, owner, place.folder, LONGEST)
    rate = await decode(state, owner, place.folder, MOST_SAMPLES)
    pieces = await run_in_threadpool(_pieces, place.folder / SAMPLES, rate)
    handle = state.sessions.get(owner, session)
    if interrupt:
        handle.interrupt()
    utterance = handle.say_speech(pieces, rate)
    return Said(utterance=utterance, seconds=sum(map(len, pieces)) / rate, interrupted=False)


@router.post("/sessions/{session}/text", status_code=202)
async def say_words(state: StateDep, owner: Owner, session: SessionId, wanted: NewText) -> SaidText:
    """Let the server's voice read a text, sentence by sentence. Several texts are read one after the other.

    It answers when the text begins to play, or at once if it waits behind another. 501 if the server has no voice.
    """
    if state.voice is None:
        raise Problem("no-voice", NO_VOICE)
    handle = _called(state, owner, session)
    pieces = readable(wanted.text)
    style = style_for(state.voice, wanted.language or "", wanted.voice or "", wanted.speed)
    if wanted.interrupt:
        handle.interrupt()
    utterance, status = await handle.read_aloud(state.voice, pieces, style)
    return SaidText(utterance=utterance, sentences=len(pieces), state=status)


@router.post(
    "/sessions/{session}/audio",
    openapi_extra={"requestBody": {"content": {"application/octet-stream": {"schema": RAW}}}},
)
async def push_audio(
    state: StateDep,
    owner: Owner,
    session: SessionId,
    request: Request,
    rate: Annotated[int, Query(ge=8000, le=48000, description="Hz of the samples.")] = 24_000,
    end: Annotated[bool, Query(description="Whether the utterance ends with this body.")] = True,
) -> Said:
    """Say raw sound: mono PCM, 16 bits, little endian, as fast as it comes and the session has room."""
    handle = _called(state, owner, session)
    epoch, said, utterance, rest = handle.live.session.epoch, 0, None, b""
    with handle.watched() as live:
        async for chunk in request.stream():
            whole = (rest + chunk)[: (len(rest) + len(chunk)) // 2 * 2]
            rest = (rest + chunk)[len(whole) :]
            samples = np.frombuffer(whole, "<i2").astype(np.float32) / 32768
            for block in blocks(samples, rate):
                await wait_for_room(live, len(block), rate)
                if live.session.epoch != epoch:
                    return Said(utterance=utterance, seconds=said / rate, interrupted=True)
                utterance = live.say(block, rate)
                said += len(block)
    if end:
        handle.end()
    return Said(utterance=utterance, seconds=said / rate, interrupted=False)


@router.post("/sessions/{session}/gesture", status_code=204)
async def gesture(state: StateDep, owner: Owner, session: SessionId, wanted: NewGesture) -> None:
    """Show a clip of the avatar once, speaking or not, and go back."""
    _called(state, owner, session).live.gesture(wanted.clip)


@router.post("/sessions/{session}/interrupt")
async def interrupt(state: StateDep, owner: Owner, session: SessionId) -> Played:
    """Be silent from the next picture on; says how much of the utterance was played."""
    handle = state.sessions.get(owner, session)
    if handle.speaks:
        handle.count_call()
    heard = handle.interrupt()
    return Played(utterance=heard.utterance if heard else None, seconds=heard.seconds if heard else 0.0)


@router.get(
    "/sessions/{session}/events",
    response_class=EventSourceResponse,
    responses={200: {"content": {"text/event-stream": {}}, "description": "Events with their media time."}},
)
async def session_events(state: StateDep, owner: Owner, session: SessionId) -> EventSourceResponse:
    """Server-sent events, each with ``pts``, the second of the session's media at which it happens."""
    return event_stream(_events(state.sessions.get(owner, session)))


@router.delete("/sessions/{session}", status_code=204)
async def close_session(state: StateDep, owner: Owner, session: SessionId) -> None:
    """Close the session; viewers and listeners get the event `closed`."""
    await state.sessions.get(owner, session).close()


def _called(state: AppState, owner: str, session: str) -> SessionHandle:
    """The client's session, for a call that makes it say or do something. Raises Problem not-found, too-many-calls."""
    handle = state.sessions.get(owner, session)
    handle.count_call()
    return handle


def _pieces(path: FilePath, rate: int) -> list[Samples]:
    """The mono float32 samples in the file, in pieces of half a second."""
    samples = np.fromfile(path, np.float32)
    return [samples[first : first + rate // 2] for first in range(0, len(samples), rate // 2)]


async def _events(handle: SessionHandle) -> AsyncIterator[ServerSentEvent]:
    """Until the session is over; a server that stops closes it first."""
    live = handle.live
    rate = live.film.rate
    listener = live.listen(pictures=0)
    try:
        with handle.watched():
            yield server_event("ready", {"state": live.state, "rate": rate}, retry=True)
            async for tick in listener:
                for event in tick.events:
                    yield server_event(event.name, event_json(event, rate))
    finally:
        live.leave(listener)
