"""A session sent to browsers over WebRTC: encoded once for each codec, for all viewers. Needs aiortc."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...errors import Busy, OptionError
from ...timing import sample_at
from ..encoding import AudioEncoder, EncodedPicture, VideoEncoder
from ..frame_queue import FrameThread, QueuedFrame
from .options import RtcOptions, parse_ports
from .ports import PortRangeLoop
from .tracks import PICTURE_CLOCK, SOUND_CLOCK, EncodedFrame
from .viewer import Viewer, ViewerCallbacks

if TYPE_CHECKING:
    from ...types import AVFrame, FilmInfo
    from ..encoding import Codec

IN_FLIGHT = 3
"""Encoded frames that wait for the event loop; further frames wait in the queue, where they can be dropped."""
KEY_GAP = 0.5
"""Seconds between two key frames, however often viewers ask: they are ten times as large."""
LEAST_BITS = 150_000
"""Lowest bit rate of the picture, in bits per second."""
RESTART = 1.3
"""Factor by which the bit rate of the slowest viewer must change before the encoder is restarted."""
RESTART_SECONDS = 3.0
"""Shortest time between two restarts of an encoder."""


class WebRtcSink:
    """Sends a session to its viewers. Create it in a running event loop; any thread may use it as a sink.

    Pictures and sound are encoded in a thread of their own, and only while somebody watches.
    """

    def __init__(self, options: RtcOptions | None = None) -> None:
        self.options = options or RtcOptions()
        self._loop = asyncio.get_running_loop()
        if parse_ports(self.options.ports) and not isinstance(self._loop, PortRangeLoop):
            raise OptionError(
                f"ports {self.options.ports} need an event loop made by transports.webrtc.ports.loop_within."
            )
        self._viewers: dict[str, Viewer] = {}
        self._thread = FrameThread("lipsmith-webrtc", self._encode)
        self._in_flight = threading.Semaphore(IN_FLIGHT)
        self._info: FilmInfo | None = None
        self._sound: AudioEncoder | None = None
        self._encoders: dict[Codec, VideoEncoder] = {}
        self._started: dict[Codec, float] = {}  # codec -> when its encoder was started
        self._key_times: dict[Codec, float] = {}  # codec -> when its last key frame was made
        self._keys_wanted: set[Codec] = set()  # codecs whose next picture must be a key frame
        self._ending: asyncio.Future[None] | None = None

    # the Sink protocol

    def open(self, info: FilmInfo) -> None:
        """Start the encoder's thread."""
        self._info = info
        self._thread.open(info)

    def write(self, frame: AVFrame) -> None:
        """Queue a frame; never waits."""
        self._thread.write(frame)

    def close(self) -> None:
        """Stop, and close all connections."""
        try:
            self._thread.close()
        finally:
            self._drop_encoders()
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._end_soon)

    async def hang_up(self, viewer: str | None = None) -> None:
        """Close one viewer's connection, or all; an unknown viewer is ignored."""
        found = [one for one in list(self._viewers.values()) if viewer in (None, one.id)]
        await asyncio.gather(*(one.close() for one in found))

    def _end_soon(self) -> None:
        self._ending = asyncio.ensure_future(self.hang_up())

    # viewers

    @property
    def viewers(self) -> tuple[Viewer, ...]:
        """Everybody who watches or connects."""
        return tuple(self._viewers.values())

    @property
    def dropped(self) -> int:
        """Pictures that were dropped because encoding was late."""
        return self._thread.queue.dropped

    @property
    def rebased(self) -> int:
        """How often picture and sound jumped together because encoding was late."""
        return self._thread.queue.rebased

    async def answer(self, offer: str, callbacks: ViewerCallbacks | None = None) -> tuple[Viewer, str]:
        """Add a viewer; returns it and the SDP that answers its offer.

        Raises:
            InputError: the SDP is no offer, or asks for something that is not supported.
            Busy: the session has as many viewers as it may have.
        """
        if len(self._viewers) >= self.options.viewers or self._thread.closing:
            raise Busy("As many viewers watch this session as may: end one of their connections first.")
        viewer = Viewer(
            self.options, callbacks or ViewerCallbacks(), lambda: self._forget(viewer), lambda: self._want_key(viewer)
        )
        self._viewers[viewer.id] = viewer
        try:
            return viewer, await viewer.answer(offer)
        except BaseException:
            await viewer.close()
            raise

    def send_event(self, event: Mapping[str, Any]) -> None:
        """Send an event to every viewer with a data channel. Call it in the event loop."""
        for viewer in self.viewers:
            viewer.send_event(event)

    def _forget(self, viewer: Viewer) -> None:
        self._viewers.pop(viewer.id, None)

    def _want_key(self, viewer: Viewer) -> None:
        if viewer.codec:
            self._keys_wanted.add(viewer.codec)

    # encoding, in the thread

    def _encode(self, frame: QueuedFrame) -> None:
        assert self._info is not None
        watching = [viewer for viewer in self.viewers if viewer.connected]
        if not watching:
            self._drop_encoders()
            return
        self._sound = self._sound or AudioEncoder(self._info)
        pictures: dict[Codec, EncodedPicture] = {}
        for codec in {viewer.codec for viewer in watching if viewer.codec}:
            if frame.image is not None:
                pictures[codec] = self._encoder(codec, watching).encode(frame.image, self._take_key_request(codec))
        starts = [sample_at(frame.index, self._info.fps, clock) for clock in (PICTURE_CLOCK, SOUND_CLOCK)]
        encoded = EncodedFrame(starts[0], starts[1], pictures, self._sound.encode(frame.index, frame.samples))
        while not self._in_flight.acquire(timeout=0.1):
            if self._thread.closing:
                return
        self._loop.call_soon_threadsafe(self._deliver, encoded)

    def _drop_encoders(self) -> None:
        """Drop them now, not when garbage is collected: they hold threads and megabytes outside Python."""
        self._encoders.clear()
        self._sound = None

    def _encoder(self, codec: Codec, watching: list[Viewer]) -> VideoEncoder:
        """The encoder of a codec; a new one where connections have become much slower or faster."""
        assert self._info is not None
        estimates = [viewer.estimate for viewer in watching if viewer.codec == codec and viewer.estimate]
        goal = max(LEAST_BITS, min([self.options.bit_rate, *estimates]))
        encoder, now = self._encoders.get(codec), self._loop.time()
        if encoder and (
            now - self._started[codec] < RESTART_SECONDS or 1 / RESTART < goal / encoder.bit_rate < RESTART
        ):
            return encoder
        self._encoders[codec], self._started[codec] = VideoEncoder(codec, self._info.fps, goal), now
        return self._encoders[codec]

    def _take_key_request(self, codec: Codec) -> bool:
        now = self._loop.time()
        if codec not in self._keys_wanted or now - self._key_times.get(codec, -KEY_GAP) < KEY_GAP:
            return False
        self._keys_wanted.discard(codec)
        self._key_times[codec] = now
        return True

    def _deliver(self, encoded: EncodedFrame) -> None:
        self._in_flight.release()
        now = self._loop.time()
        for viewer in self.viewers:
            viewer.put(encoded, now)


__all__ = ["RtcOptions", "Viewer", "ViewerCallbacks", "WebRtcSink"]
