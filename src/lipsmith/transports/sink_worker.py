"""The process of ``apart``: ``python -m lipsmith.transports.sink_worker``.

It reads one task on standard input, a line of JSON, then frames until there are no more, and says on standard output,
in lines of JSON, what becomes of them: ``ready``, ``connected``, ``frames``, ``done``, or its ``trouble``.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import av
from av.error import FFmpegError

from ..errors import LipsmithError
from ..media.writer import FilmOptions
from ..types import FilmInfo
from .push import PushOptions
from .push_stream import Stream
from .recording import RecordingWriter
from .sink_process import read_frames

if TYPE_CHECKING:
    from .frame_queue import QueuedFrame

STALL = 20.0
"""Seconds for which a streaming server may take nothing."""
SAY_EVERY = 25
"""Frames between two words of a film's length."""

Say = Callable[..., None]


def main() -> None:
    """Do one task."""
    voice, given = os.fdopen(os.dup(1), "w", encoding="utf-8"), sys.stdin.buffer
    os.dup2(2, 1)
    for number in (signal.SIGINT, signal.SIGTERM):  # systemd and consoles tell all processes: the program decides
        signal.signal(number, signal.SIG_IGN)

    def say(**words: Any) -> None:
        with suppress(OSError):  # the program is gone; a film is finished all the same
            voice.write(json.dumps(words) + "\n")
            voice.flush()

    say(ready=True)
    work(given, say)
    os._exit(0)  # what is left of a broken line would be waited for


def work(given: IO[bytes], say: Say) -> None:
    """Do the task that is ``given``, if there is one."""
    if line := given.readline():
        task = json.loads(line)
        about = task["film"]
        info = FilmInfo(tuple(about["size"]), Fraction(about["fps"]), about["rate"])
        TASKS[task["do"]](task, info, read_frames(given, info), say)


def push(task: dict[str, Any], info: FilmInfo, frames: Iterator[QueuedFrame], say: Say) -> None:
    """Stream to ``url`` until there are no more frames or the line breaks. Who takes nothing ends the process."""
    stream: Stream | None = None
    try:
        for beat in frames:
            with _patience():
                if stream is None:
                    stream = Stream(task["url"], info, PushOptions(**task["options"]), beat.index)
                    say(connected=True)
                stream.write(beat)
        with _patience():
            if stream is not None:
                stream.close()
    except av.error.ProtocolNotFoundError:
        say(lacks=True)
    except (FFmpegError, OSError) as reason:
        say(trouble=str(getattr(reason, "strerror", None) or type(reason).__name__))


def film(task: dict[str, Any], info: FilmInfo, frames: Iterator[QueuedFrame], say: Say) -> None:
    """Write a film to ``path`` until there are no more frames or it is as long as it may be."""
    reel: RecordingWriter | None = None
    try:
        reel = RecordingWriter(Path(task["path"]), info, task["seconds"], FilmOptions(**task["options"]))
        for beat in frames:
            reel.put(beat)
            if reel.frames % SAY_EVERY == 1:
                say(frames=reel.frames)
            if reel.full:
                break
        reel.close()
        say(done=True, frames=reel.frames)
    except LipsmithError as reason:
        if reel is not None:
            reel.abort()
        say(trouble=str(reason))


@contextmanager
def _patience() -> Iterator[None]:
    """Ends the process after ``STALL``, though FFmpeg waits and Python with it."""
    with Path(os.devnull).open("w") as nowhere:
        faulthandler.dump_traceback_later(STALL, exit=True, file=nowhere)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()


TASKS = {"push": push, "film": film}

if __name__ == "__main__":
    main()
