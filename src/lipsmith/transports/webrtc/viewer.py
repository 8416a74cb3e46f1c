"""One viewer of a session over WebRTC: connection, tracks and data channel. Needs aiortc."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiortc import (
    RTCBundlePolicy,
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)
from aiortc.exceptions import InternalError, InvalidAccessError, InvalidStateError, OperationError
from aiortc.rtcconfiguration import RTCIceTransportPolicy
from aiortc.rtp import RTCP_PSFB_APP, RTCP_PSFB_FIR, RTCP_PSFB_PLI, RtcpPsfbPacket, unpack_remb_fci
from aiortc.sdp import SessionDescription

from ...errors import InputError, LipsmithError
from ...realtime.token_bucket import TokenBucket
from .options import RtcOptions, ice_servers
from .sdp import WHAT_TO_SEND, check_offer, with_public_address
from .tracks import EncodedFrame, OutgoingTrack, read_track

if TYPE_CHECKING:
    from aiortc import MediaStreamTrack, RTCDataChannel

    from ...types import Samples
    from ..encoding import Codec

SDP_FAULTS = (
    AssertionError, AttributeError, IndexError, KeyError, TypeError, ValueError, InternalError, InvalidAccessError,
    InvalidStateError, OperationError,
)  # fmt: skip
"""What aiortc raises for an offer that it cannot use; it has no error of its own for that."""
OPUS_DELAY = 0.0065
"""Seconds by which Opus delays sound against its time stamps (its look-ahead). Pictures are sent later by it, because
browsers synchronize both by the moment of sending."""
MOST_MESSAGE = 16_384
"""Most bytes of a message on the data channel."""
MESSAGES = (60.0, 120.0)
"""How many messages on the data channel are handled: a second, and after a pause at once."""
DROPPED = 500
"""Messages beyond that after which a viewer is disconnected; until then they are dropped."""
MOST_UNSENT = 65_536
"""Bytes of events that may wait to be sent to a viewer; further events are dropped."""


@dataclass(frozen=True, slots=True)
class ViewerCallbacks:
    """What is called with a viewer's sound and messages, in the event loop; both must be quick."""

    sound: Callable[[Samples, int], None] | None = None  # the microphone: (n,) mono samples, and their rate in Hz
    message: Callable[[Mapping[str, Any]], None] | None = None  # JSON objects from the data channel


