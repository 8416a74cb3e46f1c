"""The WebSocket endpoint with a real server and a real client."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytest.importorskip("websockets")
import uvicorn
import websockets
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from lipsmith.errors import BufferFull
from lipsmith.realtime.token_bucket import TokenBucket
from lipsmith.transports import websocket as subject
from lipsmith.transports.websocket import WebSocketSink
from lipsmith.transports.websocket_frames import END, KEY, Frame, FrameKind, sound_out, unpack
from lipsmith.types import Samples
from tests.support.peers import INFO, play, until


class Listening:
    """A speaker that only notes what it is told."""

    def __init__(self) -> None:
        self.said: list[tuple[Samples, int | None]] = []
        self.words: list[str] = []

    def say(self, samples: Samples, rate: int | None = None) -> None:
        if len(samples) == 3:
            raise BufferFull("full")
        self.said.append((samples, rate))

    def end(self) -> None:
        self.words.append("end")

    def interrupt(self) -> None:
        self.words.append("interrupt")


@asynccontextmanager
async def server(speaker: Listening, sinks: list[WebSocketSink]) -> AsyncIterator[str]:
    async def endpoint(socket: WebSocket) -> None:
        await socket.accept()
        sink = WebSocketSink(socket, speaker, INFO)
        sinks.append(sink)
        sink.open(INFO)
        playing = asyncio.create_task(play(sink))
        try:
            await sink.run()
        finally:
            playing.cancel()
            sink.close()

    app = Starlette(routes=[WebSocketRoute("/ws", endpoint)])
    config = uvicorn.Config(app, port=0, log_level="warning", ws="websockets-sansio", timeout_graceful_shutdown=2)
    running = uvicorn.Server(config)
    task = asyncio.create_task(running.serve())
    await until(lambda: running.started)
    try:
        yield f"ws://127.0.0.1:{running.servers[0].sockets[0].getsockname()[1]}/ws"
    finally:
        running.should_exit = True
        await task


@asynccontextmanager
async def client(url: str, hello: dict[str, Any] | None = None) -> AsyncIterator[Any]:
    async with websockets.connect(url, max_size=None, compression=None, max_queue=4, close_timeout=1) as socket:
        if hello is not None:
            await socket.send(json.dumps({"type": "hello", **hello}))
            assert json.loads(await socket.recv())["type"] == "ready"
        yield socket


async def close_code(socket: Any, heard: list[Any]) -> int:
    """With which code the server hangs up, once all was heard."""
    with contextlib.suppress(websockets.ConnectionClosed):
        while True:
            heard.append(await socket.recv())
    return int(socket.close_code)


def scene_of(body: Any) -> None:
    async def scene() -> None:
        speaker, sinks = Listening(), list[WebSocketSink]()
        async with server(speaker, sinks) as url:
            await body(url, speaker, sinks)

    asyncio.run(scene())


@pytest.mark.parametrize("picture", ["jpeg", "h264"])
def test_pictures_and_their_sound_have_the_same_time(picture: str) -> None:
    import av

    async def body(url: str, speaker: Listening, sinks: list[WebSocketSink]) -> None:
        bright, loud, keys, expected = [], [], 0, None
        decoder: Any = av.CodecContext.create("h264" if picture == "h264" else "mjpeg", "r")
        async with client(url, {"picture": picture}) as socket:
            while len(bright) < 2 or len(loud) < 2:
                frame = unpack(await socket.recv())
                if frame.kind is FrameKind.SOUND_OUT:
                    samples = np.frombuffer(frame.payload, "<i2")
                    assert expected in (None, frame.time)
                    expected = frame.time + len(samples)
                    loud += [frame.time] * int(np.abs(samples).max() > 8000)
                    await socket.send(json.dumps({"type": "ack", "time": frame.time}))
                else:
                    keys += frame.flags == KEY
                    for shown in decoder.decode(av.Packet(frame.payload)):
                        bright += [frame.time] * int(shown.to_ndarray(format="gray").mean() > 120)
        assert keys
        assert all(time % INFO.rate == 0 for time in bright + loud)

    scene_of(body)


def test_sound_words_and_mistakes_come_in() -> None:
    async def body(url: str, speaker: Listening, sinks: list[WebSocketSink]) -> None:
        wave = np.linspace(-0.5, 0.5, 480, dtype=np.float32)
        async with client(url, {"rate": 16_000}) as socket:
            pcm = sound_out(wave, 0).payload
            await socket.send(Frame(FrameKind.SOUND_IN, 0, pcm, END).pack())
            await socket.send('{"type": "interrupt"}')
            await socket.send(b"nonsense")
            await socket.send(Frame(FrameKind.SOUND_IN, 0, b"\0" * 6).pack())
            errors: list[str] = []
            while len(errors) < 2:
                message = await socket.recv()
                if isinstance(message, str):
                    errors.append(json.loads(message)["error"])
            assert errors == ["InputError", "BufferFull"]
        assert speaker.words == ["end", "interrupt"]
        assert speaker.said[0][1] == 16_000
        assert np.abs(speaker.said[0][0] - wave).max() < 1e-4

    scene_of(body)


def test_who_talks_nonsense_is_hung_up_on() -> None:
    async def body(url: str, speaker: Listening, sinks: list[WebSocketSink]) -> None:
        async with client(url) as socket:
            for _ in range(20):
                with contextlib.suppress(websockets.ConnectionClosed):
                    await socket.send("nonsense")
            assert await close_code(socket, []) == 1008

    scene_of(body)


def test_who_floods_is_told_once_and_hung_up_on() -> None:
    async def body(url: str, speaker: Listening, sinks: list[WebSocketSink]) -> None:
        async with client(url, {}) as socket:
            sinks[0]._commands = TokenBucket(1.0, 120.0, lambda: 0.0)  # time stands still: no more are allowed
            with contextlib.suppress(websockets.ConnectionClosed):
                for _ in range(120 + subject.DROPPED):
                    await socket.send('{"type": "interrupt"}')
            assert await close_code(socket, []) == 4429
            assert socket.close_reason == "more than 60 commands a second came"
        assert len(speaker.words) == 120

    scene_of(body)


def test_dropped_messages_are_told_of_once_a_second() -> None:
    """The test holds the clock of the limits: it stands still."""

    async def body(url: str, speaker: Listening, sinks: list[WebSocketSink]) -> None:
        async with client(url, {}) as socket:
            sinks[0]._commands = TokenBucket(1.0, 3.0, lambda: 0.0)
            sinks[0]._tell = TokenBucket(1.0, 1.0, lambda: 0.0)
            for _ in range(10):
                await socket.send('{"type": "interrupt"}')
            await socket.send('{"type": "ack", "time": 0}')
            await socket.send(b"nonsense")
            errors: list[str] = []
            while "InputError" not in errors:
                message = await socket.recv()
                if isinstance(message, str):
                    errors.append(json.loads(message)["error"])
            assert errors == ["TooManyMessages", "InputError"]
            assert speaker.words == ["interrupt"] * 3

    scene_of(body)


def test_the_end_of_the_session_names_its_cause() -> None:
    async def body(url: str, speaker: Listening, sinks: list[WebSocketSink]) -> None:
        async with client(url, {}) as socket:
            sinks[0]._end_of_session = lambda: (4408, "nobody used it")
            await asyncio.to_thread(sinks[0].close)
            assert await close_code(socket, []) == 4408
            assert socket.close_reason == "nobody used it"

    scene_of(body)


def test_who_acknowledges_nothing_loses_pictures_then_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "PATIENCE", 2.0)

    async def body(url: str, speaker: Listening, sinks: list[WebSocketSink]) -> None:
        heard: list[Any] = []
        async with client(url, {"window": 5}) as socket:
            assert await close_code(socket, heard) == 1013
        kinds = [unpack(message).kind for message in heard]
        assert 5 <= kinds.count(FrameKind.JPEG) <= 7
        assert kinds.count(FrameKind.SOUND_OUT) >= 45
        assert sinks[0].skipped > 20

    scene_of(body)


def test_who_stops_reading_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "PATIENCE", 1.0)

    async def body(url: str, speaker: Listening, sinks: list[WebSocketSink]) -> None:
        async with client(url, {}) as socket:
            socket.transport.pause_reading()
            await until(lambda: bool(sinks) and sinks[0].over)
            assert len(sinks[0]._queue) <= subject.PENDING
            socket.transport.abort()

    scene_of(body)


def test_who_stops_reading_for_a_while_hears_all_of_it() -> None:
    async def body(url: str, speaker: Listening, sinks: list[WebSocketSink]) -> None:
        async with client(url) as socket:
            await socket.send('{"type": "hello", "window": 50}')
            assert json.loads(await socket.recv())["type"] == "ready"
            socket.transport.pause_reading()
            await until(lambda: sinks[0]._window._sent > 2 * INFO.rate)  # two seconds of the film
            socket.transport.resume_reading()
            times: list[int] = []
            while len(times) < 75:
                frame = unpack(await socket.recv())
                if frame.kind is FrameKind.SOUND_OUT:
                    times.append(frame.time)
            assert set(np.diff(times)) == {INFO.rate // 25}

    scene_of(body)


def test_who_never_says_hello_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "HELLO_SECONDS", 0.3)

    async def body(url: str, speaker: Listening, sinks: list[WebSocketSink]) -> None:
        async with client(url) as socket:
            assert await close_code(socket, []) == 1008
        assert sinks[0].over

    scene_of(body)


def test_two_clients_keep_to_themselves() -> None:
    async def body(url: str, speaker: Listening, sinks: list[WebSocketSink]) -> None:
        async with client(url, {}) as one, client(url, {}) as other:
            await one.recv()
            await other.recv()
            await one.send(Frame(FrameKind.SOUND_IN, 0, b"\0" * 6).pack())
            while not isinstance(await one.recv(), str):
                pass
            for _ in range(10):
                assert isinstance(await other.recv(), bytes)

    scene_of(body)
