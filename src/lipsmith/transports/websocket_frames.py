"""The messages of the WebSocket protocol: binary frames with a header of 16 bytes, and JSON commands.

Header, little endian: u8 kind, u8 flags, u16 zero, u32 bytes of payload, u64 time. The time counts samples at the
session's playing rate from its start, for picture and sound alike, so what plays together has the same time.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np

from ..errors import InputError, OptionError
from ..options import build
from ..types import Samples
from .encoding import to_pcm

HEADER = struct.Struct("<BBHIQ")
KEY, END = 1, 2
"""Flags: the picture is a key frame; the utterance ends with this sound."""
MOST_BYTES = 1 << 20
"""Longest message from a client: 10 s at 48 kHz."""
IN_RATES = (16_000, 24_000, 48_000)
COMMANDS = ("hello", "ack", "end", "interrupt")


class FrameKind(IntEnum):
    """What a binary frame carries."""

    SOUND_IN = 1  # 16-bit little-endian mono at the rate of the hello message
    SOUND_OUT = 2  # the same at the session's playing rate
    JPEG = 3
    H264 = 4  # an Annex B access unit


@dataclass(frozen=True, slots=True)
class Frame:
    """One binary message."""

    kind: FrameKind
    time: int  # samples at the playing rate; not used for SOUND_IN
    payload: bytes
    flags: int = 0

    def pack(self) -> bytes:
        """The bytes of the message."""
        return HEADER.pack(self.kind, self.flags, 0, len(self.payload), self.time) + self.payload


@dataclass(frozen=True, slots=True)
class Hello:
    """The first message of a client.

    Raises:
        OptionError: a value out of range.
    """

    picture: str = "jpeg"  # or "h264"
    rate: int = 24_000  # Hz of the sound that it sends
    quality: int = 80  # of JPEG, 1..95
    window: int = 12  # most pictures that were sent and not acknowledged, 1..50

    def __post_init__(self) -> None:
        if self.picture not in ("jpeg", "h264") or self.rate not in IN_RATES:
            raise OptionError(
                f"picture is '{self.picture}' and rate {self.rate}; they can be jpeg or h264, and one of {IN_RATES}."
            )
        if not 1 <= self.quality <= 95 or not 1 <= self.window <= 50:
            raise OptionError(f"quality is {self.quality}, window {self.window}; they can be 1..95 and 1..50.")


def unpack(message: bytes) -> Frame:
    """Read a binary message.

    Raises:
        InputError: the message is malformed; says why.
    """
    if len(message) > MOST_BYTES:
        raise InputError(f"The message has {len(message)} bytes; up to {MOST_BYTES} are accepted.")
    if len(message) < HEADER.size:
        raise InputError(f"The message has {len(message)} bytes; its header alone has {HEADER.size}.")
    kind, flags, zero, length, time = HEADER.unpack_from(message)
    if kind not in list(FrameKind) or zero or flags & ~(KEY | END):
        raise InputError(f"The message is of kind {kind} with flags {flags}; send kind {FrameKind.SOUND_IN:d}, sound.")
    if length != len(message) - HEADER.size:
        raise InputError(f"The header says {length} bytes of payload, and {len(message) - HEADER.size} came.")
    return Frame(FrameKind(kind), time, message[HEADER.size :], flags)


def sound_in(frame: Frame) -> tuple[Samples, bool]:
    """The (n,) samples of a client's frame, and whether the utterance ends with them.

    Raises:
        InputError: the frame is no sound, or ends in the middle of a sample.
    """
    if frame.kind is not FrameKind.SOUND_IN or len(frame.payload) % 2:
        raise InputError(f"Kind {frame.kind:d} with {len(frame.payload)} bytes came; send kind 1, two bytes a sample.")
    pcm = np.frombuffer(frame.payload, "<i2")
    return (pcm / 32768).astype(np.float32), bool(frame.flags & END)


def sound_out(samples: Samples, time: int) -> Frame:
    """A frame with the (n,) samples that play from ``time`` on."""
    return Frame(FrameKind.SOUND_OUT, time, to_pcm(samples).astype("<i2").tobytes())


def read_command(message: str) -> dict[str, Any]:
    """A client's JSON message: an object whose ``type`` is one of ``COMMANDS``.

    Raises:
        InputError: the message is something else.
    """
    try:
        command = json.loads(message) if len(message) <= MOST_BYTES else None
    except (ValueError, RecursionError):
        command = None
    if not isinstance(command, dict) or command.get("type") not in COMMANDS:
        raise InputError(f'Send JSON such as {{"type": "ack", "time": 0}}; type can be {", ".join(COMMANDS)}.')
    return command


def read_hello(command: dict[str, Any]) -> Hello:
    """The first message. Raises InputError for another command, OptionError for values out of range."""
    if command["type"] != "hello":
        raise InputError(f'\'{command["type"]}\' came first; begin with {{"type": "hello"}}.')
    values = {name: value for name, value in command.items() if name != "type"}
    for name in ("rate", "quality", "window"):
        if not isinstance(values.get(name, 0), int):
            raise InputError(f"{name} is {values[name]!r}; it must be a whole number.")
    return build(Hello, values)


def read_ack(command: dict[str, Any]) -> int:
    """The time that is acknowledged with all before it. Raises InputError for a value that is no time."""
    time = command.get("time")
    if not isinstance(time, int) or isinstance(time, bool) or time < 0:
        raise InputError(f"An ack has the time of a frame, 0 or more; {time!r} came.")
    return time


class Window:
    """Counts what was sent and not acknowledged, on the session's own clock.

    Args:
        pictures: most pictures that may be unacknowledged.
        rate: of the times, in Hz.
        seconds: of unacknowledged sound, beyond which a client counts as gone.
    """

    def __init__(self, pictures: int, rate: int, seconds: float = 10.0) -> None:
        self._most, self._limit = pictures, int(seconds * rate)
        self._pictures: list[int] = []
        self._acked: int | None = None  # None: nothing was sent yet
        self._sent = 0
        self.skipped = 0  # pictures for which there was no room

    def sent_sound(self, time: int, samples: int) -> None:
        """Sound of ``time`` was sent."""
        if self._acked is None:
            self._acked = time
        self._sent = time + samples

    def may_send_picture(self) -> bool:
        """Whether the window has room; if not, the picture counts as skipped."""
        if len(self._pictures) < self._most:
            return True
        self.skipped += 1
        return False

    def sent_picture(self, time: int) -> None:
        """A picture of ``time`` was sent."""
        self._pictures.append(time)

    def ack(self, time: int) -> None:
        """Everything up to ``time`` arrived; a time that was never sent counts as the last one sent."""
        self._pictures = [one for one in self._pictures if one > time]
        self._acked = max(self._acked or 0, min(time, self._sent))

    @property
    def gone(self) -> bool:
        """Whether the client has acknowledged nothing for too long."""
        return self._acked is not None and self._sent - self._acked > self._limit


__all__ = [
    "Frame",
    "FrameKind",
    "Hello",
    "Window",
    "read_ack",
    "read_command",
    "read_hello",
    "sound_in",
    "sound_out",
    "unpack",
]
