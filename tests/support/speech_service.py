"""A service on loopback that speaks as OpenAI's does, or misbehaves as it is told to."""

from __future__ import annotations

import json
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np


def pcm(seconds: float = 0.5, rate: int = 24_000, amplitude: float = 0.5) -> bytes:
    """A tone of 16-bit mono samples."""
    moments = np.arange(round(seconds * rate)) / rate
    return (32767 * amplitude * np.sin(2 * np.pi * 220 * moments)).astype("<i2").tobytes()


def wav(
    sound: bytes, rate: int = 24_000, channels: int = 1, kind: int = 1, bits: int = 16, known: bool = False
) -> bytes:
    """``sound`` as a WAV; its length stays untold unless ``known``, as in a stream."""
    size = len(sound) if known else 0xFFFFFFFF
    frame = channels * bits // 8
    head = struct.pack("<4sIHHIIHH", b"fmt ", 16, kind, channels, rate, rate * frame, frame, bits)
    return b"RIFF" + struct.pack("<I", 0xFFFFFFFF) + b"WAVE" + head + b"data" + struct.pack("<I", size) + sound


@dataclass
class Service:
    """What it was asked, and what it answers: status, kind, and the pieces of the body as they are due."""

    port: int = 0
    status: int = 200
    kind: str = "audio/wav"
    pieces: Callable[[threading.Event], Iterator[bytes]] = lambda _: iter([wav(pcm())])
    extra: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[dict[str, Any], str | None]] = field(default_factory=list)
    go_on: threading.Event = field(default_factory=threading.Event)
    left: threading.Event = field(default_factory=threading.Event)  # somebody hung up

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"


@contextmanager
def service() -> Iterator[Service]:
    made = Service()

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            made.asked.append(({**body, "path": self.path}, self.headers["Authorization"]))
            self.send_response(made.status)
            for name, value in {"Content-Type": made.kind, **made.extra}.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                for piece in made.pieces(made.go_on):
                    self.wfile.write(piece)
                    self.wfile.flush()
            except OSError:
                made.left.set()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    made.port = server.server_address[1]
    try:
        yield made
    finally:
        made.go_on.set()
        server.shutdown()
        thread.join()
        server.server_close()
