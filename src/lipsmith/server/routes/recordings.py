"""``/v1/sessions/{id}/recordings``: films of a live session. Each is a job, whose result ``/v1/jobs`` has."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response
from starlette.concurrency import run_in_threadpool

from ...jobs.tasks.recording import TASK as RECORDING
from ..schemas.jobs import Job, Jobs
from ..state import Owner, StateDep
from .jobs import answer
from .sessions import SessionId

router = APIRouter(tags=["sessions"])
RecordingId = Annotated[str, Path(pattern="^[0-9a-f]{16}$", examples=["6f1c9b0de2a74c53"])]


@router.post("/sessions/{session}/recordings", status_code=201)
async def start_recording(state: StateDep, owner: Owner, session: SessionId, response: Response) -> Job:
    """Record the session from now on, as one of your jobs.

    The job is done when it is stopped, when the session ends, or when the film has its longest length. Its result is
    an mp4. Cancelling the job deletes the film. A session has one recording at a time.
    """
    handle = state.sessions.get(owner, session)
    await run_in_threadpool(state.check_room, owner)
    record = await state.recorder.start(handle)
    response.headers["Location"] = f"/v1/jobs/{record.id}"
    return await run_in_threadpool(answer, state, record)


@router.get("/sessions/{session}/recordings")
async def list_recordings(state: StateDep, owner: Owner, session: SessionId) -> Jobs:
    """The recordings of this session, newest first. After the session they are among the jobs."""
    state.sessions.get(owner, session)
    records = await run_in_threadpool(state.store.find, owner, RECORDING.name, "session", session)
    return Jobs(jobs=[answer(state, record) for record in records])


@router.post("/sessions/{session}/recordings/{recording}/stop")
async def stop_recording(state: StateDep, owner: Owner, session: SessionId, recording: RecordingId) -> Job:
    """Finish the film, and answer when it is complete. A finished film stays as it is."""
    record = await state.recorder.stop(state.sessions.get(owner, session), recording)
    return await run_in_threadpool(answer, state, record)
