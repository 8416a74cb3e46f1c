"""A session over one WebSocket: pictures and sound out, sound and words in, at the client's pace. Wants starlette."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import InputError, LipsmithError
from ..timing import sample_at
from . import websocket_frames
from .encoding import VideoEncoder, to_jpeg
from .frame_queue import FrameQueue, FrameThread, QueuedFrame
from .websocket_frames import KEY, Frame, FrameKind, Hello, Window

if TYPE_CHECKING:
    from starlette.websockets import WebSocket

    from ..types import AVFrame, FilmInfo, Samples

BIT_RATE = 1_500_000
PATIENCE = 10.0
"""Seconds in which a client that stops reading is waited for."""
HELLO_SECONDS = 10.0
FAULTS = 8
"""Malformed messages after which a client is hung up on."""
FLYING = 2
"""Coded frames on their way into the loop."""
PENDING = 250
"""Messages that wait to be sent: the sound of 10 s at 25 fps."""
CLOSE_DONE, CLOSE_UNDERSTOOD_NOT, CLOSE_SLOW = 1000, 1008, 1013


class Speaker(Protocol):
    """What a client speaks through; called in the loop. ``realtime.live.LiveSession`` is one."""

    def say(self, samples: Samples, rate: int | None = None) -> object: ...

    def end(self) -> None: ...

    def interrupt(self) -> object: ...


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message on its way, and what of the window it takes."""

    message: str | bytes
    picture: bool = False


