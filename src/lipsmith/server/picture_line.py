"""Pictures that are made for an answer: few at a time, and clients take turns.

One picture of an avatar may take a second and 100 MB. On the threads that all routes share, one client's calls would
take every thread, also those of the health checks.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

from .malloc import give_back
from .problems import Problem

THREADS, OWN = 2, 64
"""Pictures that are made at a time, and how many one client may wait for: all of its avatars, and more."""
T = TypeVar("T")


@dataclass(slots=True)
class PictureLine:
    """Who waits for a picture. For the event loop.

    Each client has one place in the line, in which its own calls wait for each other. So the next client waits for one
    picture of each other client at most.
    """

    _threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(THREADS, "pictures"))
    _line: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(THREADS))
    _places: dict[str, asyncio.Lock] = field(default_factory=dict)  # of the clients who wait
    _calls: Counter[str] = field(default_factory=Counter)

    async def make(self, owner: str, act: Callable[[], T]) -> T:
        """What ``act`` returns, which makes one picture of ``owner``. Raises Problem too-many-connections."""
        if self._calls[owner] >= OWN:
            text = f"{OWN} of your calls for pictures are being answered: wait until one is over."
            raise Problem("too-many-connections", text, retry_after=2)
        self._calls[owner] += 1
        try:
            async with self._places.setdefault(owner, asyncio.Lock()), self._line:
                return await asyncio.get_running_loop().run_in_executor(self._threads, act)
        finally:
            self._calls[owner] -= 1
            if not self._calls[owner]:
                del self._calls[owner], self._places[owner]
            if not self._calls:
                with suppress(RuntimeError):  # closed
                    self._threads.submit(give_back)

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown()


__all__ = ["PictureLine"]
