"""The events of a live session as a client reads them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from .live_server import Served, until


@contextmanager
def heard(served: Served, session: str) -> Iterator[list[tuple[str, dict[str, object]]]]:
    """The session's events as they come."""
    found: list[tuple[str, dict[str, object]]] = []

    def read() -> None:
        with (
            served.running.client(served.alices_key) as client,
            client.stream("GET", f"/v1/sessions/{session}/events") as answer,
        ):
            name = ""
            for line in answer.iter_lines():
                if line.startswith("event: "):
                    name = line[7:]
                elif line.startswith("data: "):
                    found.append((name, json.loads(line[6:])))

    thread = threading.Thread(target=read)
    thread.start()
    until(lambda: bool(found))
    yield found
    served.alice.delete(f"/v1/sessions/{session}")
    thread.join(150)
    assert not thread.is_alive()


def names(found: list[tuple[str, dict[str, object]]]) -> list[str]:
    return [name for name, _ in found]
