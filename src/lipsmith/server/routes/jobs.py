"""``/v1/jobs``: long work that starts with an upload and is watched until it is over."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from pathlib import PurePath
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, Path, Query, Response, UploadFile
from starlette.concurrency import run_in_threadpool

from ...avatars.options import kept_options
from ...errors import SoundError
from ...jobs.folders import PICTURE, RESULT, SPEECH
from ...jobs.queue import JobRecord, NewJob, new_id
from ...jobs.registry import task_registry
from ...jobs.tasks.dub import TASK as DUB
from ...tts.protocols import FASTEST, SLOWEST, readable, style_for
from ..error_handlers import RangedFile
from ..problems import NO_VOICE, Problem
from ..request_options import check_available, generate_request, parse_options, speak_request
from ..schemas.common import Token, moment
from ..schemas.jobs import Format, Job, Jobs, job_of
from ..schemas.sessions import LANGUAGE, MOST_LETTERS, VOICE
from ..sse import EventSourceResponse, ServerSentEvent, event_stream, server_event
from ..state import AppState, Owner, StateDep
from ..upload_route import UploadRoute
from ..uploads import fresh_folder, measure, save, shown_name

CHECK_SECONDS = 0.3
"""Between two checks of a job whose events are read."""
TYPES = {".mp4": "video/mp4", ".mov": "video/quicktime", ".webm": "video/webm"}
log = logging.getLogger(__name__)
router = APIRouter(tags=["jobs"], route_class=UploadRoute)
JobId = Annotated[str, Path(pattern="^[0-9a-f]{16}$", examples=["6f1c9b0de2a74c53"])]


@dataclass
class DubForm:
    """The form of a new film."""

    picture: Annotated[UploadFile | None, File(description="A portrait or a video; or give `avatar`.")] = None
    avatar: Annotated[str | None, Form(max_length=64, description="One of your avatars, instead of a picture.")] = None
    speech: Annotated[UploadFile | None, File(description="Any sound or video; left out: the picture's own.")] = None
    text: Annotated[
        str | None, Form(min_length=1, max_length=MOST_LETTERS, description="A text to read aloud, instead of speech.")
    ] = None
    language: Annotated[
        str | None,
        Form(pattern=LANGUAGE, description="The text's language, such as zh-CN; left out: the letters decide."),
    ] = None
    voice: Annotated[str | None, Form(pattern=VOICE, description="One of the server's voices, see `/v1/about`.")] = None
    speed: Annotated[
        float | None, Form(ge=SLOWEST, le=FASTEST, description="How many times as fast as usual it is read.")
    ] = None
    format: Annotated[Format, Form(description="The film's container.")] = "mp4"
    options: Annotated[str, Form(max_length=4000, description="Options of the film, as JSON.", examples=["{}"])] = "{}"


@router.post("/jobs", status_code=202)
async def create_job(state: StateDep, owner: Owner, response: Response, form: Annotated[DubForm, Depends()]) -> Job:
    """Dub: make an uploaded picture, or one of your avatars, say an uploaded speech or a text. The answer is a job.

    The film's options are `crf`, `preset`, `mark` (how it is written), `start`, `duration`, `length` (what of it is
    made), `audio_track`, `fps`, `faces`, `still`, `seed`, `background`, `key`, `engine` and `engine_options`; see
    `/v1/about` for the engines and their own options. An avatar already has its engine and faces, so its films have
    the options `crf`, `preset`, `mark`, `audio_track`, `start`, `duration` and `engine_options` only.

    A text is read aloud by the server's voice.
    """
    task = await run_in_threadpool(dub_task, state, owner, form)
    await run_in_threadpool(state.check_room, owner)
    job = new_id()
    async with fresh_folder(state.jobs / job) as folder:
        size = save(form.picture, folder / PICTURE) + save(form.speech, folder / SPEECH)
        facts = await measure(state, owner, folder)
        if form.speech is None and form.text is None and not facts.get("picture", {}).get("has_sound"):
            raise SoundError("There is no soundtrack to take the speech from: upload speech too, or give a text.")
        new = NewJob(job, owner, DUB.name, {"asked": asked_of(form, task["options"]), "task": task}, size)
        row = await run_in_threadpool(admit, state, new)
    response.headers["Location"] = f"/v1/jobs/{row.id}"
    return await run_in_threadpool(answer, state, row)


@router.get("/jobs")
def list_jobs(
    state: StateDep,
    owner: Owner,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    before: Annotated[float | None, Query(ge=0, le=1e11, description="From the address `next`.")] = None,
) -> Jobs:
    """Your jobs, newest first."""
    rows = state.store.page(owner, limit, before)
    after = f"/v1/jobs?limit={limit}&before={rows[-1].created!r}" if len(rows) == limit else None
    order = state.store.start_order() if any(row.state == "queued" for row in rows) else []
    return Jobs(jobs=[job_of(row, order) for row in rows], next=after)


@router.get("/jobs/{job}")
def show_job(state: StateDep, owner: Owner, job: JobId) -> Job:
    """One job, in its present state."""
    return answer(state, find(state, owner, job))


@router.get(
    "/jobs/{job}/events",
    response_class=EventSourceResponse,
    responses={
        200: {"content": {"text/event-stream": {}}, "description": "`job` events, the last one when it is over."}
    },
)
async def job_events(state: StateDep, owner: Owner, job: JobId) -> EventSourceResponse:
    """Server-sent events: ``event: job`` with the job as data whenever it changes, at once and until it is over."""
    row = await run_in_threadpool(find, state, owner, job)
    return event_stream(_events(state, owner, row))


@router.post("/jobs/{job}/cancel")
def cancel_job(state: StateDep, owner: Owner, job: JobId) -> Job:
    """Stop a job that waits or runs, within a second. One that is over stays as it is."""
    row = state.runner.cancel(job, owner)
    if row is None:
        raise missing()
    return answer(state, row)


@router.head("/jobs/{job}/result", include_in_schema=False)
@router.get(
    "/jobs/{job}/result",
    response_class=RangedFile,
    responses={
        200: {"content": {kind: {} for kind in TYPES.values()}, "description": "The film; ranges are answered 206."}
    },
)
def job_result(state: StateDep, owner: Owner, job: JobId) -> RangedFile:
    """The film: all of it, or the requested ranges."""
    row = find(state, owner, job)
    name = task_registry().result_file(row.kind, row.request["task"])
    if name is None or row.state != "done":
        raise Problem("no-result", f"The job is {row.state}: there is a film when a dub or a recording is done.")
    path = state.jobs / job / RESULT / name
    asked = row.request["asked"]
    called = PurePath(asked.get("picture") or asked.get("avatar") or "film").stem
    file = f"{called}-{job[:4]}{path.suffix}"
    return RangedFile(path, media_type=TYPES[path.suffix], filename=file, content_disposition_type="inline")


@router.post("/jobs/{job}/token")
def job_token(state: StateDep, owner: Owner, job: JobId) -> Token:
    """A short-lived token for a ``<video>`` or an ``EventSource``, which cannot send a key."""
    find(state, owner, job)
    token, expires = state.signer.token(f"jobs/{job}", owner)
    return Token(token=token, expires=moment(expires), url=f"/v1/jobs/{job}/result?token={token}")


@router.delete("/jobs/{job}", status_code=204)
def delete_job(state: StateDep, owner: Owner, job: JobId) -> None:
    """Stop the job if it runs, and delete it with all its files."""
    if state.runner.cancel(job, owner) is None:
        raise missing()
    state.runner.freeing(lambda: state.runner.remove(job))


def dub_task(state: AppState, owner: str, form: DubForm) -> dict[str, Any]:
    """The options of the task that makes the form's film. Raises the problem with it."""
    given = parse_options(form.options)
    check_source(state, owner, form)
    if form.avatar is None:
        options = generate_request(given, form.format)
        check_available(options.engine, options.engine_options)
    else:
        info = state.avatar_store(owner).info(form.avatar)
        check_available(info.engine, {**kept_options(info), **speak_request(given, info).engine_options})
    said = {} if form.text is None else said_text(state, form)
    return {"avatar": form.avatar, "format": form.format, "options": given, **said}


