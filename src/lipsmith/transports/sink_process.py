"""A sink's work in a process of its own, which gets the frames through a pipe.

PyAV keeps Python's global lock while FFmpeg connects, and while it writes the end of a film. So a streaming server that
accepts a connection and does not answer would stop every session of the program that pushes to it. A process can be
ended at any point.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..workers.process import WorkerProcess, module_command
from .frame_queue import QueuedFrame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..types import FilmInfo
    from ..workers.messages import Message

READY_SECONDS = 60.0
"""How long a fresh process may take to say that it is ready."""


class SinkProcess:
    """Starts ``lipsmith.transports.sink_worker`` and hands it frames.

    Args:
        task: what to do, JSON. It goes through the pipe, so no address appears in the list of processes.
    """

    def __init__(self, task: dict[str, Any]) -> None:
        self._task = task
        self.status: dict[str, Any] = {}  # what the process has reported so far
        self._process = WorkerProcess(module_command("lipsmith.transports.sink_worker"), self._on_message)

    @property
    def over(self) -> bool:
        """Whether the process takes no more frames."""
        return self._process.over

    def wait(self) -> bool:
        """Wait until the process is ready for frames; False if it will not be."""
        return self._process.wait_ready(READY_SECONDS)

    def open(self, info: FilmInfo) -> None:
        """Send the task and what the frames are. Raises WorkerLost when the process is gone."""
        film = {"size": info.size, "fps": str(info.fps), "rate": info.rate}
        self._process.send({**self._task, "film": film})

    def send(self, frame: QueuedFrame) -> None:
        """Hand over a frame; waits until the pipe takes it. Raises WorkerLost when the process is gone."""
        samples = np.ascontiguousarray(frame.samples, np.float32).data
        image = b"" if frame.image is None else np.ascontiguousarray(frame.image).data
        header = {"index": frame.index, "samples": len(frame.samples), "image": frame.image is not None}
        self._process.send(header, samples, image)

    def end(self, seconds: float) -> dict[str, Any]:
        """Say that there are no more frames, and let the process finish within ``seconds``. Returns its status."""
        self._process.finish(seconds)
        return self.status

    def kill(self) -> None:
        """End the process in the middle of anything; whoever sends gets a WorkerLost. ``end`` tidies up."""
        self._process.kill()

    def _on_message(self, message: Message) -> None:
        self.status = {**self.status, **message.header}


def received_frames(receive: Callable[[], Message | None], info: FilmInfo) -> Iterator[QueuedFrame]:
    """In the worker: the frames as they come, until there are no more. The arrays are read-only views of messages."""
    width, height = info.size
    while (message := receive()) is not None:
        header, data = message.header, message.payload
        samples, image = np.frombuffer(data, np.float32, header["samples"]), None
        if header["image"]:
            image = np.frombuffer(data, np.uint8, offset=samples.nbytes).reshape(height, width, 3)
        yield QueuedFrame(header["index"], image, samples)


__all__ = ["SinkProcess", "received_frames"]
