"""The worker's own side: messages from the program that started it, and back.

A worker ends when its standard input does, because then its parent is gone.
"""

from __future__ import annotations

import logging
import os
import queue
import signal
import threading
from collections.abc import Callable, Mapping
from typing import IO, Any

from ..errors import LipsmithError, problem_of
from .messages import Buffer, Message, read_message, write_message

log = logging.getLogger(__name__)

SendProgress = Callable[[Mapping[str, Any]], None]
Handler = Callable[[Message, SendProgress], Message]
"""Does what a request asks, sends progress meanwhile, and returns the answer. ``done`` and ``problem`` are no
progress."""


class ParentConnection:
    """The pipes to the parent."""

    def __init__(self, source: IO[bytes], output: IO[bytes]) -> None:
        self._source, self._output = source, output

    @classmethod
    def open(cls) -> ParentConnection:
        """Take standard input and output. From now on libraries print to standard error, and read nothing.

        SIGINT and SIGTERM are ignored: systemd and consoles signal all processes, and the parent decides.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        source, output = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)
        return cls(source, output)

    def ready(self) -> None:
        """Tell the parent that requests may come: the first message of all."""
        self.send({"ready": os.getpid()})

    def receive(self) -> Message | None:
        """Wait for the next message; None when the parent sends no more, or is gone."""
        return read_message(self._source)

    def send(self, header: Mapping[str, Any], *parts: Buffer) -> None:
        """Send a message. Raises OSError when the parent is gone."""
        write_message(self._output, header, *parts)


def serve(handle: Handler, connection: ParentConnection | None = None) -> None:
    """Answer requests one after the other until the parent is gone; then end at once, in the middle of anything."""
    parent = connection or ParentConnection.open()
    requests: queue.Queue[Message] = queue.Queue(1)
    threading.Thread(target=_read, args=(parent, requests), daemon=True).start()
    parent.ready()
    while True:
        answer(handle, requests.get(), parent)


def answer(handle: Handler, request: Message, parent: ParentConnection) -> None:
    """Handle one request and send how it ended. This is the border where errors become problems."""
    try:
        done = handle(request, parent.send)
    except LipsmithError as error:
        parent.send({"problem": problem_of(error)})
    except Exception as error:
        log.exception("a request failed")
        parent.send({"problem": problem_of(error)})
    else:
        parent.send({"done": done.header}, done.payload)


def _read(parent: ParentConnection, requests: queue.Queue[Message]) -> None:
    try:
        while (message := parent.receive()) is not None:
            requests.put(message)
    finally:
        os._exit(0)


__all__ = ["Handler", "ParentConnection", "SendProgress", "serve"]
