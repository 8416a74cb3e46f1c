"""Threads that nothing ends but their own return."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress

PAUSE_SECONDS = 1.0
"""Between an error and the next start."""
log = logging.getLogger(__name__)


class SupervisedThread:
    """A thread whose body is started again after it raised anything, and which ends when its body returns.

    Args:
        body: the work, which returns when the thread shall end.
        stop: set when a body that raised shall not be started again.
    """

    def __init__(self, name: str, body: Callable[[], None], stop: threading.Event) -> None:
        self._body, self._stop = body, stop
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.down = False
        """Whether the body raised and is not started again yet."""

    def start(self) -> None:
        """Start it."""
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it runs, or is about to start again."""
        return self._thread.is_alive()

    def join(self, seconds: float | None = None) -> None:
        """Wait for its end, if it runs."""
        if self.alive:
            self._thread.join(seconds)

    def _run(self) -> None:
        while not self._ended():
            self.down = True
            if self._stop.wait(PAUSE_SECONDS):
                return
            self.down = False

    def _ended(self) -> bool:
        try:
            self._body()
        except BaseException:  # whatever a library raises in a thread of ours
            with suppress(BaseException):  # a log on a full disk
                log.exception("the thread '%s' broke off; it is started again", self._thread.name)
            return False
        return True


__all__ = ["SupervisedThread"]
