"""Floods one session of a server: ``python -m tests.support.flood ADDRESS KIND SECONDS``.

Writes to bare sockets as fast as they take it, and connects again when it is disconnected. Prints what it did.
"""

from __future__ import annotations

import base64
import os
import socket
import struct
import sys
import time
from collections import Counter
from contextlib import suppress
from urllib.parse import urlsplit

MASK = b"\1\2\3\4"
CLOSE = 8


def framed(opcode: int, payload: bytes) -> bytes:
    """One masked frame of a client."""
    length = len(payload)
    sizes = bytes([0x80 | length]) if length < 126 else b"\xff" + struct.pack("!Q", length)
    masked = bytes(byte ^ MASK[place % 4] for place, byte in enumerate(payload))
    return bytes([0x80 | opcode]) + sizes + MASK + masked


HELLO = framed(1, b'{"type": "hello", "rate": 16000}')
SOUND = struct.pack("<BBHIQ", 1, 0, 0, 1_000_000, 0) + b"\1\2" * 500_000
BULK = {
    "interrupts": (framed(1, b'{"type": "interrupt"}') * 500, 500),
    "sound": (framed(2, SOUND), 1),
    "malformed": (framed(2, b"") * 2_000, 2_000),
    "pings": (framed(9, b"") * 2_000, 2_000),
}


def connected(address: str) -> socket.socket:
    """A WebSocket, as far as the answer to its request."""
    parts = urlsplit(address)
    made = socket.create_connection((parts.hostname, parts.port), timeout=5)
    key = base64.b64encode(os.urandom(16)).decode()
    made.sendall(
        f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    made.recv(4096)
    return made


def main() -> None:
    """Flood until the time is over."""
    address, kind, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    bulk, messages = BULK[kind]
    stop, counts = time.monotonic() + seconds, Counter[str]()
    while time.monotonic() < stop:
        with suppress(OSError), connected(address) as line:
            counts["connections"] += 1
            line.sendall(HELLO)
            line.settimeout(0.5)
            while time.monotonic() < stop:
                line.sendall(bulk)
                counts["messages"] += messages
    print(", ".join(f"{count} {name}" for name, count in counts.items()))


if __name__ == "__main__":
    main()
