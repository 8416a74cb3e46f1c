"""ffmpeg, which listens as a streaming server does, and ports where somebody listens or surely nobody does."""

from __future__ import annotations

import random
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
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
    command = [
        str(FFMPEG), "-v", "error", "-y", "-progress", str(progress_of(film)), "-stats_period", "0.2",
        "-listen", "1", "-i", f"rtmp://127.0.0.1:{port}/live/key", "-c", "copy", str(film),
    ]  # fmt: skip
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    while f"0100007F:{port:04X} 00000000:0000 0A" not in TABLE.read_text():
        assert process.poll() is None
        time.sleep(0.02)
    return process


def progress_of(film: Path) -> Path:
    """Where a listener tells how far it is."""
    return film.with_name(f"{film.name}.progress")


def taken(film: Path) -> int:
    """Pictures that a listener has taken so far."""
    told = re.findall(r"frame=(\d+)", progress_of(film).read_text()) if progress_of(film).exists() else []
    return int(told[-1]) if told else 0


def has_protocol(name: str) -> bool:
    """Whether this build of PyAV knows a protocol: one that it lacks has an error of its own."""
    try:
        av.open(f"{name}://127.0.0.1:9", timeout=0.1).close()
    except av.error.ProtocolNotFoundError:
        return False
    except (av.FFmpegError, OSError):
        return True
    return True
