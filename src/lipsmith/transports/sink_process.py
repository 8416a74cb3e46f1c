"""The work of a sink in a process of its own, which gets the frames through a pipe.

PyAV holds Python's lock while FFmpeg connects, and while it writes a film's end: a streaming server that accepts and
says nothing would stop every session of the program that pushes to it. A process can be stopped in the middle of
anything. It ends by itself when its input does, so also when the program is gone.
"""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import threading
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from .frame_queue import QueuedFrame

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..types import FilmInfo

HEAD = struct.Struct("<QBI")
"""Before each frame: its number, whether its picture follows, how many samples do."""
BEGIN_SECONDS = 60.0
"""Until a fresh process must say that it is there."""


class SinkProcess:
    """Begins ``python -m lipsmith.transports.sink_worker`` and hands it frames. What it says are the ``words``.

    Args:
        task: what to do, JSON; it goes through the pipe, so nobody sees an address in the list of processes.
    """

    def __init__(self, task: dict[str, Any]) -> None:
        self._task, self._ready = task, threading.Event()
        self.words: dict[str, Any] = {}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "lipsmith.transports.sink_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C in the terminal is for the program, which decides
        )
        assert self._process.stdout
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()

    @property
    def over(self) -> bool:
        """Whether it takes no more frames."""
        return not self._reader.is_alive()

    def wait(self) -> bool:
        """Until it is ready for frames; False if it will not be."""
        return self._ready.wait(BEGIN_SECONDS) and not self.over

    def open(self, info: FilmInfo) -> None:
        """Tell what the frames are."""
        film = {"size": info.size, "fps": str(info.fps), "rate": info.rate}
        self._write(json.dumps({**self._task, "film": film}).encode() + b"\n")

    def send(self, beat: QueuedFrame) -> None:
        """Hand over a frame; waits until it is taken. Raises OSError when the process is gone."""
        head = HEAD.pack(beat.index, beat.image is not None, len(beat.samples))
        picture = b"" if beat.image is None else np.ascontiguousarray(beat.image).data
        self._write(head, picture, np.ascontiguousarray(beat.samples, np.float32).data)

    def end(self, seconds: float) -> dict[str, Any]:
        """There are no more frames: let it finish, for so long at most. Returns its words."""
        assert self._process.stdin
        with suppress(OSError):  # it may be gone
            self._process.stdin.close()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        return self.words

    def kill(self) -> None:
        """End it in the middle of anything; who sends is told by an OSError. ``end`` tidies up."""
        self._process.kill()

    def _write(self, *parts: Any) -> None:
        assert self._process.stdin
        try:
            for part in parts:
                self._process.stdin.write(part)
            self._process.stdin.flush()
        except ValueError as reason:  # closed meanwhile
            raise BrokenPipeError("the process is gone") from reason

    def _read(self, pipe: IO[bytes]) -> None:
        with pipe:
            for line in pipe:
                self.words = {**self.words, **json.loads(line)}
                self._ready.set()
        self._ready.set()


def read_frames(pipe: IO[bytes], info: FilmInfo) -> Iterator[QueuedFrame]:
    """The other side: the frames as they come, until there are no more. One that is cut short is none."""
    width, height = info.size
    while len(head := pipe.read(HEAD.size)) == HEAD.size:
        index, seen, count = HEAD.unpack(head)
        picture = pipe.read(width * height * 3) if seen else b""
        sound = pipe.read(4 * count)
        if len(sound) < 4 * count:
            return
        image = np.frombuffer(picture, np.uint8).reshape(height, width, 3) if seen else None
        yield QueuedFrame(index, image, np.frombuffer(sound, np.float32))


__all__ = ["SinkProcess", "read_frames"]
