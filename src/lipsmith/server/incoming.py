"""Uploads while they come in and are read: below ``<data>/incoming``, within the disk's budget, few of each client.

A server has a folder of its own there and holds a lock in it while it lives. So several servers may share a data
folder, and what a killed one left is removed when the next one starts.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from filelock import BaseFileLock, FileLock, Timeout

from ..jobs.queue import new_id
from .problems import Problem

MOST, OWN = 64, 8
"""Uploads at a time: of everybody, and of one client."""
THREADS = 2
"""That write what comes in."""
STEP = 8_000_000
"""Bytes that come in between two checks of the room."""
ALIVE = "alive"
"""Name of the lock that a server holds in its folder."""
FULL = "Uploads and unfinished jobs fill the room that this server may use."
T = TypeVar("T")


@dataclass(eq=False)
class Place:
    """Where one request's uploads lie until it is answered. What the route makes meanwhile may lie there too."""

    owner: str
    folder: Path
    bytes: int = 0  # that came so far


class Incoming:
    """All uploads of one server that are not yet part of a job. For the event loop, but for ``grow`` and ``bytes``.

    Args:
        folder: ``<data>/incoming``; made if need be.
        room: whether that many bytes fit on the disk, beside what jobs take; finished jobs may be removed for it.
    """

    def __init__(self, folder: Path, room: Callable[[int], bool]) -> None:
        self._room = room
        self._places: set[Place] = set()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="incoming")
        self._folder, self._alive = _own_folder(folder)

    @property
    def bytes(self) -> int:
        """Of all unfinished uploads. They count in the disk's budget."""
        return sum(place.bytes for place in self._places.copy())

    @asynccontextmanager
    async def place(self, owner: str) -> AsyncIterator[Place]:
        """A place for the uploads of one request, whose folder is removed at the end.

        Raises:
            Problem: too-many-uploads or queue-full.
        """
        if sum(one.owner == owner for one in self._places) >= OWN:
            text = f"{OWN} of your uploads come in or are being read: try again when one of them is answered."
            raise Problem("too-many-uploads", text, retry_after=5)
        if len(self._places) >= MOST:
            raise Problem("queue-full", f"{MOST} uploads come in already: try again in a moment.", retry_after=5)
        place = Place(owner, self._folder / new_id())
        self._places.add(place)
        try:
            await self.in_thread(lambda: place.folder.mkdir(mode=0o700))
            yield place
        finally:
            with suppress(RuntimeError):  # closed: all is removed
                await asyncio.shield(self.in_thread(lambda: self._remove(place)))

    def grow(self, place: Place, count: int) -> None:
        """Count ``count`` bytes more at ``place``. Raises Problem no-space; any thread may call."""
        before = place.bytes
        place.bytes += count
        if before // STEP != place.bytes // STEP and not self._room(self.bytes):
            raise Problem("no-space", FULL, retry_after=300)

    async def in_thread(self, act: Callable[[], T]) -> T:
        """What ``act`` returns, on one of the few threads that are for uploads."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, act)

    def close(self) -> None:
        """Remove all of it."""
        self._threads.shutdown()
        self._alive.release()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _remove(self, place: Place) -> None:
        shutil.rmtree(place.folder, ignore_errors=True)
        self._places.discard(place)


def _own_folder(folder: Path) -> tuple[Path, BaseFileLock]:
    """A new folder in ``folder`` and its lock. The folders of servers that are gone are removed."""
    folder.mkdir(mode=0o700, exist_ok=True)
    with FileLock(folder / "lock"):
        for left in [path for path in folder.iterdir() if path.is_dir()]:
            _remove_if_left(left)
        own = folder / new_id()
        own.mkdir(mode=0o700)
        alive = FileLock(own / ALIVE, timeout=0)
        alive.acquire()
        return own, alive


def _remove_if_left(folder: Path) -> None:
    try:
        with FileLock(folder / ALIVE, timeout=0):
            pass
    except Timeout:
        return
    shutil.rmtree(folder, ignore_errors=True)


__all__ = ["FULL", "Incoming", "Place"]
