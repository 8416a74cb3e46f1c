"""Live sessions: what comes in and what goes out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from ...tts.protocols import FASTEST, SLOWEST
from ..sessions.pushes import PushState
from .common import example, moment, request

if TYPE_CHECKING:
    from ..sessions.handle import SessionHandle
    from ..sessions.pushes import RunningPush

LINKED = ("events", "ws", "recordings", "pushes")


class NewSession(BaseModel):
    """The request for a new session."""

    model_config = request(avatar="anna", rate=24_000)
    avatar: str = Field(pattern="^[a-z0-9][a-z0-9-]{0,47}$")
    rate: Literal[16_000, 24_000, 48_000] = Field(24_000, description="Hz at which its sound plays.")
    engine_options: dict[str, Any] = Field(
        {}, description='Options of the avatar\'s engine for this session, such as {"gain": 1.1} of warp.'
    )


class SessionBody(BaseModel):
    """An open session. Only the answer that opened it has the ``token``."""

    model_config = example(
        "LiveSession", id="9b0de2a76f1c4c53", avatar="anna", state="idle", size=[512, 512], fps="25", rate=24_000,
        speech_encoder="whisper", created="2026-01-31T12:00:00Z", token=None, expires=None,
        links={"self": "/v1/sessions/9b0de2a76f1c4c53", "events": "/v1/sessions/9b0de2a76f1c4c53/events"},
    )  # fmt: skip
    id: str
    avatar: str
    state: str = Field(description="idle, armed, speaking, draining, stalled or over.")
    size: list[int] = Field(min_length=2, max_length=2)
    fps: str
    rate: int
    speech_encoder: str | None = Field(
        None, description="Which of the engine's networks hears: whisper, or small where there is no room for it."
    )
    created: str
    token: str | None = None
    expires: str | None = None
    ice_servers: list[dict[str, str]] = Field([], description="The ICE servers for the browser's RTCPeerConnection.")
    links: dict[str, str]


class SessionList(BaseModel):
    """All open sessions of one client."""

    model_config = ConfigDict(title="Sessions")
    sessions: list[SessionBody]


class Offer(BaseModel):
    """A WebRTC offer of a browser's ``RTCPeerConnection``, with all ICE candidates gathered."""

    model_config = request(type="offer", sdp="v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\n...")
    type: Literal["offer"]
    sdp: str = Field(min_length=1, max_length=65_536)


class Answer(BaseModel):
    """The answer to an offer. ``DELETE`` of ``link`` ends the viewer's connection."""

    model_config = example(
        type="answer", sdp="v=0\r\n...", viewer="kP0cZqI2m3sVb7xA",
        link="/v1/sessions/9b0de2a76f1c4c53/whep/kP0cZqI2m3sVb7xA",
    )  # fmt: skip
    type: Literal["answer"]
    sdp: str
    viewer: str
    link: str


class Said(BaseModel):
    """What will be said. ``interrupted``: an interruption cut it short."""

    model_config = example(utterance=3, seconds=4.2, interrupted=False)
    utterance: int | None
    seconds: float
    interrupted: bool


class NewText(BaseModel):
    """A text to read aloud. ``language`` is a web code such as zh-CN; left out: the letters decide."""

    model_config = request(text="Good morning. How are you?", language="en", voice=None, speed=1.0, interrupt=False)
    text: str = Field(min_length=1, max_length=4_000)
    language: str | None = Field(None, pattern="^[A-Za-z]{2,3}([_-][A-Za-z0-9]{1,10}){0,3}$")
    voice: str | None = Field(
        None, pattern="^[A-Za-z0-9_.+-]{1,64}$", description="One of the server's voices, see `/v1/about`."
    )
    speed: float = Field(1.0, ge=SLOWEST, le=FASTEST, description="How many times as fast as usual.")
    interrupt: bool = Field(False, description="Be silent first; else it is said after what waits.")


class SaidText(BaseModel):
    """The state of a text: it is heard now, waits until what was said before is over, or was interrupted."""

    model_config = example(utterance=3, sentences=2, state="speaking")
    utterance: int | None
    sentences: int
    state: Literal["speaking", "waiting", "interrupted"]


class NewGesture(BaseModel):
    """Which clip of the avatar to show once."""

    model_config = request(clip="wave")
    clip: str = Field(min_length=1, max_length=64)


class Played(BaseModel):
    """How much of an utterance was played; null and 0 if nobody spoke."""

    model_config = example(utterance=3, seconds=1.64)
    utterance: int | None
    seconds: float


class NewPush(BaseModel):
    """Where to push. The address contains a key and is never shown again."""

    model_config = request(url="rtmp://live.example.org/app/stream-key")
    url: SecretStr = Field(min_length=1, max_length=1024)


class Push(BaseModel):
    """One push. ``waiting``: it will reconnect. ``trouble`` is the last error."""

    model_config = example(
        id="2a74c536f1c9b0de", to="rtmp://live.example.org/...", state="connected", connections=1, trouble="",
        created="2026-01-31T12:00:00Z",
    )  # fmt: skip
    id: str
    to: str = Field(description="The address without the part that has the key.")
    state: PushState
    connections: int = Field(description="Made so far.")
    trouble: str = Field(description="Why the last connection ended or could not be made.")
    created: str


class Pushes(BaseModel):
    """All pushes of one session."""

    pushes: list[Push]


def session_of(
    handle: SessionHandle, token: tuple[str, int] | None = None, ice: list[dict[str, str]] | None = None
) -> SessionBody:
    """A session as the API shows it, with its token if it was just opened."""
    here, film = f"/v1/sessions/{handle.id}", handle.live.film
    return SessionBody(
        id=handle.id,
        avatar=handle.avatar.info.id,
        state=handle.live.state,
        size=list(film.size),
        fps=str(film.fps),
        rate=film.rate,
        speech_encoder=handle.live.session.encoder_name or None,
        created=moment(handle.created),
        token=token[0] if token else None,
        expires=moment(token[1]) if token else None,
        ice_servers=ice or [],
        links={"self": here, "webrtc": f"{here}/whep", **{name: f"{here}/{name}" for name in LINKED}},
    )


def push_of(push: RunningPush) -> Push:
    """A push as the API shows it."""
    return Push(
        id=push.id,
        to=push.to,
        state=push.state,
        connections=push.sink.connections,
        trouble=push.sink.trouble,
        created=moment(push.created),
    )
