"""A session's pictures and sound leave the server: aiortc and a WebSocket see and hear it, and nobody else's."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("aiortc")
pytest.importorskip("websockets")
import websockets
from PIL import Image, ImageEnhance

from lipsmith.transports.websocket_frames import END, Frame, FrameKind, unpack
from tests.support.live_server import Served, make_avatar, opened, tone, until
from tests.support.peers import until as until_async
from tests.support.rtc_client import RtcClient


@pytest.fixture(scope="module")
def avatar(served: Served, portrait: bytes) -> str:
    return make_avatar(served.alice, portrait, "watched")


@pytest.fixture
def session(served: Served, avatar: str) -> Iterator[dict[str, object]]:
    with opened(served.alice, avatar) as made:
        yield made


@pytest.mark.parametrize("way", ["whep", "offer"])
def test_a_browser_sees_and_hears_what_is_said(served: Served, session: dict[str, object], way: str) -> None:
    here = f"/v1/sessions/{session['id']}"

    async def scene() -> None:
        client = RtcClient(channel=True)
        given = await client.offer()
        if way == "whep":
            answer = served.alice.post(f"{here}/whep", content=given, headers={"Content-Type": "application/sdp"})
            sdp, link = answer.text, answer.headers["Location"]
        else:
            answer = served.alice.post(f"{here}/offer", json={"type": "offer", "sdp": given})
            sdp, link = answer.json()["sdp"], answer.json()["link"]
        assert answer.status_code == 201, answer.text
        await client.accept(sdp)
        await until_async(lambda: len(client.seen.pictures) > 5)
        before = client.seen.pictures[-1][1]
        served.alice.post(f"{here}/speak", files={"speech": ("s.wav", tone(1.5))})
        await until_async(lambda: bool(client.seen.beeps()))
        await until_async(lambda: any(abs(light - before) > 1 for _, light in client.seen.pictures))
        await until_async(lambda: any(json.loads(word)["type"] == "finished" for word in client.words))
        assert served.bob.delete(link).status_code == 404
        assert served.alice.delete(link).status_code == 204
        assert served.alice.delete(link).status_code == 404
        await client.close()

    asyncio.run(scene())


def test_a_microphone_is_said(served: Served, session: dict[str, object]) -> None:
    here = f"/v1/sessions/{session['id']}"

    async def scene() -> None:
        client = RtcClient(microphone=440.0)
        answer = served.alice.post(f"{here}/offer", json={"type": "offer", "sdp": await client.offer()})
        await client.accept(answer.json()["sdp"])
        await until_async(lambda: bool(client.seen.beeps()))
        await client.close()

    asyncio.run(scene())


def test_offers_that_are_none_are_problems(served: Served, session: dict[str, object]) -> None:
    here = f"/v1/sessions/{session['id']}"
    for answer in (
        served.alice.post(f"{here}/whep", content="hello", headers={"Content-Type": "application/sdp"}),
        served.alice.post(f"{here}/whep", content=b"\xff\xfe", headers={"Content-Type": "application/sdp"}),
        served.alice.post(f"{here}/offer", json={"type": "offer", "sdp": "v=0\r\nm=audio 9 X 0\r\n"}),
    ):
        assert answer.status_code == 422, answer.text
        assert answer.headers["Content-Type"] == "application/problem+json"
    assert served.bob.post(f"{here}/offer", json={"type": "offer", "sdp": "v=0"}).status_code == 404


def test_a_websocket_with_the_sessions_token_sees_hears_and_speaks(served: Served, session: dict[str, object]) -> None:
    place = served.running.url.replace("http", "ws") + f"/v1/sessions/{session['id']}/ws?token={session['token']}"

    async def scene() -> None:
        async with websockets.connect(place, compression=None) as socket:
            await socket.send('{"type": "hello", "rate": 16000}')
            assert json.loads(await socket.recv())["rate"] == 16_000
            await socket.send(Frame(FrameKind.SOUND_IN, 0, tone(1.0)[44:], END).pack())
            loud, pictures, names = False, 0, list[str]()
            while "finished" not in names or pictures <= 10:
                message = await asyncio.wait_for(socket.recv(), 150)
                if isinstance(message, str):
                    names.append(json.loads(message)["event"])
                    continue
                frame = unpack(message)
                await socket.send(json.dumps({"type": "ack", "time": frame.time}))
                if frame.kind is FrameKind.JPEG:
                    pictures += 1
                else:
                    loud = loud or bool(np.abs(np.frombuffer(frame.payload, "<i2")).max(initial=0) > 3000)
            assert loud

    asyncio.run(scene())


def test_two_clients_at_once_see_and_hear_only_their_own(served: Served, avatar: str, portrait: bytes) -> None:
    """Alice's session over a portrait and Bob's over the same one darkened, with a tone each."""
    with Image.open(io.BytesIO(portrait)) as picture:
        dark = io.BytesIO()
        ImageEnhance.Brightness(picture.convert("RGB")).enhance(0.4).save(dark, "JPEG")
    make_avatar(served.bob, dark.getvalue(), "dim")
    owners = [(served.alice, avatar, 600.0), (served.bob, "dim", 1500.0)]
    links = [who.post("/v1/sessions", json={"avatar": name}).json()["links"]["self"] for who, name, _ in owners]

    async def scene() -> list[RtcClient]:
        clients = [RtcClient(), RtcClient()]
        for client, (who, _, _), link in zip(clients, owners, links, strict=True):
            answer = who.post(f"{link}/offer", json={"type": "offer", "sdp": await client.offer()})
            await client.accept(answer.json()["sdp"])
        await until_async(lambda: all(client.seen.pictures for client in clients))
        for (who, _, pitch), link in zip(owners, links, strict=True):
            who.post(f"{link}/speak", files={"speech": ("s.wav", tone(2.0, pitch=pitch, swell=False))})
        await until_async(lambda: all(client.loud > 0.5 for client in clients))
        for client in clients:
            await client.close()
        return clients

    clients = asyncio.run(scene())
    for client, (who, _, pitch), link in zip(clients, owners, links, strict=True):
        assert abs(client.seen.tone() - pitch) < 60
        who.delete(link)
    bright, dim = ([light for _, light in client.seen.pictures] for client in clients)
    assert min(bright) > 1.5 * max(dim)


def test_sound_faster_than_the_buffer_is_refused_and_what_was_taken_is_kept(
    served: Served, session: dict[str, object]
) -> None:
    place = served.running.url.replace("http", "ws") + f"/v1/sessions/{session['id']}/ws?token={session['token']}"

    async def scene() -> None:
        async with websockets.connect(place, compression=None) as socket:
            await socket.send('{"type": "hello", "rate": 16000}')
            sound = Frame(FrameKind.SOUND_IN, 0, tone(10.0, swell=False)[44:]).pack()
            for _ in range(8):  # 80 s, and 60 s are kept
                await socket.send(sound)
            told: list[dict[str, object]] = []
            while not {"BufferFull", "buffer_full"} <= {word.get("error", word.get("event")) for word in told}:
                await _hear(socket, told)
            await socket.send('{"type": "interrupt"}')
            while told[-1].get("event") != "interrupted":
                await _hear(socket, told)
            assert sum(word.get("error") == "BufferFull" for word in told) == 2
            assert sum(word.get("event") == "started" for word in told) == 1

    asyncio.run(scene())


def test_half_open_sockets_hold_nobody_up(served: Served, session: dict[str, object]) -> None:
    address = served.running.url.removeprefix("http://").split(":")
    begun = (b"GET /v1/sess", f"GET /v1/sessions/{session['id']}/ws HTTP/1.1\r\nUpgrade: webso".encode(), b"")
    sockets = [socket.create_connection((address[0], int(address[1]))) for _ in range(60)]
    for number, one in enumerate(sockets):
        one.sendall(begun[number % len(begun)])
    assert served.alice.get(f"/v1/sessions/{session['id']}").status_code == 200
    held = len(list(Path(f"/proc/{served.running.process.pid}/fd").iterdir()))
    for one in sockets:
        one.close()
    fds = Path(f"/proc/{served.running.process.pid}/fd")
    until(lambda: len(list(fds.iterdir())) <= held - len(sockets) + 5)


def test_a_websocket_of_a_stranger_is_refused(served: Served, session: dict[str, object]) -> None:
    """It is closed at once, with the code of the refusal."""
    place = served.running.url.replace("http", "ws") + f"/v1/sessions/{session['id']}/ws"
    bob, alice = ({"Authorization": who.headers["Authorization"]} for who in (served.bob, served.alice))

    async def refused(headers: dict[str, str], place: str = place) -> tuple[int, str]:
        async with websockets.connect(place, additional_headers=headers) as socket:
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await socket.recv()
            assert closed.value.rcvd is not None
            return closed.value.rcvd.code, closed.value.rcvd.reason

    async def scene() -> None:
        code, reason = await refused({})
        assert (code, "Authorization: Bearer" in reason) == (4401, True)
        assert await refused(bob) == (4404, "You have no session of that id.")
        assert (await refused({**alice, "Origin": "https://example.org"}))[0] == 4403
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(4):
                await stack.enter_async_context(websockets.connect(place, additional_headers=alice))
            code, reason = await refused(alice)
            assert (code, "4 WebSockets" in reason) == (4503, True)

    asyncio.run(scene())


def test_who_is_watched_is_not_closed_and_closing_hangs_up(served: Served, avatar: str) -> None:
    made = served.alice.post("/v1/sessions", json={"avatar": avatar}).json()
    place = served.running.url.replace("http", "ws") + f"{made['links']['ws']}?token={made['token']}"

    async def scene() -> None:
        async with websockets.connect(place, compression=None) as socket:
            await socket.send('{"type": "hello"}')
            await socket.recv()
            served.alice.delete(made["links"]["self"])
            with pytest.raises(websockets.ConnectionClosedOK):
                await asyncio.wait_for(_drain(socket), 150)

    asyncio.run(scene())
    until(lambda: served.alice.get(made["links"]["self"]).status_code == 404)


async def _hear(socket: websockets.ClientConnection, told: list[dict[str, object]]) -> None:
    """The next message, acknowledged if it is sound or a picture, else appended."""
    message = await asyncio.wait_for(socket.recv(), 150)
    if isinstance(message, str):
        told.append(json.loads(message))
    else:
        await socket.send(json.dumps({"type": "ack", "time": unpack(message).time}))


async def _drain(socket: websockets.ClientConnection) -> None:
    while True:
        await socket.recv()
