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

from tests.support.live_server import Served, make_avatar, tone
from tests.support.peers import until
from tests.support.rtc_client import RtcClient

CYCLES = int(os.environ.get("LIPSMITH_TEST_CYCLES", "4"))
INTERRUPTS = int(os.environ.get("LIPSMITH_TEST_INTERRUPTS", "3"))
WARM = 4
"""Cycles after which libraries are loaded."""
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


def no_more(after: Held, before: Held) -> bool:
    return after.threads <= before.threads and after.files <= before.files + 2


def test_an_interruption_is_heard_at_the_client(served: Served, avatar: str) -> None:
    """Of twenty seconds one is heard, then silence. How soon is told and not tested: that is the machine's affair."""
    made = served.alice.post("/v1/sessions", json={"avatar": avatar}).json()
    here, waits, told = made["links"]["self"], list[float](), list[float]()

    async def scene() -> None:
        client = RtcClient(channel=True)
        answer = served.alice.post(f"{here}/offer", json={"type": "offer", "sdp": await client.offer()}).json()
        await client.accept(answer["sdp"])
        for _ in range(INTERRUPTS):
            served.alice.post(f"{here}/speak", files={"speech": ("s.wav", tone(20.0, swell=False))})
            begun = client.loud
            await until(lambda begun=begun: client.loud > begun + 0.5)
            asked = asyncio.get_running_loop().time()
            client.channel.send('{"type": "interrupt"}')
            await until(lambda: any(json.loads(word)["type"] == "interrupted" for word in client.words))
            await until(lambda: client.quiet > 1.0)
            waits.append(client.last_loud - asked)
            told.append(client.loud - begun)
            client.words.clear()
        await client.close()

    asyncio.run(scene())
    served.alice.delete(here)
    print(
        f"\ninterruption to silence: {1000 * np.median(waits):.0f} ms median, {1000 * np.quantile(waits, 0.95):.0f} p95"
    )
    assert max(told) < 10  # of the twenty seconds that were said
