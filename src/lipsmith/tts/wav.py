"""Decodes sound from bytes as they arrive: 16-bit or float WAV, whose length may be unknown, or bare PCM."""

from __future__ import annotations

import struct

import numpy as np

from ..errors import VoiceError
from ..types import Samples

HEAD_BYTES = 65_536
"""Most bytes before the samples of a WAV."""
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_NO_WAV = (
    "The voice's service sent a WAV that cannot be read: {}; 16-bit PCM or 32-bit float in one or two channels can."
)


class SoundBytes:
    """Takes bytes in pieces of any length and returns the samples that are complete.

    Args:
        rate: Hz of bare PCM, which is 16-bit mono; a WAV brings its own.
    """

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._left = b""
        self._kind, self._channels = "<i2", 1
        self._open = False
        self._length: int | None = None  # bytes of sound still to come; None: until the end

    def push(self, data: bytes) -> Samples:
        """Take bytes, return (n,) samples. Raises VoiceError for a WAV that cannot be read."""
        self._left += data
        if not self._open and not self._read_head():
            return np.zeros(0, np.float32)
        frame = self._channels * np.dtype(self._kind).itemsize
        most = len(self._left) if self._length is None else min(len(self._left), self._length)
        whole, self._left = self._left[: most // frame * frame], self._left[most // frame * frame :]
        if self._length is not None:
            self._length -= len(whole)
            if self._length < frame:
                self._left = b""  # chunks after the sound
        sound = np.frombuffer(whole, self._kind).reshape(-1, self._channels).astype(np.float32)
        scale = 32768 if self._kind == "<i2" else 1
        mono: Samples = np.clip(np.nan_to_num(sound.mean(axis=1) / scale), -1, 1).astype(np.float32)
        return mono

    def finish(self) -> None:
        """The end of the bytes. Raises VoiceError if a WAV ended before its sound began."""
        if not self._open and self._left:
            raise VoiceError(_NO_WAV.format("it ended before its sound began"))

    def _read_head(self) -> bool:
        """Read the header as far as it is there; returns whether the samples have begun."""
        if len(self._left) < 12:
            self._open = len(self._left) >= 4 and not self._left.startswith(b"RIFF")
            return self._open
        if not (self._left.startswith(b"RIFF") and self._left[8:12] == b"WAVE"):
            self._open = True
            return True
        at = 12
        while len(self._left) >= at + 8:
            name, size = self._left[at : at + 4], int(struct.unpack_from("<I", self._left, at + 4)[0])
            if name == b"data":
                self._length = None if size in (0, 0xFFFFFFFF) or size >= 0x7FFFF000 else size
                self._left, self._open = self._left[at + 8 :], True
                return True
            if name == b"fmt " and len(self._left) >= at + 8 + min(size, 40):
                self._read_format(self._left[at + 8 : at + 8 + size])
            at += 8 + size + size % 2
            if at > HEAD_BYTES:
                raise VoiceError(_NO_WAV.format("no sound in its first 64 kB"))
        return False

    def _read_format(self, head: bytes) -> None:
        if len(head) < 16:
            raise VoiceError(_NO_WAV.format(f"a format of {len(head)} bytes"))
        kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", head)
        if kind == _EXTENSIBLE and len(head) >= 26:
            kind = struct.unpack_from("<H", head, 24)[0]
        kinds = {(_PCM, 16): "<i2", (_FLOAT, 32): "<f4"}
        if (kind, bits) not in kinds or channels not in (1, 2) or not 8_000 <= rate <= 192_000:
            raise VoiceError(_NO_WAV.format(f"format {kind} of {bits} bits, {channels} channels, {rate} Hz"))
        self._kind, self._channels, self.rate = kinds[kind, bits], channels, rate


__all__ = ["SoundBytes"]
