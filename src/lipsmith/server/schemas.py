"""What goes over the wire, with an example of each: the OpenAPI page is made of these."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from .store import JobRecord, Kind, State

if TYPE_CHECKING:
    from ..avatars.manifest import AvatarInfo
    from .sessions.registry import SessionHandle

SHARES = {"open": (0.0, 0.05), "look": (0.05, 0.4), "prepare": (0.1, 1.0), "speak": (0.4, 1.0), "commit": (1.0, 1.0)}
"""Stage -> where in the whole work it begins and ends."""
LINKED = ("events", "ws", "recordings", "pushes")
Format = Literal["mp4", "mov", "webm"]


def example(**members: Any) -> ConfigDict:
    """Settings of a model with one example."""
    return ConfigDict(json_schema_extra={"examples": [members]})


class ProblemBody(BaseModel):
    """An error, as RFC 9457 has it. ``type`` is the word to switch on."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "type": "face-error",
                    "title": "No face, or a face that this engine cannot make speak.",
                    "status": 422,
                    "detail": "No face was found in picture.",
                }
            ]
        },
    )
    type: str
    title: str
    status: int
    detail: str


class JobStage(BaseModel):
    """What the work is at: ``done`` of ``total`` frames, ``total`` 0 while it is not known."""

    model_config = example(name="speak", done=120, total=300)
    name: str
    done: int
    total: int


class Asked(BaseModel):
    """What was asked: the names that the uploads had, and the options."""

    model_config = example(picture="portrait.jpg", speech="speech.wav", avatar=None, format="mp4", options={"crf": 20})
    picture: str | None = None
    speech: str | None = None
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
    """One piece of work."""

    model_config = example(
        id="6f1c9b0de2a74c53", kind="dub", state="running", progress=0.64,
        stage={"name": "speak", "done": 120, "total": 300}, position=None, attempts=1,
        created="2026-01-31T12:00:00Z", started="2026-01-31T12:00:01Z", finished=None,
        request={"picture": "portrait.jpg", "speech": "speech.wav", "format": "mp4", "options": {}},
        report=None, problem=None,
        links={"self": "/v1/jobs/6f1c9b0de2a74c53", "events": "/v1/jobs/6f1c9b0de2a74c53/events"},
    )  # fmt: skip
    id: str
    kind: Kind
    state: State
    progress: float = Field(ge=0, le=1)
    stage: JobStage | None
    position: int | None = Field(description="How many jobs come before, while it is queued.")
    attempts: int = Field(description="Times it was begun.")
    created: str
    started: str | None
    finished: str | None
    request: Asked
    report: dict[str, Any] | None = Field(description="What was made and what it cost, when done.")
    problem: ProblemBody | None = Field(description="Why it failed, when failed.")
    links: Links


class Jobs(BaseModel):
    """A page of jobs, newest first; ``next`` is the address of the page after, if there is one."""

    jobs: list[Job]
    next: str | None = None


class Token(BaseModel):
    """Opens one resource for a while: put it into an address as ``?token=``."""

    model_config = example(
        token="lst_eyJ...",  # noqa: S106 - opens nothing
        expires="2026-01-31T12:10:00Z",
        url="/v1/jobs/6f1c9b0de2a74c53/result?token=lst_eyJ...",
    )
    token: str
    expires: str
    url: str


class AvatarBody(BaseModel):
    """A face made ready to speak."""

    model_config = example(
        id="anna", size=[512, 512], fps="25", frames=250, engine="warp", engine_version="1", faces=1, bytes=8_123_456,
        created="2026-01-31T12:00:00Z", clips=["idle"], notices=[],
        links={"self": "/v1/avatars/anna", "preview": "/v1/avatars/anna/preview"},
    )  # fmt: skip
    id: str
    size: list[int] = Field(min_length=2, max_length=2, description="Width and height in px.")
    fps: str = Field(description="A number or a fraction.")
    frames: int
    engine: str
    engine_version: str
    faces: int = Field(description="People who speak.")
    bytes: int
    created: str
    clips: list[str]
    notices: list[str]
    links: dict[str, str]