def asked_of(form: DubForm, options: dict[str, Any]) -> dict[str, Any]:
    """What the form asks for, to be shown."""
    files = {"picture": shown_name(form.picture), "speech": shown_name(form.speech)}
    text = {"text": form.text, "language": form.language, "voice": form.voice, "speed": form.speed}
    return {"avatar": form.avatar, "format": form.format, "options": options, **files, **text}


def check_source(state: AppState, owner: str, form: DubForm) -> None:
    """Raise Problem unless there is either a picture or one of the client's avatars, and one speech at most."""
    if (form.picture is None) == (form.avatar is None):
        raise Problem("invalid", "Give either a picture or an avatar.")
    if form.avatar is not None and form.avatar not in {info.id for info in state.avatar_store(owner).list()}:
        raise Problem("not-found", f"You have no avatar '{form.avatar}'.")
    if form.text is not None and form.speech is not None:
        raise Problem("invalid", "Give either speech or a text.")
    if form.text is None and any(one is not None for one in (form.language, form.voice, form.speed)):
        raise Problem("invalid", "language, voice and speed say how a text is read aloud: give a text too.")


def said_text(state: AppState, form: DubForm) -> dict[str, Any]:
    """The task's options for the form's text.

    Raises:
        Problem: the server has no voice.
        OptionError: its voice has no such language or voice, or the text holds nothing to say.
    """
    if state.voice is None:
        raise Problem("no-voice", NO_VOICE)
    readable(form.text or "")
    style = style_for(state.voice, form.language or "", form.voice or "", form.speed or 1.0)
    return {"text": form.text, "voice": state.settings.voice, "style": asdict(style)}


def find(state: AppState, owner: str, job: str) -> JobRecord:
    """The client's job. Raises Problem not-found for those of others too."""
    row = state.store.get(job, owner)
    if row is None:
        raise missing()
    return row


def missing() -> Problem:
    """The problem with a job that is not there, or is another client's."""
    return Problem("not-found", "You have no job of that id.")


def answer(state: AppState, row: JobRecord) -> Job:
    """The job as it is answered."""
    return job_of(row, state.store.start_order() if row.state == "queued" else [])


def admit(state: AppState, new: NewJob) -> JobRecord:
    """Put a job into the queue, if there is room."""
    with state.admitting:
        state.check_room(new.owner)
        row = state.store.submit(new)
    state.runner.notify()
    log.info("job queued", extra={"job": row.id, "kind": row.kind, "client": row.owner})
    return row


async def _events(state: AppState, owner: str, row: JobRecord) -> AsyncIterator[ServerSentEvent]:
    """Events until the job is over or gone, or the server stops; then the browser connects again."""
    sent: tuple[int, int | None] | None = None
    yield server_event(retry=True)
    while True:
        job = await run_in_threadpool(answer, state, row)
        if sent != (row.revision, job.position):
            yield server_event("job", job.model_dump(), number=row.revision)
            sent = (row.revision, job.position)
        if row.over or state.runner.draining.is_set():
            return
        await asyncio.sleep(CHECK_SECONDS)
        found = await run_in_threadpool(state.store.get, row.id, owner)
        if found is None:
            return
        row = found