class Viewer:
    """One viewer. Call all methods in the event loop that created it.

    Args:
        ended: called once, when the connection is over for whatever reason.
        key: called when this viewer needs a key frame.
    """

    def __init__(
        self, options: RtcOptions, callbacks: ViewerCallbacks, ended: Callable[[], None], key: Callable[[], None]
    ) -> None:
        self.id = secrets.token_urlsafe(12)  # 16 letters
        self.codec: Codec | None = None  # None: the viewer wants no picture
        self.estimate: int | None = None  # bits per second that the connection carries, as the viewer reports
        self._options, self._callbacks, self._ended, self._key = options, callbacks, ended, key
        self._tracks: dict[str, OutgoingTrack] = {}
        self._channel: RTCDataChannel | None = None
        self._messages, self._tell = TokenBucket(*MESSAGES), TokenBucket(1.0, 1.0)
        self._dropped = 0  # messages
        self._tasks: list[asyncio.Future[None]] = []
        self._ending: asyncio.Future[None] | None = None
        self._limit: asyncio.TimerHandle | None = None  # ends a viewer that does not connect
        self._waiting = True  # for a key frame, with which picture and sound start
        self._over = False
        self.rebased = 0  # how often picture and sound jumped because the viewer was slow
        self.gone = asyncio.Event()  # set when the connection is over, for whatever reason
        self._connection = RTCPeerConnection(_configuration(options, self.id))
        self._connection.on("connectionstatechange", self._on_state)
        self._connection.on("track", self._on_track)
        self._connection.on("datachannel", self._on_channel)

    @property
    def connected(self) -> bool:
        """Whether media flows."""
        return self._connection.connectionState == "connected" and not self._over

    async def answer(self, offer: str) -> str:
        """The SDP that answers an offer, with all candidates.

        Raises:
            InputError: the SDP is no offer, or supports none of our codecs.
        """
        kinds = check_offer(offer)
        try:
            _check_bundle(SessionDescription.parse(offer))
            self._add_tracks(kinds)
            await self._connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
            await self._connection.setLocalDescription(await self._connection.createAnswer())
        except SDP_FAULTS as reason:
            await self.close()
            raise InputError(f"The offer cannot be answered ({str(reason)[:200]}): {WHAT_TO_SEND}.") from reason
        answer = str(self._connection.localDescription.sdp)
        self._settle_codec(answer)
        self._limit = asyncio.get_running_loop().call_later(self._options.connect_seconds, self._give_up)
        return with_public_address(answer, self._options.public_address)

    def _add_tracks(self, kinds: frozenset[str]) -> None:
        for kind in sorted(kinds & {"audio", "video"}):
            self._tracks[kind] = OutgoingTrack(kind)
            receives = kind == "audio" and self._callbacks.sound is not None
            transceiver = self._connection.addTransceiver(self._tracks[kind], "sendrecv" if receives else "sendonly")
            transceiver.setCodecPreferences(_preferred(kind, self._options.codec))
            if kind == "video":
                self._watch_reports(transceiver.sender)

    def _settle_codec(self, answer: str) -> None:
        for media in SessionDescription.parse(answer).media:
            if media.kind == "video" and media.rtp.codecs:
                self.codec = "h264" if media.rtp.codecs[0].name == "H264" else "vp8"

    def _watch_reports(self, sender: RTCRtpSender) -> None:
        """Notice requests for key frames and bandwidth estimates, which aiortc hands to its own encoders only."""
        handle = sender._handle_rtcp_packet

        async def handle_and_notice(packet: Any) -> None:
            if isinstance(packet, RtcpPsfbPacket) and packet.fmt in (RTCP_PSFB_PLI, RTCP_PSFB_FIR):
                self._key()
            elif isinstance(packet, RtcpPsfbPacket) and packet.fmt == RTCP_PSFB_APP:
                self._note_estimate(packet.fci)
            await handle(packet)

        sender._handle_rtcp_packet = handle_and_notice  # type: ignore[method-assign]

    def _note_estimate(self, report: bytes) -> None:
        try:
            self.estimate = unpack_remb_fci(report)[0]
        except ValueError:
            return

    def put(self, frame: EncodedFrame, now: float) -> None:
        """Send one frame. Picture and sound start together with a key frame, and so they do after an overflow."""
        if not self.connected:
            return
        picture = frame.pictures.get(self.codec) if self.codec else None
        if any(track.full for track in self._tracks.values()):
            for track in self._tracks.values():
                track.clear()
            self._waiting, self.rebased = True, self.rebased + 1
        if self._waiting and self.codec and not (picture and picture.key):
            self._key()
            return
        self._waiting = False
        if picture and "video" in self._tracks:
            self._tracks["video"].put(picture.data, frame.picture_start, now + OPUS_DELAY)
        for packet in frame.sound if "audio" in self._tracks else ():
            self._tracks["audio"].put(packet.data, packet.start, now + (packet.start - frame.sound_start) / 48_000)

    def send_event(self, event: Mapping[str, Any]) -> None:
        """Send a JSON object on the data channel, if there is one and the viewer reads it."""
        channel = self._channel
        if channel is not None and channel.readyState == "open" and channel.bufferedAmount < MOST_UNSENT:
            channel.send(json.dumps(event))

    async def close(self) -> None:
        """Close the connection; a second call does nothing."""
        if self._over:
            return
        self._over = True
        if self._limit is not None:
            self._limit.cancel()
        for track in self._tracks.values():
            track.stop()
        for task in self._tasks:
            task.cancel()
        try:
            await self._connection.close()
        finally:
            self._ended()
            self.gone.set()

    def _on_state(self) -> None:
        state = self._connection.connectionState
        if state == "connected":
            self._key()
        elif state in ("failed", "closed"):
            self._end_soon()

    def _give_up(self) -> None:
        if not self.connected:
            self._end_soon()

    def _on_track(self, track: MediaStreamTrack) -> None:
        self._tasks.append(asyncio.ensure_future(read_track(track, self._sound if track.kind == "audio" else None)))

    def _sound(self, samples: Samples, rate: int) -> None:
        if self._callbacks.sound is None:
            return
        try:
            self._callbacks.sound(samples, rate)
        except LipsmithError as reason:
            self.send_event({"type": "error", "detail": str(reason)})

    def _on_channel(self, channel: RTCDataChannel) -> None:
        if self._channel is not None:
            channel.close()
            return
        self._channel = channel
        channel.on("message", self._on_message)

    def _on_message(self, message: str | bytes) -> None:
        if not self._messages.take():
            self._drop_message()
            return
        try:
            value = json.loads(message) if len(message) <= MOST_MESSAGE else None
        except ValueError:
            value = None
        if not isinstance(value, dict):
            self.send_event({"type": "error", "detail": f"Send a JSON object of at most {MOST_MESSAGE} bytes."})
            return
        try:
            if self._callbacks.message is not None:
                self._callbacks.message(value)
        except LipsmithError as reason:
            self.send_event({"type": "error", "detail": str(reason)})

    def _drop_message(self) -> None:
        """Tell once a second that messages are dropped; many of them end the connection."""
        if self._tell.take():
            text = f"more than {MESSAGES[0]:g} messages a second came; some are dropped."
            self.send_event({"type": "error", "error": "TooManyMessages", "detail": text})
        self._dropped += 1
        if self._dropped == DROPPED:
            self._end_soon()

    def _end_soon(self) -> None:
        if self._ending is None and not self._over:
            self._ending = asyncio.ensure_future(self.close())


def _check_bundle(offer: SessionDescription) -> None:
    """Raise ValueError unless all media share one connection: aiortc cannot even close a second one."""
    mids = [media.rtp.muxId for media in offer.media]
    bundles = [group.items for group in offer.group if group.semantic == "BUNDLE"]
    if not all(mids) or len(set(mids)) < len(mids) or bundles != [mids]:
        raise ValueError("its media do not share one connection, a BUNDLE")


def _configuration(options: RtcOptions, session: str) -> RTCConfiguration:
    """The configuration with our ICE servers; never aiortc's default server, which is somebody else's."""
    servers = [RTCIceServer(**server) for server in ice_servers(options, session, time.time())]
    policy = RTCIceTransportPolicy.RELAY if options.relay_only else RTCIceTransportPolicy.ALL
    return RTCConfiguration(servers, policy, RTCBundlePolicy.MAX_BUNDLE)


def _preferred(kind: str, codec: str) -> list[Any]:
    """The codecs of ``kind`` in order of preference: Opus alone for sound; for pictures ``codec`` first."""
    known = RTCRtpSender.getCapabilities(kind).codecs
    if kind == "audio":
        return [one for one in known if one.name == "opus"]
    retransmission = [one for one in known if one.name == "rtx"]
    pictures = [one for one in known if one.name in ("VP8", "H264")]
    return sorted(pictures, key=lambda one: one.name.lower() != codec) + retransmission


__all__ = ["Viewer", "ViewerCallbacks"]
