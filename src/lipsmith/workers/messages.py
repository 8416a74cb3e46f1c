"""The framing between a program and its worker process: a JSON header, and bytes such as pictures behind it.

A message is the length of its header (4 bytes), the length of its payload (8 bytes), both little endian, the header as
JSON, and the payload. The payload is written from and read into one buffer, without a copy in between.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any

LENGTHS = struct.Struct("<IQ")
Buffer = bytes | memoryview
MOST_HEADER, MOST_PAYLOAD = 64 << 20, 4 << 30
"""Bytes. Longer ones are no message of ours: something else was written into the pipe."""


class MessageError(ValueError):
    """What came through the pipe is no message."""


@dataclass(frozen=True, slots=True, eq=False)
class Message:
    """One message."""

    header: dict[str, Any]
    payload: bytes = b""


def write_message(stream: IO[bytes], header: Mapping[str, Any], *parts: Buffer) -> None:
    """Write one message, whose payload is ``parts`` one behind the other."""
    encoded = json.dumps(header).encode()
    stream.write(LENGTHS.pack(len(encoded), sum(memoryview(part).nbytes for part in parts)) + encoded)
    for part in parts:
        stream.write(part)
    stream.flush()


def read_message(stream: IO[bytes]) -> Message | None:
    """Wait for the next message. None at the end of the stream, also where it cuts a message short.

    Raises:
        MessageError: it is no message, which shows before its pretended length is waited for.
    """
    lengths = stream.read(LENGTHS.size)
    if len(lengths) < LENGTHS.size:
        return None
    header_bytes, payload_bytes = LENGTHS.unpack(lengths)
    if header_bytes > MOST_HEADER or payload_bytes > MOST_PAYLOAD:
        raise MessageError(f"The pipe holds no message: it begins with {lengths!r}.")
    encoded = stream.read(header_bytes)
    payload = stream.read(payload_bytes) if payload_bytes else b""
    if len(encoded) < header_bytes or len(payload) < payload_bytes:
        return None
    return Message(_header(encoded), payload)


def _header(encoded: bytes) -> dict[str, Any]:
    try:
        header = json.loads(encoded)
    except (ValueError, RecursionError) as reason:
        raise MessageError("The pipe holds no message: its header is no JSON.") from reason
    if not isinstance(header, dict):
        raise MessageError(f"The pipe holds no message: its header is a {type(header).__name__}.")
    return header


__all__ = ["Buffer", "Message", "MessageError", "read_message", "write_message"]
