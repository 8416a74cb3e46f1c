"""The WebSocket protocol's words: binary frames with a header of 16 bytes, JSON beside them. Pure.

Header, little endian: u8 kind, u8 flags, u16 zero, u32 bytes of payload, u64 time. Time counts samples at the session's
playing rate from its beginning, for picture and sound alike, so what plays together has the same number.
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
"""Flags: the picture can be shown without those before it; the utterance ends with this sound."""
MOST_BYTES = 1 << 20
"""Of one message from a client: 10 s at 48 kHz."""
IN_RATES = (16_000, 24_000, 48_000)
WORDS = ("hello", "ack", "end", "interrupt")


class FrameKind(IntEnum):
    """What a binary frame carries."""

    SOUND_IN = 1  # 16-bit little-endian mono at the rate of the hello
    SOUND_OUT = 2  # the same at the session's playing rate
    JPEG = 3
    H264 = 4  # an Annex B access unit


@dataclass(frozen=True, slots=True)
class Frame:
    """One binary message."""

    kind: FrameKind
    time: int  # samples at the playing rate; of sound in: not used
    payload: bytes
    flags: int = 0

    def pack(self) -> bytes:
        """As it goes over the wire."""
        return HEADER.pack(self.kind, self.flags, 0, len(self.payload), self.time) + self.payload


@dataclass(frozen=True, slots=True)
class Hello:
    """What a client says first.

    Raises:
        OptionError: a value that cannot be.
    """

    picture: str = "jpeg"  # or "h264"
    rate: int = 24_000  # Hz of the sound that it sends
    quality: int = 80  # of JPEG, 1..95
    window: int = 12  # pictures on their way that it has not acknowledged, 1..50

    def __post_init__(self) -> None:
        if self.picture not in ("jpeg", "h264") or self.rate not in IN_RATES:
            raise OptionError(f"picture is '{self.picture}' and rate {self.rate}; say jpeg or h264, one of {IN_RATES}.")
        if not 1 <= self.quality <= 95 or not 1 <= self.window <= 50:
            raise OptionError(f"quality is {self.quality}, window {self.window}; they can be 1..95 and 1..50.")


def unpack(message: bytes) -> Frame:
    """Read a binary message.

    Raises:
        InputError: it is none of ours; the sentence says why.
    """
    if len(message) > MOST_BYTES:
        raise InputError(f"The message has {len(message)} bytes; up to {MOST_BYTES} are taken.")
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
        InputError: it is no sound, or half a sample.
    """
    if frame.kind is not FrameKind.SOUND_IN or len(frame.payload) % 2:
        raise InputError(f"Kind {frame.kind:d} with {len(frame.payload)} bytes came; send kind 1, two bytes a sample.")
    pcm = np.frombuffer(frame.payload, "<i2")
    return (pcm / 32768).astype(np.float32), bool(frame.flags & END)


def sound_out(samples: Samples, time: int) -> Frame:
    """(n,) samples that play from ``time`` on."""
    return Frame(FrameKind.SOUND_OUT, time, to_pcm(samples).astype("<i2").tobytes())


def read_word(message: str) -> dict[str, Any]:
    """A client's JSON message: an object whose ``type`` is one of ``WORDS``.

    Raises:
        InputError: it is none.
    """
    try:
        said = json.loads(message) if len(message) <= MOST_BYTES else None
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or said.get("type") not in WORDS:
        raise InputError(f'Send JSON such as {{"type": "ack", "time": 0}}; type can be {", ".join(WORDS)}.')
    return said


def read_hello(said: dict[str, Any]) -> Hello:
    """The first word. Raises InputError for another one, OptionError for values that cannot be."""
    if said["type"] != "hello":
        raise InputError(f'\'{said["type"]}\' came first; begin with {{"type": "hello"}}.')
    values = {name: value for name, value in said.items() if name != "type"}
    for name in ("rate", "quality", "window"):
        if not isinstance(values.get(name, 0), int):
            raise InputError(f"{name} is {values[name]!r}; it must be a whole number.")
    return build(Hello, values)


def read_ack(said: dict[str, Any]) -> int:
    """The time that is acknowledged with all before it. Raises InputError for what is no time."""
    time = said.get("time")
    if not isinstance(time, int) or isinstance(time, bool) or time < 0:
        raise InputError(f"An ack has the time of a frame, 0 or more; {time!r} came.")
    return time


class Window:
    """What went out and was not acknowledged. Media time is its clock: it goes on as the session does.

    Args:
        pictures: on their way at most.
        rate: Hz, of times.
        seconds: of sound on its way, beyond which a client counts as gone.
    """

    def __init__(self, pictures: int, rate: int, seconds: float = 10.0) -> None:
        self._most, self._limit = pictures, int(seconds * rate)
        self._pictures: list[int] = []
        self._acked: int | None = None  # nothing was sent yet
        self._sent = 0
        self.skipped = 0

    def sent_sound(self, time: int, samples: int) -> None:
        """Sound of ``time`` went out."""
        if self._acked is None:
            self._acked = time
        self._sent = time + samples

    def may_send_picture(self) -> bool:
        """Whether there is room; if not the picture counts as skipped."""
        if len(self._pictures) < self._most:
            return True
        self.skipped += 1
        return False

    def sent_picture(self, time: int) -> None:
        """A picture of ``time`` went out."""
        self._pictures.append(time)

    def ack(self, time: int) -> None:
        """All up to ``time`` arrived; what was never sent cannot have."""
        self._pictures = [one for one in self._pictures if one > time]
        self._acked = max(self._acked or 0, min(time, self._sent))

    @property
    def gone(self) -> bool:
        """Whether the client has read nothing for too long."""
        return self._acked is not None and self._sent - self._acked > self._limit


__all__ = [
    "Frame",
    "FrameKind",
    "Hello",
    "Window",
    "read_ack",
    "read_hello",
    "read_word",
    "sound_in",
    "sound_out",
    "unpack",
]
