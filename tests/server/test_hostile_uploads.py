"""One client's hostile uploads keep nobody else waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from lipsmith.server.auth.keys import new_key
from tests.support.hostile_files import tiny_packets, vast_film, vast_gif
from tests.support.live_server import FAKE, make_avatar, opened, start, tone

MOST_WAIT = 2.0
"""Seconds that another client's speak may take meanwhile."""
MOST_HELD = 60.0
"""Seconds after which each hostile upload is answered, on a slow machine; they took more than a minute each."""


@dataclass
class Guests:
    """Two clients of one server."""

    mallory: httpx.Client
    bob: httpx.Client


@pytest.fixture(scope="module")
def guests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guests]:
    (mallory, mallorys), (bob, bobs) = new_key("mallory"), new_key("bob")
    running = start(tmp_path_factory.mktemp("hostile"), "--voice", "none", keys=f"{mallorys};{bobs}")
    with running.client(mallory) as hers, running.client(bob) as his:
        yield Guests(hers, his)
    running.stop()
    assert running.process.stdout
    running.process.stdout.close()


@pytest.mark.slow
def test_three_hostile_uploads_at_once_keep_nobody_waiting(guests: Guests, tmp_path: Path, portrait: bytes) -> None:
    hostile = {
        "/v1/jobs": {
            "picture": ("p.jpg", portrait),
            "speech": ("s", tiny_packets(tmp_path / "speech", 2_000_000, 0.6).read_bytes()),
        },
        "/v1/previews": {"picture": ("p", vast_film(tmp_path / "film", 150).read_bytes())},
        "/v1/avatars": {"picture": ("p", vast_gif(tmp_path / "gif", 40).read_bytes())},
    }
    held: dict[str, float] = {}
    codes: dict[str, int] = {}

    def attack(path: str) -> None:
        began = time.monotonic()
        codes[path] = guests.mallory.post(path, files=hostile[path], data={"options": FAKE}).status_code
        held[path] = time.monotonic() - began

    make_avatar(guests.bob, portrait, "bob")
    with opened(guests.bob, "bob") as session:
        waits = [_speak(guests.bob, session["id"])]
        attackers = [threading.Thread(target=attack, args=(path,)) for path in hostile]
        for one in attackers:
            one.start()
        while any(one.is_alive() for one in attackers):
            waits.append(_speak(guests.bob, session["id"]))
            time.sleep(0.2)
        for one in attackers:
            one.join()
    print(f"hostile uploads took {held}; another client waited up to {max(waits):.2f} s, {len(waits)} times")
    assert len(waits) >= 5
    assert max(waits) <= MOST_WAIT, (waits, held)
    assert max(held.values()) < MOST_HELD
    assert codes == {"/v1/jobs": 422, "/v1/previews": 200, "/v1/avatars": 422}


def _speak(client: httpx.Client, session: str) -> float:
    began = time.monotonic()
    answer = client.post(
        f"/v1/sessions/{session}/speak", files={"speech": ("s.wav", tone(0.3))}, data={"interrupt": "1"}
    )
    assert answer.status_code == 202, answer.text
    return time.monotonic() - began
