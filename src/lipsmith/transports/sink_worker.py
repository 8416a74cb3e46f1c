"""The process of a sink: ``python -m lipsmith.transports.sink_worker``, started by ``SinkProcess``.

It receives one task, then frames until there are no more, and reports what becomes of them: ``connected``, ``frames``,
``done``, ``unsupported``, or its ``trouble``.
"""

from __future__ import annotations

import faulthandler
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
from av.error import FFmpegError

from ..errors import LipsmithError
from ..media.writer import FilmOptions
from ..types import FilmInfo
from ..workers.child import ParentConnection
from .push import PushOptions
from .push_stream import PushStream
from .recording import RecordingWriter
from .sink_process import received_frames

if TYPE_CHECKING:
    from ..workers.messages import Message
    from .frame_queue import QueuedFrame

STALL_SECONDS = 20.0
"""How long a streaming server may take nothing before the connection is given up."""
REPORT_EVERY = 25
"""Frames between two reports of a film's length."""

Report = Callable[..., None]


def main() -> None:
    """Do one task."""
    parent = ParentConnection.open()

    def report(**status: Any) -> None:
        with suppress(OSError):  # the parent is gone; a film is finished all the same
            parent.send(status)

    with suppress(OSError):
        parent.ready()
    work(parent.receive, report)
    os._exit(0)  # do not wait for what a broken connection left


def work(receive: Callable[[], Message | None], report: Report) -> None:
    """Receive a task and do it; without one nothing happens."""
    if (message := receive()) is not None:
        task, film = message.header, message.header["film"]
        info = FilmInfo(tuple(film["size"]), Fraction(film["fps"]), film["rate"])
        TASKS[task["do"]](task, info, received_frames(receive, info), report)


def push(task: dict[str, Any], info: FilmInfo, frames: Iterator[QueuedFrame], report: Report) -> None:
    """Stream to ``url`` until there are no more frames or the connection breaks. A stalled server ends the process."""
    stream: PushStream | None = None
    try:
        for frame in frames:
            with _time_limit():
                if stream is None:
                    stream = PushStream(task["url"], info, PushOptions(**task["options"]), frame.index)
                    report(connected=True)
                stream.write(frame)
        with _time_limit():
            if stream is not None:
                stream.close()
    except av.error.ProtocolNotFoundError:
        report(unsupported=True)
    except (FFmpegError, OSError) as reason:
        report(trouble=str(getattr(reason, "strerror", None) or type(reason).__name__))


def film(task: dict[str, Any], info: FilmInfo, frames: Iterator[QueuedFrame], report: Report) -> None:
    """Write a film to ``path`` until there are no more frames or it is as long as it may be."""
    writer: RecordingWriter | None = None
    try:
        writer = RecordingWriter(Path(task["path"]), info, task["seconds"], FilmOptions(**task["options"]))
        for frame in frames:
            writer.put(frame)
            if writer.frames % REPORT_EVERY == 1:
                report(frames=writer.frames)
            if writer.full:
                break
        writer.close()
        report(done=True, frames=writer.frames)
    except LipsmithError as reason:
        if writer is not None:
            writer.abort()
        report(trouble=str(reason))


@contextmanager
def _time_limit() -> Iterator[None]:
    """Ends the process after ``STALL_SECONDS``, though FFmpeg waits and holds Python's global lock."""
    with Path(os.devnull).open("w") as nowhere:
        faulthandler.dump_traceback_later(STALL_SECONDS, exit=True, file=nowhere)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()


TASKS = {"push": push, "film": film}

if __name__ == "__main__":
    main()
