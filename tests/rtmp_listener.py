"""ffmpeg, which listens as a streaming server does, and ports where somebody listens or surely nobody does."""

from __future__ import annotations

import random
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

FFMPEG, TABLE = shutil.which("ffmpeg"), Path("/proc/net/tcp")
listening = pytest.mark.skipif(FFMPEG is None or not TABLE.exists(), reason="needs ffmpeg, and Linux to see it listen")


def free_port() -> int:
    """Below those that Linux hands out of itself, so that it stays free until it is listened on."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as one:
            try:
                one.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


@contextmanager
def deaf_port() -> Iterator[int]:
    """A port that is taken, and refuses whoever connects."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        yield int(one.getsockname()[1])


def listen(port: int, film: Path) -> subprocess.Popen[bytes]:
    """Listens already; takes one stream, and ends with it."""
    command = [str(FFMPEG), "-v", "error", "-y", "-listen", "1", "-i", f"rtmp://127.0.0.1:{port}/live/key"]
    process = subprocess.Popen([*command, "-c", "copy", str(film)], stdin=subprocess.DEVNULL)
    while f"0100007F:{port:04X} 00000000:0000 0A" not in TABLE.read_text():
        assert process.poll() is None
        time.sleep(0.02)
    return process
