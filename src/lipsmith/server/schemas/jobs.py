"""Jobs in answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field

from ...jobs.queue import JobRecord, JobState
from ...jobs.registry import task_registry
from ..problems import for_clients, report_in_api_words
from .common import example, moment
from .problems import ProblemBody

SHARES = {"open": (0.0, 0.05), "look": (0.05, 0.4), "prepare": (0.1, 1.0), "speak": (0.4, 1.0), "commit": (1.0, 1.0)}
"""Stage -> where in the whole work it begins and ends."""
Format = Literal["mp4", "mov", "webm"]


class JobStage(BaseModel):
    """The present stage: ``done`` of ``total`` frames; ``total`` is 0 while it is not known."""

    model_config = example("Stage", name="speak", done=120, total=300)
    name: str
    done: int
    total: int


class Asked(BaseModel):
    """What the client requested: the names of the uploads, and the options."""

    model_config = example(picture="portrait.jpg", speech="speech.wav", avatar=None, format="mp4", options={"crf": 20})
    picture: str | None = None
    speech: str | None = None
    text: str | None = None
    language: str | None = None
    voice: str | None = None
    speed: float | None = None
    avatar: str | None = None
    format: Format | None = None
    session: str | None = None
    clips: list[str] = []
    options: dict[str, Any] = {}


class Links(BaseModel):
    """Addresses of the job itself, its events, and its result once there is one."""

    self: str
    events: str
    result: str | None = None


class Job(BaseModel):
    """One job."""

    model_config = example(
        id="6f1c9b0de2a74c53", kind="dub", state="running", progress=0.64,
        stage={"name": "speak", "done": 120, "total": 300}, position=None, attempts=1,
        created="2026-01-31T12:00:00Z", started="2026-01-31T12:00:01Z", finished=None,
        request={"picture": "portrait.jpg", "speech": "speech.wav", "format": "mp4", "options": {}},
        report=None, problem=None,
        links={"self": "/v1/jobs/6f1c9b0de2a74c53", "events": "/v1/jobs/6f1c9b0de2a74c53/events"},
    )  # fmt: skip
    id: str
    kind: str = Field(json_schema_extra={"enum": [*task_registry().job_kinds]})
    state: JobState
    progress: float = Field(ge=0, le=1)
    stage: JobStage | None
    position: int | None = Field(description="How many jobs start before it as things stand, while it is queued.")
    attempts: int = Field(description="How many times it was started.")
    created: str
    started: str | None
    finished: str | None
    request: Asked
    report: dict[str, Any] | None = Field(description="What was made and what it cost, once it is done.")
    problem: ProblemBody | None = Field(description="Why it failed.")
    links: Links


class Jobs(BaseModel):
    """A page of jobs, newest first; ``next`` is the address of the page after, if there is one."""

    jobs: list[Job]
    next: str | None = None


def job_of(row: JobRecord, order: Sequence[str]) -> Job:
    """A job of the store as the API shows it; ``order``: the ids of the waiting jobs as they start."""
    position = order.index(row.id) if row.state == "queued" and row.id in order else None
    here = f"/v1/jobs/{row.id}"
    has_file = task_registry().result_file(row.kind, row.request["task"]) is not None
    result = f"{here}/result" if row.state == "done" and has_file else None
    stage = JobStage(name=row.stage, done=row.stage_done, total=row.stage_total) if row.stage else None
    return Job(
        id=row.id,
        kind=row.kind,
        state=row.state,
        progress=1.0 if row.state == "done" else progress(row),
        stage=stage,
        position=position,
        attempts=row.attempts,
        created=moment(row.created),
        started=moment(row.started) if row.started else None,
        finished=moment(row.finished) if row.finished else None,
        request=Asked(**row.request["asked"]),
        report=report_in_api_words(row.report),
        problem=ProblemBody(**for_clients(row.problem)) if row.problem else None,
        links=Links(self=here, events=f"{here}/events", result=result),
    )


def progress(row: JobRecord) -> float:
    """0..1 over all stages."""
    begin, end = SHARES.get(row.stage, (0.0, 0.0))
    return round(begin + (end - begin) * min(1.0, row.stage_done / max(1, row.stage_total)), 4)
