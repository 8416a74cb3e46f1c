"""A session pushed to a streaming server over RTMP or SRT. After a broken connection it connects again.

The user of a program names the address. A server lets its clients choose among those that its operator allows.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..errors import OptionError, OutputError
from ..options import check
from ..workers.process import WorkerLost
from .frame_queue import PATIENCE, FrameQueue, FrameThread, QueuedFrame
from .sink_process import SinkProcess

if TYPE_CHECKING:
    from ..types import AVFrame, FilmInfo

FORMATS = {"rtmp": "flv", "rtmps": "flv", "srt": "mpegts"}
FIRST_WAIT, LONGEST_WAIT = 0.5, 15.0
"""Seconds before the first and at most before a later attempt to connect again; each wait is twice the one before."""
PICTURES, TICKS = 25, 50
"""Pictures, and frames with their sound, that wait while the network is slow: one and two seconds at 25 fps."""
SILENT = "the other side stopped answering"


@dataclass(frozen=True, slots=True)
class PushOptions:
    """How a stream is pushed. Raises OptionError for a value out of range."""

    bit_rate: int = 2_500_000  # bits a second of the picture
    key_seconds: int = 2  # between key frames, as streaming sites ask for
    engine: str = ""  # name and version of the engine, for the AI mark of the stream

    def __post_init__(self) -> None:
        check(self)
        if self.bit_rate < 100_000 or not 1 <= self.key_seconds <= 10:
            raise OptionError("bit_rate must be 100000 or more, key_seconds 1 to 10.")


def check_target(url: str) -> str:
    """The container format for ``url``. Raises OptionError for an address that cannot be pushed to."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise OptionError("The address cannot be pushed to: its brackets hold no IPv6 address.") from None
    if parts.scheme not in FORMATS or not parts.hostname or re.search(r"\s", url):
        raise OptionError(f"{hidden(url)} cannot be pushed to: write rtmp://host/app/key, rtmps:// or srt://host:port.")
    return FORMATS[parts.scheme]


def hidden(url: str) -> str:
    """An address without its secrets: user name, password and stream key."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return f"{parts.scheme}://{host}/..." if parts.scheme else "the address"


class PushSink:
    """Pushes a session to ``url``. Each connection is a process of its own, so nothing here waits for the server.

    Raises:
        OptionError: the address cannot be pushed to.
    """

    def __init__(
        self, url: str, options: PushOptions | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        check_target(url)
        self._url, self._options, self._clock = url, options or PushOptions(), clock
        self._thread = FrameThread("lipsmith-push", self._push, FrameQueue(PICTURES, TICKS))
        self._info: FilmInfo | None = None
        self._process: SinkProcess | None = None
        self._wait, self._retry_at = FIRST_WAIT, 0.0
        self._past_connections = 0
        self.trouble = ""  # why the last connection ended or could not be made

    @property
    def connected(self) -> bool:
        """Whether the stream flows now."""
        process = self._process
        return process is not None and "connected" in process.status and not process.over

    @property
    def connections(self) -> int:
        """How many connections were made so far."""
        process = self._process
        return self._past_connections + (process is not None and "connected" in process.status)

    @property
    def failed(self) -> bool:
        """Whether the push was given up, because this machine cannot push there; ``close`` raises the reason."""
        return self._thread.failed

    def open(self, info: FilmInfo) -> None:
        """Start. The first frame makes the first attempt to connect."""
        self._info = info
        self._thread.open(info)

    def write(self, frame: AVFrame) -> None:
        """Queue a frame; never waits. Without a connection the frame is dropped."""
        self._thread.write(frame)

    def close(self) -> None:
        """End the stream; waits a few seconds at most. A server that has not answered yet gets no time."""
        process = self._process
        if process is not None and not self.connected:
            process.kill()
        try:
            self._thread.close()
        finally:
            process = self._process
            if process is not None and self._thread.working:
                process.kill()
                self._thread.close()
            self._drop()

    def _push(self, frame: QueuedFrame) -> None:
        assert self._info is not None
        try:
            if self._process is None:
                if self._thread.closing or self._clock() < self._retry_at or frame.image is None:
                    return
                self._process = SinkProcess({"do": "push", "url": self._url, "options": asdict(self._options)})
                self._process.open(self._info)
            self._process.send(frame)
            if self.connected:
                self._wait = FIRST_WAIT
        except WorkerLost:
            self._drop()
            self._retry_at = self._clock() + self._wait
            self._wait = min(2 * self._wait, LONGEST_WAIT)

    def _drop(self) -> None:
        process = self._process
        if process is None:
            return
        status = process.end(PATIENCE)
        self._past_connections, self._process = self.connections, None
        self.trouble = str(status.get("trouble", self.trouble if self._thread.closing else SILENT))
        if status.get("unsupported"):
            raise OutputError(
                f"{hidden(self._url)} cannot be pushed to: this build of PyAV lacks {urlsplit(self._url).scheme}; "
                "push to rtmp:// instead, or install PyAV built on an FFmpeg that has it."
            )


__all__ = ["PushOptions", "PushSink", "check_target", "hidden"]
