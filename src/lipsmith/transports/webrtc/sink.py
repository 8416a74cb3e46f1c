"""A session for browsers over WebRTC: coded once for each codec, sent to every viewer. Wants aiortc."""

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

FLYING = 3
"""Coded frames on their way into the loop: while it is busy, frames wait where they can be dropped."""
KEY_GAP = 0.5
"""Seconds between two whole pictures, however often viewers ask: they are ten times as large."""
LEAST_BITS = 150_000
"""Bits a second below which no picture is worth sending."""
RESTART = 1.3
"""How much more or less the slowest line must carry before the coder begins anew for it."""
RESTART_SECONDS = 3.0


class WebRtcSink:
    """See the module. Make it in a running loop; ``open``, ``write`` and ``close`` are for any thread.

    Pictures and sound are coded in a thread of their own, and only while somebody watches.
    """

    def __init__(self, options: RtcOptions | None = None) -> None:
        self.options = options or RtcOptions()
        self._loop = asyncio.get_running_loop()
        if parse_ports(self.options.ports) and not isinstance(self._loop, PortRangeLoop):
            raise OptionError(f"ports {self.options.ports} want an event loop made by transports.ports.loop_within.")
        self._viewers: dict[str, Viewer] = {}
        self._thread = FrameThread("lipsmith-webrtc", self._encode)
        self._flying = threading.Semaphore(FLYING)
        self._info: FilmInfo | None = None
        self._sound: AudioEncoder | None = None
        self._coders: dict[Codec, VideoEncoder] = {}
        self._begun: dict[Codec, float] = {}  # codec -> when its coder began
        self._keyed: dict[Codec, float] = {}  # codec -> when its last whole picture was made
        self._wanted: set[Codec] = set()  # codecs whose next picture must be whole
        self._ending: asyncio.Future[None] | None = None

    # what a sink does

    def open(self, info: FilmInfo) -> None:
        """Begin."""
        self._info = info
        self._thread.open(info)

    def write(self, frame: AVFrame) -> None:
        """Queue a frame for coding; never waits."""
        self._thread.write(frame)

    def close(self) -> None:
        """Stop, and hang up on everybody."""
        try:
            self._thread.close()
        finally:
            self._forget_coders()
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._end_soon)

    async def hang_up(self, viewer: str | None = None) -> None:
        """End one viewer's connection, or all; of one that is not there nothing happens."""
        found = [one for one in list(self._viewers.values()) if viewer in (None, one.id)]
        await asyncio.gather(*(one.close() for one in found))

    def _end_soon(self) -> None:
        self._ending = asyncio.ensure_future(self.hang_up())

    # viewers

    @property
    def viewers(self) -> tuple[Viewer, ...]:
        return tuple(self._viewers.values())

    @property
    def dropped(self) -> int:
        """Pictures that were too late to be coded."""
        return self._thread.queue.dropped

    @property
    def rebased(self) -> int:
        """Times that picture and sound jumped together because coding was late."""
        return self._thread.queue.rebased

    async def answer(self, offer: str, ears: ViewerCallbacks | None = None) -> tuple[Viewer, str]:
        """A new viewer, and the SDP that answers its offer.

        Raises:
            InputError: the offer is none, or asks for what we have not.
            Busy: as many watch as may.
        """
        if len(self._viewers) >= self.options.viewers or self._thread.closing:
            raise Busy(f"{len(self._viewers)} viewers watch this session, as many as may; close one of them first.")
        viewer = Viewer(
            self.options, ears or ViewerCallbacks(), lambda: self._forget(viewer), lambda: self._want_key(viewer)
        )
        self._viewers[viewer.id] = viewer
        try:
            return viewer, await viewer.answer(offer)
        except BaseException:
            await viewer.close()
            raise

    def tell(self, event: Mapping[str, Any]) -> None:
        """Send an event to every viewer with a data channel; for the loop."""
        for viewer in self.viewers:
            viewer.tell(event)

    def _forget(self, viewer: Viewer) -> None:
        self._viewers.pop(viewer.id, None)

    def _want_key(self, viewer: Viewer) -> None:
        if viewer.codec:
            self._wanted.add(viewer.codec)

    # coding, in the thread

    def _encode(self, beat: QueuedFrame) -> None:
        assert self._info is not None
        watching = [viewer for viewer in self.viewers if viewer.connected]
        if not watching:
            self._forget_coders()
            return
        self._sound = self._sound or AudioEncoder(self._info)
        pictures: dict[Codec, EncodedPicture] = {}
        for codec in {viewer.codec for viewer in watching if viewer.codec}:
            if beat.image is not None:
                pictures[codec] = self._coder(codec, watching).encode(beat.image, self._take_wish(codec))
        starts = [sample_at(beat.index, self._info.fps, clock) for clock in (PICTURE_CLOCK, SOUND_CLOCK)]
        parcel = EncodedFrame(starts[0], starts[1], pictures, self._sound.encode(beat.index, beat.samples))
        while not self._flying.acquire(timeout=0.1):
            if self._thread.closing:
                return
        self._loop.call_soon_threadsafe(self._deliver, parcel)

    def _forget_coders(self) -> None:
        """Now, and not when garbage is collected: they hold threads and megabytes outside Python."""
        self._coders.clear()
        self._sound = None

    def _coder(self, codec: Codec, watching: list[Viewer]) -> VideoEncoder:
        """The codec's coder, a new one where lines have become much slower or faster."""
        assert self._info is not None
        told = [viewer.estimate for viewer in watching if viewer.codec == codec and viewer.estimate]
        goal = max(LEAST_BITS, min([self.options.bit_rate, *told]))
        coder, now = self._coders.get(codec), self._loop.time()
        if coder and (now - self._begun[codec] < RESTART_SECONDS or 1 / RESTART < goal / coder.bit_rate < RESTART):
            return coder
        self._coders[codec], self._begun[codec] = VideoEncoder(codec, self._info.fps, goal), now
        return self._coders[codec]

    def _take_wish(self, codec: Codec) -> bool:
        now = self._loop.time()
        if codec not in self._wanted or now - self._keyed.get(codec, -KEY_GAP) < KEY_GAP:
            return False
        self._wanted.discard(codec)
        self._keyed[codec] = now
        return True

    def _deliver(self, parcel: EncodedFrame) -> None:
        self._flying.release()
        now = self._loop.time()
        for viewer in self.viewers:
            viewer.put(parcel, now)


__all__ = ["RtcOptions", "Viewer", "ViewerCallbacks", "WebRtcSink"]
