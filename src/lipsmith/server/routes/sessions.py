"""``/v1/sessions``: avatars that speak now. What is said comes in here; pictures and sound go out by the transports."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import asdict
from typing import Annotated

import numpy as np
from fastapi import APIRouter, File, Form, Path, Query, Request, Response, UploadFile
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from ...errors import SessionOver
from ...jobs.folders import SPEECH
from ...jobs.queue import new_id
from ...jobs.tasks.decode import SAMPLES
from ...realtime.feeding import blocks, wait_for_room
from ...realtime.ticks import Event
from ...tts.languages import known_as
from ...tts.protocols import readable
from ...types import Samples
from ..problems import Problem
from ..schemas import (
    NewGesture,
    NewSession,
    NewText,
    Played,
    Said,
    SaidText,
    SessionBody,
    SessionList,
    Token,
    moment,
    session_of,
)
from ..sessions.registry import SessionHandle, read_pcm
from ..state import AppState, Owner, Parts
from ..uploads import ask, fresh_folder, measure, save
from .avatars import check_there

NO_VOICE = 'Nobody reads aloud here: pip install "lipsmith[voice]" brings eSpeak NG; or start with --voice openai:URL.'
LONGEST = 10  # minutes of one uploaded speech, which is held in memory
SIGN = 15.0  # seconds of media between two signs of life in a silent stream
router = APIRouter(tags=["sessions"])
RAW = {"type": "string", "format": "binary"}
SessionId = Annotated[str, Path(pattern="^[0-9a-f]{16}$", examples=["9b0de2a76f1c4c53"])]


@router.post("/sessions", status_code=201)
async def create_session(parts: Parts, owner: Owner, response: Response, wanted: NewSession) -> SessionBody:
    """Open a session over one of your avatars. 503 with ``Retry-After`` if the others would stutter."""
    parts.check_open()
    await run_in_threadpool(check_there, parts, owner, wanted.avatar)
    held = await parts.live.open(owner, parts.avatar_store(owner), wanted.avatar, wanted.rate)
    response.headers["Location"] = f"/v1/sessions/{held.id}"
    return session_of(held, parts.signer.token(f"sessions/{held.id}", owner), parts.doors.ice(held))


@router.get("/sessions")
async def list_sessions(parts: Parts, owner: Owner) -> SessionList:
    """Your open sessions."""
    return SessionList(sessions=[session_of(held) for held in parts.live.of(owner)])


@router.get("/sessions/{session}")
async def show_session(parts: Parts, owner: Owner, session: SessionId) -> SessionBody:
    """One session as it stands."""
    return session_of(parts.live.get(owner, session))


@router.post("/sessions/{session}/token")
async def session_token(parts: Parts, owner: Owner, session: SessionId) -> Token:
    """A token for this session's media and calls, for a page that shall not know the key."""
    held = parts.live.get(owner, session)
    token, expires = parts.signer.token(f"sessions/{held.id}", owner)
    return Token(token=token, expires=moment(expires), url=f"/v1/sessions/{held.id}/events?token={token}")


@router.post("/sessions/{session}/speak", status_code=202)
async def speak(
    parts: Parts,
    owner: Owner,
    session: SessionId,
    speech: Annotated[UploadFile, File(description="Any sound.")],
    interrupt: Annotated[bool, Form(description="Be silent first; else it is said after what waits.")] = False,
) -> Said:
    """Say an uploaded speech. What is longer than a session keeps is given to it part by part."""
    held = parts.live.get(owner, session)
    heard, rate = await run_in_threadpool(decode, parts, speech)
    if interrupt:
        silence(held)
    if held.feeder is not None and not held.feeder.done():
        raise Problem("too-much-said", "A long speech is being said: interrupt it, or wait.", retry_after=5)
    utterance = held.live.say(heard[0], rate)
    held.feeder = asyncio.create_task(feed(held, heard[1:], rate))
    return Said(utterance=utterance, seconds=sum(map(len, heard)) / rate, interrupted=False)


@router.post("/sessions/{session}/text", status_code=202)
async def say_words(parts: Parts, owner: Owner, session: SessionId, wanted: NewText) -> SaidText:
    """Read a text aloud by the server's voice, sentence by sentence; several wait for each other.

    It answers when the text sounds, or at once where it waits behind another. 501 where the server has no voice.
    """
    if parts.voice is None:
        raise Problem("no-voice", NO_VOICE)
    held = parts.live.get(owner, session)
    pieces = readable(wanted.text)
    language = known_as(wanted.language, parts.voice.languages) if wanted.language and parts.voice.languages else ""
    if wanted.interrupt:
        silence(held)
    utterance, state = await held.read(parts.voice, pieces, language)
    return SaidText(utterance=utterance, sentences=len(pieces), state=state)


