"""A client that floods the server does not spoil another client's pictures. Slow: it measures time.

``pytest --slow -n 0 -s tests/server/test_floods.py`` prints the figures.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("websockets")
import websockets

from lipsmith.transports.websocket_frames import END, Frame, FrameKind, unpack
from tests.support.live_server import ROOT, Served, make_avatar, opened

SECONDS = 6.0
"""For which the pictures are watched, before the flood and during it."""
WORST_GAP = 0.080
"""Seconds between two pictures at 25 a second, at most."""
KINDS = ("interrupts", "sound", "malformed", "pings")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def avatar(served: Served, portrait: bytes) -> str:
    return make_avatar(served.alice, portrait, "flooded")


@pytest.fixture
def session(served: Served, avatar: str) -> Iterator[dict[str, Any]]:
    with opened(served.alice, avatar) as made:
        yield made


def address(served: Served, made: dict[str, Any]) -> str:
    return served.running.url.replace("http", "ws") + f"{made['links']['ws']}?token={made['token']}"


async def gaps(place: str, seconds: float) -> list[float]:
    """Seconds between the pictures that a client sees while its avatar speaks."""
    seen: list[float] = []
    tone = (np.sin(np.arange(16_000) / 20) * 8_000).astype("<i2").tobytes()
    async with websockets.connect(place, compression=None) as socket:
        await socket.send('{"type": "hello", "rate": 16000}')
        for _ in range(round(seconds) + 2):
            await socket.send(Frame(FrameKind.SOUND_IN, 0, tone).pack())
        await socket.send(Frame(FrameKind.SOUND_IN, 0, b"", END).pack())
        began = time.monotonic()
        while time.monotonic() < began + 1 + seconds:
            message = await socket.recv()
            if isinstance(message, str):
                continue
            frame = unpack(message)
            if frame.kind is FrameKind.JPEG:
                seen.append(time.monotonic())
            await socket.send(json.dumps({"type": "ack", "time": frame.time}))
        await socket.send('{"type": "interrupt"}')
    after = np.array(seen)
    return list(np.diff(after[after > began + 1]))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", KINDS)
def test_another_clients_pictures_go_on(served: Served, session: dict[str, Any], avatar: str, kind: str) -> None:
    """The flood comes from a process of its own, over a session of its own, and connects again when it is closed."""
    with opened(served.alice, avatar) as other:
        quiet = asyncio.run(gaps(address(served, session), SECONDS))
        words = [sys.executable, "-m", "tests.support.flood", address(served, other), kind, str(SECONDS + 2)]
        flood = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        loud = asyncio.run(gaps(address(served, session), SECONDS))
        told, _ = flood.communicate(timeout=60)
    spread = [f"{1000 * np.quantile(one, 0.99):.0f}, {1000 * max(one):.0f} ms" for one in (quiet, loud)]
    print(f"\n{kind}: {told.strip()}; gaps p99, worst: alone {spread[0]}, flooded {spread[1]}")
    assert max(loud) <= WORST_GAP
