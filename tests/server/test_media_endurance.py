"""Again and again: clients that come and go leave nothing in the server; interruptions are heard soon.

The figures in docs/transports.md: ``LIPSMITH_TEST_CYCLES=200 pytest -s tests/server/test_media_endurance.py``.
"""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("aiortc")
pytest.importorskip("websockets")
import websockets

from lipsmith.types import Samples
from tests.support.live_server import Served, make_avatar, tone
from tests.support.peers import until
from tests.support.rtc_client import RtcClient

CYCLES = int(os.environ.get("LIPSMITH_TEST_CYCLES", "4"))
INTERRUPTS = int(os.environ.get("LIPSMITH_TEST_INTERRUPTS", "3"))
WARM = 4
"""Cycles after which libraries are loaded."""
OPUS = 0.0265
"""Seconds by which Opus may draw sound out at its end: a packet of 20 ms, and its look-ahead."""
ROUNDS = 5
"""Most rounds of cycles until one adds nothing."""


@dataclass(frozen=True)
class Held:
    """What a process holds."""

    megabytes: float
    files: int
    threads: int
    sessions: int


@pytest.fixture(scope="module")
def avatar(served: Served, portrait: bytes) -> str:
    return make_avatar(served.alice, portrait, "again")


def held_by(served: Served) -> Held:
    place = Path(f"/proc/{served.running.process.pid}")
    status = dict(line.split(":", 1) for line in (place / "status").read_text().splitlines())
    sessions = len(served.alice.get("/v1/sessions").json()["sessions"])
    files = len(list((place / "fd").iterdir()))
    return Held(int(status["VmRSS"].split()[0]) / 1024, files, int(status["Threads"]), sessions)


async def come_and_go(served: Served, avatar: str) -> None:
    """A session that is spoken to and watched by WebRTC, watched by a WebSocket, and is left by both."""
    made = served.alice.post("/v1/sessions", json={"avatar": avatar}).json()
    here = made["links"]["self"]
    client = RtcClient(channel=True, microphone=440.0)
    answer = served.alice.post(f"{here}/offer", json={"type": "offer", "sdp": await client.offer()}).json()
    await client.accept(answer["sdp"])
    place = served.running.url.replace("http", "ws") + f"{made['links']['ws']}?token={made['token']}"
    async with websockets.connect(place, compression=None) as socket:
        await socket.send('{"type": "hello"}')
        while isinstance(await socket.recv(), str):
            pass
    await until(lambda: bool(client.seen.pictures and client.last_loud))
    await client.close()
    served.alice.delete(here)


@pytest.mark.timeout(300 + 20 * CYCLES)
def test_clients_that_come_and_go_leave_nothing(served: Served, avatar: str) -> None:
    """Pools of threads still grow in a busy server, up to their size; what leaks grows in every round."""

    async def scene() -> tuple[Held, Held, Held]:
        for _ in range(WARM):
            await come_and_go(served, avatar)
        await until(lambda: held_by(served).sessions == 0)
        warm = before = held_by(served)
        for _ in range(ROUNDS):
            for _ in range(CYCLES):
                await come_and_go(served, avatar)
            await until(lambda: held_by(served).sessions == 0)
            after = await settled(served, before)
            if no_more(after, before):
                break
            before = after
        return warm, before, after

    warm, before, after = asyncio.run(scene())
    print(f"\n{CYCLES} cycles: warm {warm}, before {before}, after {after}")
    assert no_more(after, before)
    assert after.megabytes - warm.megabytes < 50 + 0.1 * CYCLES  # Python forgets what is over in its own time


async def settled(served: Served, before: Held) -> Held:
    """What the server holds as soon as it is no more than ``before``, or else after some seconds."""
    with suppress(TimeoutError):
        await until(lambda: no_more(held_by(served), before), seconds=20.0)
    return held_by(served)


def loud_times(sound: list[tuple[float, Samples, int]]) -> list[float]:
    """The media times of all loud samples of (time, block, Hz)."""
    return [start + place / rate for start, block, rate in sound for place in np.flatnonzero(np.abs(block) > 0.05)]


def no_more(after: Held, before: Held) -> bool:
    return after.threads <= before.threads and after.files <= before.files + 2


def test_nothing_old_is_heard_at_the_client_after_an_interruption(served: Served, avatar: str) -> None:
    """By media time, whatever the machine does: from the first loud sample to the last one at the client there is no
    more sound than the session played from ``speaking`` to ``interrupted``. How soon it is heard is printed alone.
    """
    made = served.alice.post("/v1/sessions", json={"avatar": avatar}).json()
    here, waits = made["links"]["self"], list[float]()

    async def scene() -> None:
        client = RtcClient(channel=True)
        answer = served.alice.post(f"{here}/offer", json={"type": "offer", "sdp": await client.offer()}).json()
        await client.accept(answer["sdp"])
        await until(lambda: client.channel.readyState == "open")
        for _ in range(INTERRUPTS):
            served.alice.post(f"{here}/speak", files={"speech": ("s.wav", tone(20.0, swell=False))})
            begun, heard = client.loud, len(client.seen.sound)
            await until(lambda begun=begun: client.loud > begun + 0.5)
            asked = asyncio.get_running_loop().time()
            client.channel.send('{"type": "interrupt"}')
            await until(lambda: any(json.loads(word)["type"] == "interrupted" for word in client.words))
            await until(lambda: client.quiet > 1.0)
            waits.append(client.last_loud - asked)
            events = {word["type"]: word["pts"] for word in map(json.loads, client.words)}
            loud = loud_times(client.seen.sound[heard:])
            assert loud[-1] - loud[0] < events["interrupted"] - events["speaking"] + OPUS
            client.words.clear()
        await client.close()

    asyncio.run(scene())
    served.alice.delete(here)
    print(
        f"\ninterruption to silence: {1000 * np.median(waits):.0f} ms median, {1000 * np.quantile(waits, 0.95):.0f} p95"
    )
