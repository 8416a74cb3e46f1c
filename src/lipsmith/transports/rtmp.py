"""A session pushed to a streaming server over RTMP or SRT, through PyAV; when the line breaks it is begun anew.

Where to is for whoever runs the program to say, never for a caller of a server.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import av
import numpy as np
from av.error import FFmpegError

from ..errors import OptionError, OutputError
from ..media.soundtrack import FrameSound
from ..options import check
from ..timing import sample_at
from ..types import AVFrame
from .coding import even
from .queue import Beat, FrameQueue, FrameThread

if TYPE_CHECKING:
    from ..types import FilmInfo, Image

FORMATS = {"rtmp": "flv", "rtmps": "flv", "srt": "mpegts"}
FIRST_WAIT, LONGEST_WAIT = 0.5, 15.0
"""Seconds until the first and between later attempts to connect again; each waits twice as long as the one before."""
PICTURES, TICKS = 25, 50
"""Frames that wait while the network is slow: two seconds at 25 fps."""


@dataclass(frozen=True, slots=True)
class PushOptions:
    """How a stream is pushed."""

    bit_rate: int = 2_500_000  # bits a second of the picture
    key_seconds: int = 2  # between whole pictures, as streaming sites ask for

    def __post_init__(self) -> None:
        check(self)
        if self.bit_rate < 100_000 or not 1 <= self.key_seconds <= 10:
            raise OptionError("bit_rate must be 100000 or more, key_seconds 1 to 10.")


def check_target(url: str) -> str:
    """The container format for ``url``. Raises OptionError for what cannot be pushed to."""
    parts = urlsplit(url)
    if parts.scheme not in FORMATS or not parts.hostname or re.search(r"\s", url):
        raise OptionError(f"{hidden(url)} cannot be pushed to: write rtmp://host/app/key, rtmps:// or srt://host:port.")
    return FORMATS[parts.scheme]


def hidden(url: str) -> str:
    """An address without what is secret in it: name, password and stream key."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return f"{parts.scheme}://{host}/..." if parts.scheme else "the address"


class PushSink:
    """See the module. Everything that can wait happens in a thread of its own.

    Raises:
        OptionError: the address is none.
    """

    def __init__(
        self, url: str, options: PushOptions | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._url, self._format = url, check_target(url)
        self._options, self._clock = options or PushOptions(), clock
        self._line = FrameThread("lipsmith-push", self._push, FrameQueue(PICTURES, TICKS))
        self._info: FilmInfo | None = None
        self._broadcast: _Broadcast | None = None
        self._wait, self._retry = FIRST_WAIT, 0.0
        self.connections = 0  # made so far
        self.trouble = ""  # why the last one ended or could not be made

    @property
    def connected(self) -> bool:
        return self._broadcast is not None

    def open(self, info: FilmInfo) -> None:
        """Begin; the first attempt to connect comes with the first frame."""
        self._info = info
        self._line.open(info)

    def write(self, frame: AVFrame) -> None:
        """Queue a frame; never waits. While there is no connection it is dropped."""
        self._line.write(frame)

    def close(self) -> None:
        """End the stream; waits a few seconds at most."""
        self._line.close()
        self._drop()

    def _push(self, beat: Beat) -> None:
        assert self._info is not None
        try:
            if self._broadcast is None:
                if self._clock() < self._retry or beat.image is None:
                    return
                self._broadcast = _Broadcast(self._url, self._format, self._info, self._options, beat.index)
                self.connections += 1
            self._broadcast.write(beat)
            self._wait = FIRST_WAIT
        except (FFmpegError, OSError) as reason:
            self._note(reason)

    def _note(self, reason: Exception) -> None:
        if isinstance(reason, av.error.ProtocolNotFoundError):
            raise OutputError(
                f"{hidden(self._url)} cannot be pushed to: this build of PyAV lacks {urlsplit(self._url).scheme}; "
                "push to rtmp:// instead, or install PyAV built on an FFmpeg that has it."
            ) from reason
        self.trouble = str(getattr(reason, "strerror", None) or type(reason).__name__)
        self._drop()
        self._retry = self._clock() + self._wait
        self._wait = min(2 * self._wait, LONGEST_WAIT)

    def _drop(self) -> None:
        broadcast, self._broadcast = self._broadcast, None
        if broadcast is not None:
            with contextlib.suppress(FFmpegError, OSError):  # the line may be dead
                broadcast.close()


class _Broadcast:
    """One connection. Its times begin at 0 with its first frame, which is a whole picture."""

    def __init__(self, url: str, kind: str, info: FilmInfo, options: PushOptions, first: int) -> None:
        self._info, self._first, self._next = info, first, first
        self._output: Any = av.open(url, "w", format=kind)
        self._video = self._output.add_stream("libx264", rate=info.fps)
        self._video.width, self._video.height = (side + side % 2 for side in info.size)
        self._video.pix_fmt, self._video.bit_rate = "yuv420p", options.bit_rate
        self._video.options = {
            "preset": "superfast", "tune": "zerolatency", "g": str(round(options.key_seconds * info.fps)),
            "maxrate": str(options.bit_rate), "bufsize": str(options.bit_rate),
        }  # fmt: skip
        self._sound = FrameSound(self._output, "mp4", info)  # AAC
        self._output.start_encoding()

    def write(self, beat: Beat) -> None:
        """Code and send a frame; for frames that are missing before it there is silence."""
        for index in range(self._next, beat.index):
            self._hear(index, None)
        if beat.image is not None:
            self._show(beat.index, beat.image)
        self._hear(beat.index, beat.samples)
        self._next = beat.index + 1

    def _show(self, index: int, image: Image) -> None:
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(even(image)), format="rgb24")
        picture = picture.reformat(format="yuv420p")
        picture.pts, picture.time_base = index - self._first, 1 / Fraction(self._info.fps)
        self._output.mux(self._video.encode(picture))

    def _hear(self, index: int, samples: Any) -> None:
        if samples is None:
            fps, rate = self._info.fps, self._info.rate
            samples = np.zeros(sample_at(index + 1, fps, rate) - sample_at(index, fps, rate), np.float32)
        self._sound.hear(AVFrame(index, np.zeros((0, 0, 3), np.uint8), samples))

    def close(self) -> None:
        """Send what the coders still hold, and the end."""
        try:
            self._output.mux(self._video.encode(None))
            self._sound.finish()
        finally:
            self._output.close()


__all__ = ["PushOptions", "PushSink", "check_target", "hidden"]
