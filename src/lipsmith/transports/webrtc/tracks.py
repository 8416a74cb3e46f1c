"""The two outgoing tracks of a viewer, and the reading of incoming ones. Needs aiortc."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from ...media.mono_mix import LiveMono

if TYPE_CHECKING:
    from ...types import Samples
    from ..encoding import Codec, EncodedAudio, EncodedPicture

PICTURE_CLOCK, SOUND_CLOCK = 90_000, 48_000
"""Hz of the RTP time stamps of video and of Opus."""
WAITING = {"video": 3, "audio": 12}
"""Most packets that wait for a viewer: pictures, and sound packets of 20 ms."""


@dataclass(frozen=True, slots=True)
class EncodedFrame:
    """One frame, encoded once for all viewers."""

    picture_start: int  # in ticks of ``PICTURE_CLOCK``
    sound_start: int  # the same moment in ticks of ``SOUND_CLOCK``
    pictures: dict[Codec, EncodedPicture]  # empty if the picture was dropped
    sound: list[EncodedAudio]


class OutgoingTrack(MediaStreamTrack):
    """Hands encoded packets to aiortc when they are due. aiortc itself would encode again for every viewer.

    RTP reports tie time stamps to the moment of sending. So the second sound packet of a frame waits 20 ms: if it were
    sent at once, the browser would conclude that sound is early.
    """

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self._packets: deque[tuple[float, av.Packet[Any]]] = deque()
        self._changed = asyncio.Event()

    @property
    def full(self) -> bool:
        return len(self._packets) >= WAITING[self.kind]

    def put(self, data: bytes, start: int, due: float) -> None:
        """Queue a packet with the time stamp ``start``, to be sent at ``due`` in seconds of the loop's clock."""
        packet: av.Packet[Any] = av.Packet(data)
        packet.pts = packet.dts = start
        packet.time_base = Fraction(1, PICTURE_CLOCK if self.kind == "video" else SOUND_CLOCK)
        self._packets.append((due, packet))
        self._changed.set()

    def clear(self) -> None:
        """Drop all waiting packets."""
        self._packets.clear()

    def stop(self) -> None:
        """End the track."""
        super().stop()
        self._changed.set()

    async def recv(self) -> av.Packet[Any]:
        """The next packet, when it is due; aiortc calls this."""
        while not self._packets:
            if self.readyState != "live":
                raise MediaStreamError
            self._changed.clear()
            await self._changed.wait()
        due, packet = self._packets.popleft()
        await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
        return packet


async def read_track(track: MediaStreamTrack, on_sound: Callable[[Samples, int], None] | None) -> None:
    """Read an incoming track to its end. aiortc keeps unread frames without limit, so every track must be read.

    Args:
        track: a microphone, or a video track that nobody wants.
        on_sound: gets a microphone's sound as (n,) mono samples in [-1, 1] at its own rate, and that rate in Hz.
    """
    to_float = av.AudioResampler(format="fltp")  # keeps the rate: a session resamples what it plays once
    mix: LiveMono | None = None
    try:
        while True:
            frame = await track.recv()
            if on_sound is not None and isinstance(frame, av.AudioFrame):
                mix = mix or LiveMono(frame.sample_rate)
                for piece in to_float.resample(frame):
                    channels = np.asarray(piece.to_ndarray(), np.float32)
                    gain = np.float32(len(channels) ** 0.5)  # FFmpeg gives each of two half the power of mono
                    on_sound(gain * mix.push(channels), piece.sample_rate)
    except MediaStreamError:
        return


__all__ = ["EncodedFrame", "OutgoingTrack", "read_track"]