@router.post(
    "/sessions/{session}/audio",
    openapi_extra={"requestBody": {"content": {"application/octet-stream": {"schema": RAW}}}},
)
async def push_audio(
    parts: Parts,
    owner: Owner,
    session: SessionId,
    request: Request,
    rate: Annotated[int, Query(ge=8000, le=48000, description="Hz of the samples.")] = 24_000,
    end: Annotated[bool, Query(description="The utterance is complete with this body.")] = True,
) -> Said:
    """Say raw sound: mono PCM, 16 bits, little endian, as fast as it comes and the session has room."""
    held = parts.live.get(owner, session)
    epoch, said, utterance, rest = held.live.session.epoch, 0, None, b""
    with held.watched() as live:
        async for chunk in request.stream():
            whole = (rest + chunk)[: (len(rest) + len(chunk)) // 2 * 2]
            rest = (rest + chunk)[len(whole) :]
            samples = np.frombuffer(whole, "<i2").astype(np.float32) / 32768
            for block in blocks(samples, rate):
                await wait_for_room(held.live, len(block), rate)
                if live.session.epoch != epoch:
                    return Said(utterance=utterance, seconds=said / rate, interrupted=True)
                utterance = live.say(block, rate)
                said += len(block)
    if end:
        held.live.end()
    return Said(utterance=utterance, seconds=said / rate, interrupted=False)


@router.post("/sessions/{session}/gesture", status_code=204)
async def gesture(parts: Parts, owner: Owner, session: SessionId, wanted: NewGesture) -> None:
    """Show a clip of the avatar once, speaking or not, and go back."""
    parts.live.get(owner, session).live.gesture(wanted.clip)


@router.post("/sessions/{session}/interrupt")
async def interrupt(parts: Parts, owner: Owner, session: SessionId) -> Played:
    """Be silent from the next picture on; says how far the utterance was heard."""
    return silence(parts.live.get(owner, session))


@router.get(
    "/sessions/{session}/events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}, "description": "Events with their media time."}},
)
async def session_events(parts: Parts, owner: Owner, session: SessionId) -> StreamingResponse:
    """Server-sent events, each with ``pts``, the second of the session's media that it holds from."""
    held = parts.live.get(owner, session)
    return StreamingResponse(_events(parts, held), media_type="text/event-stream")


@router.delete("/sessions/{session}", status_code=204)
async def close_session(parts: Parts, owner: Owner, session: SessionId) -> None:
    """Close it; who listens hears of it."""
    await parts.live.close(parts.live.get(owner, session))


def decode(parts: AppState, speech: UploadFile) -> tuple[list[Samples], int]:
    """The upload as mono samples in pieces, and their rate; a worker reads it."""
    with fresh_folder(parts.options.folder / "looks" / new_id(), keep=False) as folder:
        save(speech, folder / SPEECH)
        measure(parts, folder, LONGEST)
        rate = int(ask(parts, parts.eyes, "decode", {}, folder)["rate"])
        return [np.frombuffer(block, np.float32) for block in read_pcm(folder / SAMPLES, rate)], rate


async def feed(held: SessionHandle, heard: list[Samples], rate: int) -> None:
    """Give a session what is left of a speech as it has room, until it is interrupted or over."""
    epoch = held.live.session.epoch
    with suppress(SessionOver), held.watched() as live:
        for block in heard:
            await wait_for_room(held.live, len(block), rate)
            if live.session.epoch != epoch:
                return
            live.say(block, rate)
        live.end()


def silence(held: SessionHandle) -> Played:
    """Interrupt, with all that was to be said."""
    held.hush()
    heard = held.live.interrupt()
    return Played(utterance=heard.utterance, seconds=heard.seconds) if heard else Played(utterance=None, seconds=0.0)


async def _events(parts: AppState, held: SessionHandle) -> AsyncIterator[str]:
    rate = held.live.film.rate
    listener = held.live.listen(pictures=0)
    told = 0.0
    try:
        with held.watched():
            yield f"retry: 2000\nevent: ready\ndata: {json.dumps({'state': held.live.state, 'rate': rate})}\n\n"
            async for tick in listener:
                for event in tick.events:
                    yield f"event: {event.name}\ndata: {json.dumps(_told(event, rate))}\n\n"
                if tick.events or tick.start / rate - told > SIGN:
                    told = tick.start / rate
                    yield ": still here\n\n"
                if parts.crew.draining.is_set() and tick.state == "idle":
                    return
    finally:
        held.live.leave(listener)


def _told(event: Event, rate: int) -> dict[str, object]:
    return {**asdict(event), "pts": event.sample / rate}
