"""A session pushed to a streaming server over RTMP or SRT; when the line breaks it is begun anew.

Where to is for whoever runs the program to say; a server lets its callers choose among what that one allowed.
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
from .frame_queue import PATIENCE, FrameQueue, FrameThread, QueuedFrame
from .sink_process import SinkProcess

if TYPE_CHECKING:
    from ..types import AVFrame, FilmInfo

FORMATS = {"rtmp": "flv", "rtmps": "flv", "srt": "mpegts"}
FIRST_WAIT, LONGEST_WAIT = 0.5, 15.0
"""Seconds until the first and between later attempts to connect again; each waits twice as long as the one before."""
PICTURES, TICKS = 25, 50
"""Frames that wait while the network is slow: two seconds at 25 fps."""
SILENT = "the other side stopped answering"


@dataclass(frozen=True, slots=True)
class PushOptions:
    """How a stream is pushed."""

    bit_rate: int = 2_500_000  # bits a second of the picture
    key_seconds: int = 2  # between whole pictures, as streaming sites ask for
    engine: str = ""  # name and version of what draws the mouths, for the mark that the stream carries

    def __post_init__(self) -> None:
        check(self)
        if self.bit_rate < 100_000 or not 1 <= self.key_seconds <= 10:
            raise OptionError("bit_rate must be 100000 or more, key_seconds 1 to 10.")


def check_target(url: str) -> str:
    """The container format for ``url``. Raises OptionError for what cannot be pushed to."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise OptionError("The address cannot be pushed to: what its brackets hold is no IPv6 address.") from None
    if parts.scheme not in FORMATS or not parts.hostname or re.search(r"\s", url):
        raise OptionError(f"{hidden(url)} cannot be pushed to: write rtmp://host/app/key, rtmps:// or srt://host:port.")
    return FORMATS[parts.scheme]


def hidden(url: str) -> str:
    """An address without what is secret in it: name, password and stream key."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return f"{parts.scheme}://{host}/..." if parts.scheme else "the address"


class PushSink:
    """See the module. Each connection is a process of its own, so nothing here waits for the other side.

    Raises:
        OptionError: the address is none.
    """

    def __init__(
        self, url: str, options: PushOptions | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        check_target(url)
        self._url, self._options, self._clock = url, options or PushOptions(), clock
        self._line = FrameThread("lipsmith-push", self._push, FrameQueue(PICTURES, TICKS))
        self._info: FilmInfo | None = None
        self._apart: SinkProcess | None = None
        self._wait, self._retry = FIRST_WAIT, 0.0
        self._past = 0  # connections that are over
        self.trouble = ""  # why the last one ended or could not be made

    @property
    def connected(self) -> bool:
        apart = self._apart
        return apart is not None and "connected" in apart.words and not apart.over

    @property
    def connections(self) -> int:
        """Made so far."""
        apart = self._apart
        return self._past + (apart is not None and "connected" in apart.words)

    @property
    def failed(self) -> bool:
        """Whether it is given up, because this machine cannot push there; ``close`` raises why."""
        return self._line.failed

    def open(self, info: FilmInfo) -> None:
        """Begin; the first attempt to connect comes with the first frame."""
        self._info = info
        self._line.open(info)

    def write(self, frame: AVFrame) -> None:
        """Queue a frame; never waits. While there is no connection it is dropped."""
        self._line.write(frame)

    def close(self) -> None:
        """End the stream; waits a few seconds at most."""
        try:
            self._line.close()
        finally:
            apart = self._apart
            if apart is not None and self._line.working:
                apart.kill()
                self._line.close()
            self._drop()

    def _push(self, beat: QueuedFrame) -> None:
        assert self._info is not None
        try:
            if self._apart is None:
                if self._line.closing or self._clock() < self._retry or beat.image is None:
                    return
                self._apart = SinkProcess({"do": "push", "url": self._url, "options": asdict(self._options)})
                self._apart.open(self._info)
            self._apart.send(beat)
            if self.connected:
                self._wait = FIRST_WAIT
        except OSError:
            self._drop()
            self._retry = self._clock() + self._wait
            self._wait = min(2 * self._wait, LONGEST_WAIT)

    def _drop(self) -> None:
        apart = self._apart
        if apart is None:
            return
        told = apart.end(PATIENCE)
        self._past, self._apart = self.connections, None
        self.trouble = str(told.get("trouble", self.trouble if self._line.closing else SILENT))
        if told.get("lacks"):
            raise OutputError(
                f"{hidden(self._url)} cannot be pushed to: this build of PyAV lacks {urlsplit(self._url).scheme}; "
                "push to rtmp:// instead, or install PyAV built on an FFmpeg that has it."
            )


__all__ = ["PushOptions", "PushSink", "check_target", "hidden"]