class AvatarList(BaseModel):
    """All avatars of one client."""

    avatars: list[AvatarBody]


class NewSession(BaseModel):
    """What a session is opened with."""

    model_config = example(avatar="anna", rate=24_000)
    avatar: str = Field(pattern="^[a-z0-9][a-z0-9-]{0,47}$")
    rate: Literal[16_000, 24_000, 48_000] = Field(24_000, description="Hz at which its sound plays.")


class SessionBody(BaseModel):
    """An open session. ``token`` stands in the answer that opened it alone."""

    model_config = example(
        id="9b0de2a76f1c4c53", avatar="anna", state="idle", size=[512, 512], fps="25", rate=24_000,
        created="2026-01-31T12:00:00Z", token=None, expires=None,
        links={"self": "/v1/sessions/9b0de2a76f1c4c53", "events": "/v1/sessions/9b0de2a76f1c4c53/events"},
    )  # fmt: skip
    id: str
    avatar: str
    state: str = Field(description="idle, armed, speaking, draining, stalled or over.")
    size: list[int] = Field(min_length=2, max_length=2)
    fps: str
    rate: int
    created: str
    token: str | None = None
    expires: str | None = None
    ice_servers: list[dict[str, str]] = Field([], description="For the browser's RTCPeerConnection, as it is.")
    links: dict[str, str]


class Offer(BaseModel):
    """A WebRTC offer, as a browser's ``RTCPeerConnection`` has it, with its addresses gathered."""

    model_config = example(type="offer", sdp="v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\n...")
    type: Literal["offer"]
    sdp: str = Field(min_length=1, max_length=65_536)


class Answer(BaseModel):
    """Its answer. ``viewer`` ends with ``DELETE`` of ``link``."""

    model_config = example(
        type="answer", sdp="v=0\r\n...", viewer="kP0cZqI2m3sVb7xA",
        link="/v1/sessions/9b0de2a76f1c4c53/whep/kP0cZqI2m3sVb7xA",
    )  # fmt: skip
    type: Literal["answer"]
    sdp: str
    viewer: str
    link: str


class SessionList(BaseModel):
    """All open sessions of one client."""

    sessions: list[SessionBody]


class Said(BaseModel):
    """What was taken to be said; ``interrupted``: not all of it, because somebody interrupted meanwhile."""

    model_config = example(utterance=3, seconds=4.2, interrupted=False)
    utterance: int | None
    seconds: float
    interrupted: bool


class NewText(BaseModel):
    """What is to be read aloud. ``language`` as the web has it; left out: as the letters tell."""

    model_config = example(text="Good morning. How are you?", language="en", interrupt=False)
    text: str = Field(min_length=1, max_length=4_000)
    language: str | None = Field(None, pattern="^[A-Za-z]{2,3}([_-][A-Za-z0-9]{1,10}){0,3}$")
    interrupt: bool = Field(False, description="Be silent first; else it is said after what waits.")


class SaidText(BaseModel):
    """What becomes of a text; ``utterance`` is known once it sounds."""

    model_config = example(utterance=3, sentences=2, state="speaking")
    utterance: int | None
    sentences: int
    state: Literal["speaking", "waiting", "interrupted"]


class NewGesture(BaseModel):
    """Which clip of the avatar to show once."""

    model_config = example(clip="wave")
    clip: str = Field(min_length=1, max_length=64)


class Played(BaseModel):
    """How far an utterance was heard; null and 0 if nobody spoke."""

    model_config = example(utterance=3, seconds=1.64)
    utterance: int | None
    seconds: float


class SeenFace(BaseModel):
    """A face: its box x0 y0 x1 y1 in pixels of the picture; ``speaks``: the options choose it."""

    model_config = example(box=[171.0, 92.5, 310.2, 280.0], score=0.98, speaks=True)
    box: list[float] = Field(min_length=4, max_length=4)
    score: float
    speaks: bool


