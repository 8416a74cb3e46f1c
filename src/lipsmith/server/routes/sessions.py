"""``/v1/sessions``: avatars that speak live. What is said comes in here; transports carry pictures and sound out."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Annotated

import numpy as np
from fastapi import APIRouter, File, Form, Path, Query, Request, Response, UploadFile
from starlette.concurrency import run_in_threadpool

from ...jobs.folders import SPEECH
from ...jobs.queue import new_id
from ...jobs.tasks.decode import SAMPLES
from ...realtime.feeding import blocks, wait_for_room
from ...transports.webrtc.options import ice_servers
from ...tts.languages import known_as
from ...tts.protocols import readable
from ...types import Samples
from ..problems import Problem
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
from ..uploads import ask, fresh_folder, measure, save
from .avatars import check_there

NO_VOICE = "Nobody reads aloud here: the server has no voice; 'lipsmith doctor' tells its operator how to get one."
LONGEST = 10  # minutes of one uploaded speech, which is held in memory
router = APIRouter(tags=["sessions"])
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
    speech: Annotated[UploadFile, File(description="Any sound.")],
    interrupt: Annotated[bool, Form(description="Be silent first; else it is said after what waits.")] = False,
) -> Said:
    """Say an uploaded speech. A speech longer than the session's buffer is fed to it in parts."""
    handle = state.sessions.get(owner, session)
    pieces, rate = await run_in_threadpool(decode, state, speech)
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
    handle = state.sessions.get(owner, session)
    pieces = readable(wanted.text)
    language = known_as(wanted.language, state.voice.languages) if wanted.language and state.voice.languages else ""
    if wanted.interrupt:
        handle.interrupt()
    utterance, status = await handle.read_aloud(state.voice, pieces, language)
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
    handle = state.sessions.get(owner, session)
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
    state.sessions.get(owner, session).live.gesture(wanted.clip)


@router.post("/sessions/{session}/interrupt")
async def interrupt(state: StateDep, owner: Owner, session: SessionId) -> Played:
    """Be silent from the next picture on; says how much of the utterance was played."""
    heard = state.sessions.get(owner, session).interrupt()
    return Played(utterance=heard.utterance if heard else None, seconds=heard.seconds if heard else 0.0)


@router.get(
    "/sessions/{session}/events",
    response_class=EventSourceResponse,
    responses={200: {"content": {"text/event-stream": {}}, "description": "Events with their media time."}},
)
async def session_events(state: StateDep, owner: Owner, session: SessionId) -> EventSourceResponse:
    """Server-sent events, each with ``pts``, the second of the session's media at which it happens."""
    return event_stream(_events(state, state.sessions.get(owner, session)))


@router.delete("/sessions/{session}", status_code=204)
async def close_session(state: StateDep, owner: Owner, session: SessionId) -> None:
    """Close the session; viewers and listeners get the event `closed`."""
    await state.sessions.get(owner, session).close()


def decode(state: AppState, speech: UploadFile) -> tuple[list[Samples], int]:
    """The upload as mono float32 samples in pieces of half a second, and their rate in Hz; a worker reads it."""
    with fresh_folder(state.settings.folder / "looks" / new_id(), keep=False) as folder:
        save(speech, folder / SPEECH)
        measure(state, folder, LONGEST)
        rate = int(ask(state, state.probe_worker, "decode", {}, folder)["rate"])
        samples = np.fromfile(folder / SAMPLES, np.float32)
    return [samples[first : first + rate // 2] for first in range(0, len(samples), rate // 2)], rate


async def _events(state: AppState, handle: SessionHandle) -> AsyncIterator[ServerSentEvent]:
    """Until the session is over, or is silent while the server stops."""
    live = handle.live
    rate = live.film.rate
    listener = live.listen(pictures=0)
    try:
        with handle.watched():
            yield server_event("ready", {"state": live.state, "rate": rate}, retry=True)
            async for tick in listener:
                for event in tick.events:
                    yield server_event(event.name, event_json(event, rate))
                if state.runner.draining.is_set() and tick.state == "idle":
                    return
    finally:
        live.leave(listener)
