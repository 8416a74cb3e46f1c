"""The settings of the server: its address, its keys, its limits, and how long it keeps files.

The flags of ``lipsmith serve``, the environment variables and the table in docs/server.md are all made from one class.
It needs pydantic-settings, which the extra ``server`` installs.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from ..errors import OptionError
from ..jobs.queue import LONGEST_LEASE
from ..options import nearest
from ..transports.webrtc.options import RtcOptions
from .logs import LogFormat, LogLevel
from .sessions.push_targets import PushTarget, parse_targets

PREFIX = "LIPSMITH_"
NO_FLAG: dict[str, Any] = {"flag": None}
"""Of a setting that stands in the environment alone."""
NOT_EMPTY = ("keys", "keys_file")
"""Settings that are not given empty: whoever gives them wants keys, and would get a server that is open to all."""
SECRET = ("keys", "turn_secret", "push_to")
"""Settings whose values are not repeated: addresses may hold keys."""


ORIGIN = re.compile(r"(https?)://([a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(:[1-9][0-9]{0,4})?", re.ASCII)
"""An origin as browsers send it."""


def split_origins(text: str) -> tuple[str, ...]:
    """Origins separated by commas. Raises OptionError for what no browser sends, or what would let every site call."""
    origins = tuple(origin.strip().removesuffix("/") for origin in text.split(",") if origin.strip())
    for origin in origins:
        found = ORIGIN.fullmatch(origin)
        if found is None or found[4] == {"http": ":80", "https": ":443"}[found[1]]:
            raise OptionError(f"'{origin}' is no origin.")
    return origins


def check_filled(text: str) -> None:
    """Raise OptionError for a text that is given but empty."""
    if not text.strip():
        raise OptionError("Nothing is given.")


CHECKS: dict[str, tuple[Callable[[Any, Mapping[str, Any]], object], str]] = {
    "cors": (
        lambda value, _: split_origins(value),
        "origins separated by commas, each with its scheme and nothing after host and port, such as "
        "https://example.org or http://localhost:3000; '*' and 'null' would let every site call",
    ),
    "host": (lambda value, _: check_filled(value), "an address of this machine, such as 127.0.0.1"),
    "data": (lambda value, _: check_filled(value), "a folder"),
    "push_to": (
        lambda value, _: parse_targets(value),
        "addresses such as rtmp://host/app/, rtmps://host/app/ or srt://host:port, without name, password or ?, "
        "separated by commas",
    ),
    "ice": (
        lambda value, _: RtcOptions(ice=value),
        "servers such as stun:host:3478 or turn:host:3478, separated by commas",
    ),
    "relay_only": (
        lambda value, others: RtcOptions(ice=others.get("ice", ""), relay_only=value),
        "false unless --ice names a TURN server, such as turn:host:3478",
    ),
    "public_address": (lambda value, _: RtcOptions(public_address=value), "an IPv4 or IPv6 address"),
    "media_ports": (lambda value, _: RtcOptions(ports=value), "a range such as 50000-50199, between 1024 and 65535"),
}
"""Setting -> what raises OptionError for a value that cannot be (beside its type and limits), and what it must be.

