"""Six hundred silent sockets against a whole server: the liveness probe and a client with a key do not notice."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from lipsmith.server.auth.keys import new_key
from tests.support.live_server import start

SOCKETS = 600
MOST_SECONDS = 1.0


def seconds_of(call: Callable[[], httpx.Response]) -> float:
    began = time.monotonic()
    assert call().status_code == 200
    return time.monotonic() - began


@pytest.mark.slow
def test_six_hundred_silent_sockets_stop_nothing(tmp_path: Path) -> None:
    key, line = new_key("alice")
    running = start(tmp_path, keys=line)
    address = urlsplit(running.url)
    assert address.hostname
    silent = [socket.create_connection((address.hostname, address.port or 0)) for _ in range(SOCKETS)]
    try:
        for _ in range(5):  # each on a connection of its own, as probes come
            with running.client() as probe, running.client(key) as client:
                assert seconds_of(lambda probe=probe: probe.get("/healthz")) < MOST_SECONDS  # type: ignore[misc]
                assert seconds_of(lambda client=client: client.get("/v1/jobs")) < MOST_SECONDS  # type: ignore[misc]
    finally:
        for one in silent:
            one.close()
        assert running.stop() == 0
        assert running.process.stdout
        running.process.stdout.close()