class Preview(BaseModel):
    """A quick look. Pictures are data addresses: ``view`` JPEG, ``sheet`` PNG if speech was given and a face found."""

    model_config = example(
        kind="image", size=[512, 512], seconds=0, has_sound=False, view="data:image/jpeg;base64,...", sheet=None,
        faces=[{"box": [171.0, 92.5, 310.2, 280.0], "score": 0.98, "speaks": True}],
    )  # fmt: skip
    kind: Literal["image", "video"]
    size: list[int] = Field(min_length=2, max_length=2, description="Width and height in px of the first picture.")
    seconds: float = Field(description="Of a video; 0 for an image.")
    has_sound: bool
    faces: list[SeenFace]
    view: str
    sheet: str | None


class EngineOption(BaseModel):
    """One option of an engine."""

    name: str
    default: Any
    choices: list[str | int | float | bool] | None
    help: str
    local: bool = Field(description="It names something of the server's machine: no caller may set it.")


class EngineLine(BaseModel):
    """One engine that can be named in the options."""

    model_config = example(
        name="warp", summary="mesh warp with a drawn mouth", needs="nothing: any CPU", for_tests=False, options=[]
    )
    name: str
    summary: str
    needs: str
    for_tests: bool = Field(description="It stands in for a real engine in tests: pages do not offer it.")
    options: list[EngineOption]


class VoiceLine(BaseModel):
    """Who reads texts aloud; ``languages`` is empty where the voice finds out by itself."""

    model_config = example(name="espeak:en-us", languages=["cmn", "de", "en-us"])
    name: str
    languages: list[str]


class About(BaseModel):
    """What this server takes, its engines, and its voice, if it has one."""

    version: str
    needs_key: bool
    upload_mb: int
    media_minutes: int
    megapixels: int
    keep_hours: int
    formats: list[str]
    engines: list[EngineLine]
    voice: VoiceLine | None


class Health(BaseModel):
    """Signs of life."""

    model_config = example(status="ok")
    status: str


def moment(seconds: float) -> str:
    """Seconds since 1970 as ISO 8601."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def job_of(row: JobRecord, position: int | None) -> Job:
    """A job of the store as it goes out."""
    here = f"/v1/jobs/{row.id}"
    result = f"{here}/result" if row.state == "done" and row.kind != "avatar" else None
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
        report=row.report,
        problem=ProblemBody(**row.problem) if row.problem else None,
        links=Links(self=here, events=f"{here}/events", result=result),
    )


def session_of(
    held: SessionHandle, token: tuple[str, int] | None = None, ice: list[dict[str, str]] | None = None
) -> SessionBody:
    """A session as it goes out, with its token when it was just opened."""
    here, film = f"/v1/sessions/{held.id}", held.live.film
    return SessionBody(
        id=held.id,
        avatar=held.avatar.info.id,
        state=held.live.state,
        size=list(film.size),
        fps=str(film.fps),
        rate=film.rate,
        created=moment(held.created),
        token=token[0] if token else None,
        expires=moment(token[1]) if token else None,
        ice_servers=ice or [],
        links={"self": here, "webrtc": f"{here}/whep", **{name: f"{here}/{name}" for name in LINKED}},
    )


def avatar_of(info: AvatarInfo) -> AvatarBody:
    """An avatar of a shelf as it goes out; what its upload was called lies with the job."""
    here = f"/v1/avatars/{info.id}"
    return AvatarBody(
        id=info.id,
        size=list(info.size),
        fps=str(info.fps),
        frames=info.frames,
        engine=info.engine,
        engine_version=info.engine_version,
        faces=info.faces,
        bytes=info.bytes,
        created=info.created,
        clips=list(info.clips),
        notices=list(info.notices),
        links={"self": here, "preview": f"{here}/preview"},
    )


def progress(row: JobRecord) -> float:
    """0..1 over all stages."""
    begin, end = SHARES.get(row.stage, (0.0, 0.0))
    return round(begin + (end - begin) * min(1.0, row.stage_done / max(1, row.stage_total)), 4)