The second argument of a check holds the settings before it.
"""


class ServerSettings(BaseSettings):
    """How the server runs. A value that is not given is taken from the environment, then from its default.

    Raises:
        OptionError: a value that cannot be. It names the flag, or the variable that the value came from.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", description="Address to listen on. Beyond this machine only with keys.")
    port: int = Field(8080, ge=0, le=65_535, description="Port to listen on; 0: any that is free.")
    data: str = Field("lipsmith-data", description="Folder of jobs, uploads, results and avatars.")
    keys_file: str = Field(
        "",
        description=f"File of hashed API keys, made by 'lipsmith serve key'. ${PREFIX}KEYS may have lines of it too.",
        json_schema_extra={"flag": "--keys"},
    )
    keys: str = Field(
        "", repr=False, description="Lines of such a file, separated by semicolons.", json_schema_extra=NO_FLAG
    )
    cors: str = Field("", description="Origins of other sites whose pages may call, separated by commas.")
    insecure: bool = Field(False, description="Listen beyond this machine without keys: anybody may use the server.")
    log: LogFormat = Field("text", description="Form of the log on standard error: lines for people, or JSON.")
    log_level: LogLevel = Field("info", description="What the log has: events of this weight and above.")
    connections: int = Field(1024, ge=1, description="Requests of clients that are answered at a time.")
    own_connections: int = Field(256, ge=1, description="Requests of one client that are answered at a time.")
    keyless_connections: int = Field(
        256,
        ge=8,
        description="Connections on which no key was shown, at a time; the newest comes in, and a silent one goes.",
    )
    workers: int = Field(1, ge=0, description="Jobs that run at a time.")
    queue: int = Field(64, ge=1, description="Jobs that may wait, of all clients together.")
    own_queue: int = Field(16, ge=1, description="Jobs of one client that may wait or run.")
    own_avatars: int = Field(32, ge=1, description="Avatars that one client may have.")
    sessions: int = Field(8, ge=0, description="Live sessions at a time; fewer where the machine cannot keep up.")
    own_sessions: int = Field(4, ge=1, description="Live sessions of one client.")
    session_idle_seconds: int = Field(
        120, ge=1, description="A session without viewers and speech is closed after this time."
    )
    record_minutes: int = Field(60, ge=1, description="Longest film of a live session.")
    push_to: str = Field(
        "",
        description="Where clients may push sessions: rtmp://host/app/ and all below it, separated by commas.",
    )
    attempts: int = Field(3, ge=1, description="How many times a job is started before it counts as failed.")
    lease_seconds: int = Field(
        15, ge=1, le=LONGEST_LEASE, description="A job without a heartbeat for this time is started again."
    )
    job_minutes: int = Field(120, ge=1, description="A job is stopped after this time.")
    drain_seconds: int = Field(
        30, ge=0, description="Time that running jobs get on SIGTERM before they go back to the queue."
    )
    upload_mb: int = Field(512, ge=1, description="Largest request.")
    upload_minutes: int = Field(15, ge=1, description="Longest that one request may take to arrive.")
    media_minutes: int = Field(60, ge=1, description="Longest film or speech.")
    megapixels: int = Field(40, ge=1, description="Largest picture.")
    keep_hours: int = Field(24, ge=1, description="How long a finished job is kept.")
    disk_gb: int = Field(
        20, ge=1, description="Space for uploads and results; beyond it the oldest finished jobs are deleted."
    )
    voice: str = Field(
        "auto",
        description="Reads texts aloud: espeak, espeak:LANGUAGE, kokoro, kokoro:VOICE, openai:URL, none; "
        "auto: espeak where it is installed.",
    )
    video_codec: Literal["h264", "vp8"] = Field(
        "h264", description="Codec of WebRTC; the other one for browsers that lack it."
    )
    video_kbit: int = Field(1500, ge=50, description="Most kbit per second for a session's pictures.")
    ice: str = Field(
        "",
        description="STUN and TURN servers, separated by commas: turn:host:3478. "
        f"${PREFIX}TURN_SECRET has the TURN server's secret.",
    )
    turn_secret: str = Field(
        "", repr=False, description="Secret shared with the TURN server.", json_schema_extra=NO_FLAG
    )
    relay_only: bool = Field(False, description="Use WebRTC through the TURN server only.")
    public_address: str = Field(
        "", description="This machine's address on the internet, if a router or a cloud maps it."
    )
    media_ports: str = Field("", description="UDP ports of WebRTC, such as 50000-50199.")

    def __init__(self, **given: Any) -> None:
        for name in NOT_EMPTY:
            if not given.get(name, "filled").strip():
                raise OptionError(f"{flag_of(name) or name} is empty: give it keys, or leave it out to have none.")
        try:
            super().__init__(**given)
        except ValidationError as error:
            raise OptionError(_sentence(error, given)) from None

    @field_validator(*CHECKS)
    @classmethod
    def _check(cls, value: Any, info: ValidationInfo) -> Any:
        check, _ = CHECKS[str(info.field_name)]
        try:
            check(value, info.data)
        except OptionError as reason:
            raise ValueError(str(reason)) from None
        return value

    def rtc(self) -> RtcOptions:
        """How WebRTC is done."""
        return RtcOptions(
            codec=self.video_codec,
            bit_rate=self.video_kbit * 1000,
            ice=self.ice,
            turn_secret=self.turn_secret,
            relay_only=self.relay_only,
            public_address=self.public_address,
            ports=self.media_ports,
        )

    @property
    def origins(self) -> tuple[str, ...]:
        """The allow-list of ``cors``."""
        return split_origins(self.cors)

    @property
    def push_places(self) -> tuple[PushTarget, ...]:
        """The allow-list of ``push_to``."""
        return parse_targets(self.push_to)

    @property
    def folder(self) -> Path:
        """``data`` as an absolute path."""
        return Path(self.data).expanduser().resolve()

    @property
    def upload_bytes(self) -> int:
        return self.upload_mb * 1_000_000

    @property
    def disk_bytes(self) -> int:
        return self.disk_gb * 1_000_000_000


def flag_of(name: str) -> str | None:
    """The flag of the setting ``name``; None: it stands in the environment alone."""
    extra = ServerSettings.model_fields[name].json_schema_extra
    given: Any = extra if isinstance(extra, dict) else {"flag": "--" + name.replace("_", "-")}
    flag: str | None = given["flag"]
    return flag


def setting_of(flag: str) -> str:
    """The setting whose flag is ``flag``, written without ``--`` and with underscores."""
    return next(name for name in ServerSettings.model_fields if flag_of(name) == "--" + flag.replace("_", "-"))


def variable_of(name: str) -> str:
    """The environment's variable of the setting ``name``."""
    return PREFIX + name.upper()


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches ``host``."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_reach(settings: ServerSettings, keyed: bool) -> None:
    """Raise OptionError where other machines could use a server that asks nobody for a key."""
    if keyed or settings.insecure or is_loopback(settings.host):
        return
    raise OptionError(
        f"{settings.host} can be reached from other machines, and no API keys are set: make one with "
        "'lipsmith serve key', put its line into a file and give --keys FILE, or say --insecure."
    )


def _sentence(error: ValidationError, given: Mapping[str, Any]) -> str:
    """What is wrong with the first wrong value, by the name under which it was given."""
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0])
    if name not in ServerSettings.model_fields:
        return f"There is no setting '{name}'. {nearest(name, ServerSettings.model_fields)}"
    shown = (flag_of(name) if name in given else None) or variable_of(name)
    hidden = name in SECRET or "@" in str(first["input"])  # a name and a password may stand before it
    value = "" if hidden else f" is '{first['input']}'; it"
    return f"{shown}{value} must be {_expected(name)}."


def _expected(name: str) -> str:
    """What the setting ``name`` can be."""
    field = ServerSettings.model_fields[name]
    if name in CHECKS:
        return CHECKS[name][1]
    if choices := get_args(field.annotation):
        return " or ".join(choices)
    if field.annotation is not int:
        return "true or false" if field.annotation is bool else "text"
    limits = {type(one).__name__: one for one in field.metadata}
    least, most = getattr(limits["Ge"], "ge", 0), getattr(limits.get("Le"), "le", None)
    return f"an integer, {least} or more" if most is None else f"an integer from {least} to {most}"
