"""A WebRTC client with a microphone, for loopback."""

from __future__ import annotations

import asyncio
import contextlib
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest

from tests.support.peers import Seen

pytest.importorskip("aiortc")
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError


class Microphone(MediaStreamTrack):
    """A tone, in real time."""

    kind = "audio"

    def __init__(self, tone: float) -> None:
        super().__init__()
        self._tone, self._count = tone, 0

    async def recv(self) -> av.AudioFrame:
        await asyncio.sleep(0.02)
        wave = np.sin(2 * np.pi * self._tone * (np.arange(960) + self._count * 960) / 48_000)
        frame = av.AudioFrame.from_ndarray((wave[None] * 16_000).astype(np.int16), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, self._count * 960, Fraction(1, 48_000)
        self._count += 1
        return frame


class RtcClient:
    """Watches and listens; ``seen`` says what."""

    def __init__(self, codec: str = "VP8", microphone: float | None = None, channel: bool = False) -> None:
        self.seen = Seen()
        self.connection = RTCPeerConnection(RTCConfiguration([]))
        self.words: list[str] = []
        self.last_loud = 0.0  # when sound came last, on the loop's clock
        self.loud = self.quiet = 0.0  # seconds of sound heard so far, and of silence heard since
        if microphone:
            self.connection.addTrack(Microphone(microphone))
        else:
            self.connection.addTransceiver("audio", "recvonly")
        video = self.connection.addTransceiver("video", "recvonly")
        known = RTCRtpSender.getCapabilities("video").codecs
        video.setCodecPreferences([one for one in known if one.name in (codec, "rtx")])
        self.video = video
        self.channel: Any = self.connection.createDataChannel("events") if channel else None
        if self.channel is not None:
            self.channel.on("message", self.words.append)
        self._tasks: list[asyncio.Future[None]] = []
        self.connection.on("track", lambda track: self._tasks.append(asyncio.ensure_future(self._watch(track))))

    async def offer(self) -> str:
        await self.connection.setLocalDescription(await self.connection.createOffer())
        return str(self.connection.localDescription.sdp)

    async def accept(self, answer: str) -> None:
        await self.connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    async def _watch(self, track: Any) -> None:
        with contextlib.suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                time = float(frame.pts * frame.time_base)
                if track.kind == "video":
                    self.seen.pictures.append((time, float(frame.to_ndarray(format="gray").mean())))
                else:
                    mono = frame.to_ndarray().reshape(-1, 2)[:, 0].astype(np.float32) / 32768
                    self.seen.sound.append((time, mono, frame.sample_rate))
                    self._note(len(mono) / frame.sample_rate, bool(np.abs(mono).max() > 0.05))

    def _note(self, seconds: float, loud: bool) -> None:
        if loud:
            self.last_loud, self.quiet = asyncio.get_running_loop().time(), 0.0
            self.loud += seconds
        else:
            self.quiet += seconds

    def vanish(self) -> None:
        """Be gone without a word, as a phone whose battery is empty."""
        for protocol in list(self.video.receiver.transport.transport._connection._protocols):
            protocol.transport.close()

    async def close(self) -> None:
        await self.connection.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
