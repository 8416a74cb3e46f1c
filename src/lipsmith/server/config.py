"""What can be chosen of the server: where it listens, whom it knows, what it takes in and how long it keeps it."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..errors import OptionError
from ..jobs.queue import LONGEST_LEASE
from ..options import check
from ..transports.webrtc.options import RtcOptions
from .sessions.push_targets import PushTarget, parse_targets

LEAST = {
    "port": 0, "workers": 0, "queue": 1, "own_queue": 1, "attempts": 1, "lease_seconds": 1, "job_minutes": 1,
    "drain_seconds": 0, "upload_mb": 1, "upload_minutes": 1, "media_minutes": 1, "megapixels": 1, "keep_hours": 1,
    "disk_gb": 1, "own_avatars": 1, "sessions": 0, "own_sessions": 1, "session_idle_seconds": 1,
    "record_minutes": 1,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """How the server runs.

    Raises:
        OptionError: a value that cannot be, or an address other machines can reach while nobody needs a key.
    """

    host: str = "127.0.0.1"  # address to listen on
    port: int = 8080  # 0: any that is free
    data: str = "lipsmith-data"  # folder of jobs, uploads, results and avatars
    keys: str = ""  # file of hashed API keys; also read from $LIPSMITH_KEYS
    cors: str = ""  # origins of other sites whose pages may call, divided by commas
    insecure: bool = False  # listen beyond this machine though nobody needs a key
    workers: int = 1  # jobs at a time; 0: none are begun
    queue: int = 64  # jobs that wait, of all clients together
    own_queue: int = 16  # jobs of one client that wait or run
    own_avatars: int = 32  # avatars of one client
    sessions: int = 8  # live sessions at a time, of all clients together; fewer where the machine cannot keep up
    own_sessions: int = 4  # of one client
    session_idle_seconds: int = 120  # after which a session that nobody hears or talks to is closed
    record_minutes: int = 60  # of a session in one film
    push_to: str = ""  # addresses below which clients may have sessions pushed: rtmp://host/app/, divided by commas
    attempts: int = 3  # times a job is begun before it counts as failed
    lease_seconds: int = 15  # after which a job without a sign of life is begun again
    job_minutes: int = 120  # after which a job is stopped
    drain_seconds: int = 30  # that running jobs get to finish on SIGTERM, before they are put back
    upload_mb: int = 512  # of one request
    upload_minutes: int = 15  # one request's body may take
    media_minutes: int = 60  # length of an uploaded film or speech
    megapixels: int = 40  # of one uploaded picture
    keep_hours: int = 24  # a finished job is kept
    disk_gb: int = 20  # of uploads and results; the oldest finished jobs make room
    voice: str = "auto"  # reads texts aloud: espeak:LANGUAGE, openai:URL, none; auto: espeak where it is installed
    video_codec: Literal["h264", "vp8"] = "h264"  # of WebRTC, where the browser knows it
    video_kbit: int = 1500  # a second, of each session's picture
    ice: str = ""  # STUN and TURN servers, divided by commas: turn:host:3478
    relay_only: bool = False  # WebRTC through the TURN server alone
    public_address: str = ""  # that this machine has on the internet, where it is not its own
    media_ports: str = ""  # UDP ports of WebRTC, such as 50000-50199; else any

    def __post_init__(self) -> None:
        check(self)
        for name, least in LEAST.items():
            if getattr(self, name) < least:
                raise OptionError(f"{name} is {getattr(self, name)}; it can be {least} or more.")
        for name, most in (("port", 65535), ("lease_seconds", LONGEST_LEASE)):
            if getattr(self, name) > most:
                raise OptionError(f"{name} is {getattr(self, name)}; it can be {LEAST[name]} to {most}.")
        self.rtc()
        parse_targets(self.push_to)
        if "*" in self.origins:
            raise OptionError("cors is '*', which lets every site call: name the origins, such as https://example.org.")

    def rtc(self, turn_secret: str = "") -> RtcOptions:
        """How WebRTC is done. Raises OptionError for what cannot be."""
        return RtcOptions(
            codec=self.video_codec,
            bit_rate=self.video_kbit * 1000,
            ice=self.ice,
            turn_secret=turn_secret,
            relay_only=self.relay_only,
            public_address=self.public_address,
            ports=self.media_ports,
        )

    @property
    def origins(self) -> tuple[str, ...]:
        """The allow-list of ``cors``."""
        return tuple(origin.strip().rstrip("/") for origin in self.cors.split(",") if origin.strip())

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


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches ``host``."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_reach(options: ServerSettings, keyed: bool) -> None:
    """Raise OptionError where other machines could use a server that asks nobody for a key."""
    if keyed or options.insecure or is_loopback(options.host):
        return
    raise OptionError(
        f"{options.host} can be reached from other machines, and no API keys are set: make one with "
        "'lipsmith serve key', put its line into a file and give --keys FILE, or say --insecure."
    )