class WebSocketSink:
    """See the module. ``run`` is the endpoint's body; ``open``, ``write`` and ``close`` are for any thread.

    A client acknowledges what it has shown. Whoever does not loses pictures first; sound waits for ten seconds, then
    the connection is closed with 1013.
    """

    def __init__(self, socket: WebSocket, speaker: Speaker, info: FilmInfo, bit_rate: int = BIT_RATE) -> None:
        self._socket, self._speaker, self._info, self._bit_rate = socket, speaker, info, bit_rate
        self._loop = asyncio.get_running_loop()
        self._hello: Hello | None = None
        self._window: Window | None = None
        self._thread = FrameThread("lipsmith-websocket", self._encode, FrameQueue(ticks=25))
        self._coder: VideoEncoder | None = None
        self._key = True  # the next coded picture must be whole
        self._queue: deque[Outgoing] = deque()
        self._news = asyncio.Event()
        self._reason: tuple[int, str] | None = None  # why it ends
        self._ending = asyncio.Event()
        self.over = False  # whether the connection has ended
        self._flying = threading.Semaphore(FLYING)
        self._faults = 0

    # what a sink does

    def open(self, info: FilmInfo) -> None:
        """Begin."""
        self._thread.open(info)

    def write(self, frame: AVFrame) -> None:
        """Queue a frame for coding; never waits. Before the client has said hello nothing is kept."""
        if self._window is not None and not self.over:
            self._thread.write(frame)

    def close(self) -> None:
        """Send what waits, and hang up."""
        try:
            self._thread.close()
        finally:
            self._coder = None  # which holds megabytes outside Python, before garbage is collected
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._end, CLOSE_DONE, "the session is over")

    @property
    def skipped(self) -> int:
        """Pictures that were not sent, because the client or the coder was late."""
        return self._thread.queue.dropped + (self._window.skipped if self._window else 0)

    def tell(self, event: Mapping[str, Any]) -> None:
        """Send a JSON object; for the loop."""
        self._put(Outgoing(json.dumps(event)))

    # coding, in the thread

    def _encode(self, beat: QueuedFrame) -> None:
        hello, window = self._hello, self._window
        if hello is None or window is None:
            return
        time = sample_at(beat.index, self._info.fps, self._info.rate)
        made = [Outgoing(websocket_frames.sound_out(beat.samples, time).pack())]
        if beat.image is not None and window.may_send_picture():
            made.append(Outgoing(self._picture(beat, hello, time).pack(), picture=True))
        elif beat.image is not None:
            self._key = True
        while not self._flying.acquire(timeout=0.1):
            if self._thread.closing:
                return
        self._loop.call_soon_threadsafe(self._deliver, made, time, len(beat.samples))

    def _picture(self, beat: QueuedFrame, hello: Hello, time: int) -> Frame:
        assert beat.image is not None
        if hello.picture == "jpeg":
            return Frame(FrameKind.JPEG, time, to_jpeg(beat.image, hello.quality), KEY)
        self._coder = self._coder or VideoEncoder("h264", self._info.fps, self._bit_rate)
        coded = self._coder.encode(beat.image, self._key)
        self._key = False
        return Frame(FrameKind.H264, time, coded.data, KEY if coded.key else 0)

    # sending, in the loop

    def _deliver(self, made: list[Outgoing], time: int, samples: int) -> None:
        self._flying.release()
        if self._window is None or self.over:
            return
        self._window.sent_sound(time, samples)
        for one in made:
            if one.picture:
                self._window.sent_picture(time)
            self._put(one)
        if self._window.gone:
            self._end(CLOSE_SLOW, f"nothing was acknowledged for {PATIENCE:g} s")

    def _put(self, message: Outgoing) -> None:
        if len(self._queue) >= PENDING:
            self._end(CLOSE_SLOW, f"nothing was read for {PATIENCE:g} s")
        if self._reason is None:
            self._queue.append(message)
        self._news.set()

    def _end(self, code: int, reason: str) -> None:
        self._reason = self._reason or (code, reason)
        if code != CLOSE_DONE:
            self._queue.clear()
        self._news.set()
        self._ending.set()

    async def run(self) -> None:
        """Serve an accepted socket until either side ends; returns when it is closed."""
        reading = asyncio.ensure_future(self._read())
        sending = asyncio.ensure_future(self._send())
        ending = asyncio.ensure_future(self._ending.wait())
        try:
            await asyncio.wait({reading, sending, ending}, return_when=asyncio.FIRST_COMPLETED)
            if ending.done() and not reading.done():
                await asyncio.wait({sending}, timeout=1.0)
        finally:
            for task in (reading, sending, ending):
                task.cancel()
            await asyncio.gather(reading, sending, ending, return_exceptions=True)
            self.over = True
            await self._hang_up()

    async def _hang_up(self) -> None:
        code, reason = self._reason or (CLOSE_DONE, "")
        from starlette.websockets import WebSocketDisconnect

        with contextlib.suppress(
            WebSocketDisconnect, RuntimeError, TimeoutError, OSError
        ):  # it is closed, or does not read any more
            await asyncio.wait_for(self._socket.close(code, reason), 1.0)

    async def _send(self) -> None:
        while True:
            while self._queue:
                message = self._queue.popleft().message
                if isinstance(message, str):
                    await self._socket.send_text(message)
                else:
                    await self._socket.send_bytes(message)
            if self._reason is not None:
                return
            self._news.clear()
            await self._news.wait()

    # reading, in the loop

    async def _read(self) -> None:
        while self._reason is None:
            seconds = HELLO_SECONDS if self._hello is None else None
            try:
                message = await asyncio.wait_for(self._socket.receive(), seconds)
            except TimeoutError:
                self._end(CLOSE_UNDERSTOOD_NOT, "no hello came")
                return
            if message["type"] == "websocket.disconnect":
                return
            try:
                self._take(message)
            except LipsmithError as reason:
                self._refuse(reason)

    def _refuse(self, reason: LipsmithError) -> None:
        kind = type(reason).__name__
        self.tell({"type": "error", "error": kind, "detail": str(reason)})
        self._faults += isinstance(reason, InputError)
        if self._faults >= FAULTS:
            self._end(CLOSE_UNDERSTOOD_NOT, f"{FAULTS} messages could not be understood")

    def _take(self, message: Mapping[str, Any]) -> None:
        data = message.get("bytes")
        if data is None:
            self._take_word(websocket_frames.read_word(message.get("text") or ""))
            return
        samples, last = websocket_frames.sound_in(websocket_frames.unpack(data))
        if self._hello is None:
            raise InputError('Sound came first; begin with {"type": "hello"}.')
        if len(samples):
            self._speaker.say(samples, self._hello.rate)
        if last:
            self._speaker.end()

    def _take_word(self, said: dict[str, Any]) -> None:
        if self._hello is None:
            self._greet(websocket_frames.read_hello(said))
        elif said["type"] == "ack" and self._window:
            self._window.ack(websocket_frames.read_ack(said))
        elif said["type"] == "end":
            self._speaker.end()
        elif said["type"] == "interrupt":
            self._speaker.interrupt()
        else:
            raise InputError(f"'{said['type']}' has no place here: sound is spoken by binary frames of kind 1.")

    def _greet(self, hello: Hello) -> None:
        self._hello = hello
        self.tell(
            {
                "type": "ready", "width": self._info.size[0], "height": self._info.size[1], "rate": self._info.rate,
                "fps": float(self._info.fps), "picture": hello.picture, "window": hello.window,
            }
        )  # fmt: skip
        self._window = Window(hello.window, self._info.rate, PATIENCE)


__all__ = ["Speaker", "WebSocketSink"]
