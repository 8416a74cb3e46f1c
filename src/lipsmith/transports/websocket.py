"""A session over one WebSocket: pictures and sound out, sound and commands in, at the client's pace."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import InputError, LipsmithError
from ..realtime.token_bucket import TokenBucket
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
"""Seconds after which a client that does not read is disconnected."""
HELLO_SECONDS = 10.0
"""How long a client may take to say hello."""
FAULTS = 8
"""Malformed messages after which a client is disconnected."""
IN_FLIGHT = 2
"""Encoded frames that wait for the event loop."""
PENDING = 250
"""Messages that may wait to be sent: the sound of 10 s at 25 fps."""
MESSAGES, COMMANDS = (500.0, 6000.0), (60.0, 120.0)
"""How many messages, and how many commands other than acks among them, are handled: a second, and after a pause at
once. 6000 messages are the sound of a minute in pieces of 10 ms."""
DROPPED = 500
"""Messages beyond that after which a client is disconnected; until then they are dropped."""
SLICE = 0.005
"""Most seconds for which messages are handled before anything else has its turn."""
CLOSE_DONE, CLOSE_MALFORMED, CLOSE_SLOW, CLOSE_FLOOD = 1000, 1008, 1013, 4429
DONE = (CLOSE_DONE, "the session is over")


class Speaker(Protocol):
    """What a client's sound and commands go to; called in the event loop. ``realtime.host.LiveSession`` is one."""

    def say(self, samples: Samples, rate: int | None = None) -> object: ...

    def end(self) -> None: ...

    def interrupt(self) -> object: ...


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to be sent."""

    message: str | bytes
    picture: bool = False  # whether it takes a place of the window


class WebSocketSink:
    """Serves a session to one client. ``run`` is the body of the endpoint; any thread may use it as a sink.

    A client acknowledges what it has shown. A client that does not gets no more pictures, and after ten seconds of
    sound the connection is closed with 1013. One that sends too many messages loses them, then the connection (4429).

    Args:
        end: asked at the end of the session for the code and the reason with which the connection is closed.
    """

    def __init__(
        self,
        socket: WebSocket,
        speaker: Speaker,
        info: FilmInfo,
        bit_rate: int = BIT_RATE,
        end: Callable[[], tuple[int, str]] = lambda: DONE,
    ) -> None:
        self._socket, self._speaker, self._info, self._bit_rate = socket, speaker, info, bit_rate
        self._end_of_session = end
        self._loop = asyncio.get_running_loop()
        self._hello: Hello | None = None
        self._window: Window | None = None
        self._thread = FrameThread("lipsmith-websocket", self._encode, FrameQueue(ticks=25))
        self._encoder: VideoEncoder | None = None
        self._key = True  # the next encoded picture must be a key frame
        self._queue: deque[Outgoing] = deque()
        self._news = asyncio.Event()
        self._reason: tuple[int, str] | None = None  # code and reason of the end
        self._ending = asyncio.Event()
        self.over = False  # whether the connection has ended
        self._in_flight = threading.Semaphore(IN_FLIGHT)
        self._faults = 0
        self._messages, self._commands = TokenBucket(*MESSAGES), TokenBucket(*COMMANDS)
        self._tell = TokenBucket(1.0, 1.0)  # how often it is told that messages were dropped
        self._dropped = 0

    # the Sink protocol

    def open(self, info: FilmInfo) -> None:
        """Start the encoder's thread."""
        self._thread.open(info)

    def write(self, frame: AVFrame) -> None:
        """Queue a frame; never waits. Before the client has said hello frames are dropped."""
        if self._window is not None and not self.over:
            self._thread.write(frame)

    def close(self) -> None:
        """Send what waits, and close the connection."""
        try:
            self._thread.close()
        finally:
            self._encoder = None  # now, not when garbage is collected: it holds megabytes outside Python
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._end, *self._end_of_session())

    @property
    def skipped(self) -> int:
        """Pictures that were not sent, because the client or the encoder was late."""
        return self._thread.queue.dropped + (self._window.skipped if self._window else 0)

    def send_event(self, event: Mapping[str, Any]) -> None:
        """Send a JSON object. Call it in the event loop."""
        self._put(Outgoing(json.dumps(event)))

    # encoding, in the thread

    def _encode(self, frame: QueuedFrame) -> None:
        hello, window = self._hello, self._window
        if hello is None or window is None:
            return
        time = sample_at(frame.index, self._info.fps, self._info.rate)
        messages = [Outgoing(websocket_frames.sound_out(frame.samples, time).pack())]
        if frame.image is not None and window.may_send_picture():
            messages.append(Outgoing(self._picture(frame, hello, time).pack(), picture=True))
        elif frame.image is not None:
            self._key = True
        while not self._in_flight.acquire(timeout=0.1):
            if self._thread.closing:
                return
        self._loop.call_soon_threadsafe(self._deliver, messages, time, len(frame.samples))

    def _picture(self, frame: QueuedFrame, hello: Hello, time: int) -> Frame:
        assert frame.image is not None
        if hello.picture == "jpeg":
            return Frame(FrameKind.JPEG, time, to_jpeg(frame.image, hello.quality), KEY)
        self._encoder = self._encoder or VideoEncoder("h264", self._info.fps, self._bit_rate)
        encoded = self._encoder.encode(frame.image, self._key)
        self._key = False
        return Frame(FrameKind.H264, time, encoded.data, KEY if encoded.key else 0)

    # sending, in the event loop

    def _deliver(self, messages: list[Outgoing], time: int, samples: int) -> None:
        self._in_flight.release()
        if self._window is None or self.over:
            return
        self._window.sent_sound(time, samples)
        for one in messages:
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
        if code in (CLOSE_MALFORMED, CLOSE_SLOW, CLOSE_FLOOD):
            self._queue.clear()
        self._news.set()
        self._ending.set()

    async def run(self) -> None:
        """Serve an accepted socket until either side ends it."""
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
            await self._close_socket()

    async def _close_socket(self) -> None:
        code, reason = self._reason or (CLOSE_DONE, "")
        from starlette.websockets import WebSocketDisconnect

        with contextlib.suppress(
            WebSocketDisconnect, RuntimeError, TimeoutError, OSError
        ):  # it is closed already, or nobody reads any more
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

    # reading, in the event loop

    async def _read(self) -> None:
        began = self._loop.time()
        while self._reason is None:
            if self._loop.time() - began > SLICE:
                await asyncio.sleep(0)
                began = self._loop.time()
            seconds = HELLO_SECONDS if self._hello is None else None
            try:
                message = await asyncio.wait_for(self._socket.receive(), seconds)
            except TimeoutError:
                self._end(CLOSE_MALFORMED, "no hello came")
                return
            if message["type"] == "websocket.disconnect":
                return
            try:
                if self._messages.take() or self._drop(MESSAGES, "messages"):
                    self._handle(message)
            except LipsmithError as reason:
                self._refuse(reason)

    def _drop(self, most: tuple[float, float], what: str) -> bool:
        """Count a message that is not handled, and tell of it once a second. Many of them end the connection."""
        text = f"more than {most[0]:g} {what} a second came"
        if self._tell.take():
            self.send_event({"type": "error", "error": "TooManyMessages", "detail": f"{text}; some are dropped."})
        self._dropped += 1
        if self._dropped >= DROPPED:
            self._end(CLOSE_FLOOD, text)
        return False

    def _refuse(self, reason: LipsmithError) -> None:
        kind = type(reason).__name__
        self.send_event({"type": "error", "error": kind, "detail": str(reason)})
        self._faults += isinstance(reason, InputError)
        if self._faults >= FAULTS:
            self._end(CLOSE_MALFORMED, f"{FAULTS} messages could not be understood")

    def _handle(self, message: Mapping[str, Any]) -> None:
        data = message.get("bytes")
        if data is None:
            command = websocket_frames.read_command(message.get("text") or "")
            if command["type"] == "ack" or self._commands.take() or self._drop(COMMANDS, "commands"):
                self._handle_command(command)
            return
        samples, last = websocket_frames.sound_in(websocket_frames.unpack(data))
        if self._hello is None:
            raise InputError('Sound came first; begin with {"type": "hello"}.')
        if len(samples):
            self._speaker.say(samples, self._hello.rate)
        if last:
            self._speaker.end()

    def _handle_command(self, command: dict[str, Any]) -> None:
        if self._hello is None:
            self._accept_hello(websocket_frames.read_hello(command))
        elif command["type"] == "ack" and self._window:
            self._window.ack(websocket_frames.read_ack(command))
        elif command["type"] == "end":
            self._speaker.end()
        elif command["type"] == "interrupt":
            self._speaker.interrupt()
        else:
            raise InputError(f"'{command['type']}' cannot come here: sound is sent as binary frames of kind 1.")

    def _accept_hello(self, hello: Hello) -> None:
        self._hello = hello
        self.send_event(
            {
                "type": "ready", "width": self._info.size[0], "height": self._info.size[1], "rate": self._info.rate,
                "fps": float(self._info.fps), "picture": hello.picture, "window": hello.window,
            }
        )  # fmt: skip
        self._window = Window(hello.window, self._info.rate, PATIENCE)


__all__ = ["Speaker", "WebSocketSink"]
