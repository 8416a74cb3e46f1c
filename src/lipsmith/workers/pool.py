"""Several workers for many clients: their calls take turns, and no client keeps the others waiting.

It is for an event loop: waiting callers take no threads.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from .messages import Message
from .process import WorkerProcess
from .supervised import SupervisedWorker

RETRY_SECONDS = 0.1
"""How long ``close`` waits for calls that were ended, before it ends them again."""


class WorkerBusy(Exception):
    """Too many callers wait, or the pool is closed. ``own``: it is the client itself who has too many."""

    def __init__(self, own: bool = False) -> None:
        super().__init__("too many callers wait")
        self.own = own


@dataclass(eq=False)
class _Client:
    """One client who calls."""

    name: str
    waiting: deque[asyncio.Future[SupervisedWorker]] = field(default_factory=deque)
    running: int = 0
    served: int = 0  # number of its last turn

    @property
    def calls(self) -> int:
        return self.running + len(self.waiting)


class WorkerPool:
    """Workers that are started when they are needed.

    A free worker goes to the client who has the fewest at work, and among those to the one who was served longest ago.
    One client gets at most half of the workers at a time, so there is one for the next client. While workers are at
    work, one more process is kept ready.

    Args:
        start: starts a process.
        size: workers.
        callers: calls that may run or wait, of all clients together.
        own_callers: calls of one client that may run or wait.
    """

    def __init__(self, start: Callable[[], WorkerProcess], size: int, callers: int, own_callers: int) -> None:
        self._idle = [SupervisedWorker(start) for _ in range(size)]  # the last one is taken first: its process is warm
        self._all = tuple(self._idle)
        self._share, self._callers, self._own_callers = max(1, size // 2), callers, own_callers
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="worker-pool")
        self._clients: dict[str, _Client] = {}  # those who call
        self._turns = count(1)
        self._running: set[Future[Any]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = threading.Event()

    @property
    def pids(self) -> list[int]:
        """The numbers of the processes that run."""
        return [pid for worker in self._all if (pid := worker.pid) is not None]

    async def call(self, client: str, request: Mapping[str, Any], seconds: float) -> Message:
        """Wait for a turn, then as ``SupervisedWorker.call``. A call that is cancelled ends its process.

        Raises:
            WorkerBusy: instead of waiting behind many.
        """
        worker = await self._turn(client)
        if self._closed.is_set():
            self._end_turn(worker, client)
            raise WorkerBusy
        running = self._threads.submit(worker.call, request, seconds)
        self._watch(running, lambda: self._end_turn(worker, client))
        self._keep_one_ready()
        try:
            return await asyncio.wrap_future(running)
        except asyncio.CancelledError:
            worker.kill()
            raise

    def close(self) -> None:
        """End the processes at once: calls that run raise WorkerLost, those that wait WorkerBusy. For any thread."""
        self._closed.set()
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is over
                self._loop.call_soon_threadsafe(self._refuse_all)
        while wait(self._running.copy(), RETRY_SECONDS).not_done:
            for worker in self._all:
                worker.kill()  # once more, as a call may have started its process just now
        self._threads.shutdown()
        for worker in self._all:
            worker.close()

    async def _turn(self, name: str) -> SupervisedWorker:
        """A worker that is the caller's until ``_give_back``."""
        self._loop = asyncio.get_running_loop()
        client = self._clients.setdefault(name, _Client(name))
        turn: asyncio.Future[SupervisedWorker] = self._loop.create_future()
        try:
            self._check_room(client)
            client.waiting.append(turn)
            self._serve()
            return await turn
        except BaseException:
            if turn in client.waiting:
                client.waiting.remove(turn)
            elif turn.done() and not turn.cancelled() and turn.exception() is None:
                self._end_turn(turn.result(), name)
            self._forget(client)
            raise

    def _check_room(self, client: _Client) -> None:
        if client.calls >= self._own_callers:
            raise WorkerBusy(own=True)
        if self._closed.is_set() or sum(one.calls for one in self._clients.values()) >= self._callers:
            raise WorkerBusy

    def _serve(self) -> None:
        """Give the free workers to those who wait."""
        while self._idle:
            ready = [one for one in self._clients.values() if one.waiting and one.running < self._share]
            if not ready:
                return
            client = min(ready, key=lambda one: (one.running, one.served))
            turn = client.waiting.popleft()
            if not turn.done():  # it may be cancelled
                client.running, client.served = client.running + 1, next(self._turns)
                turn.set_result(self._idle.pop())

    def _keep_one_ready(self) -> None:
        """Start a process beforehand, unless one is idle."""
        if self._idle and all(worker.pid is None for worker in self._idle):
            worker = self._idle.pop()
            self._watch(self._threads.submit(worker.warm), lambda: self._give_back(worker))

    def _watch(self, running: Future[Any], then: Callable[[], None]) -> None:
        """Call ``then`` on the event loop when ``running`` is over."""

        def over(_: Future[Any]) -> None:
            self._running.discard(running)
            assert self._loop
            with suppress(RuntimeError):  # the loop is over
                self._loop.call_soon_threadsafe(then)

        self._running.add(running)
        running.add_done_callback(over)

    def _end_turn(self, worker: SupervisedWorker, name: str) -> None:
        client = self._clients[name]
        client.running -= 1
        self._forget(client)
        self._give_back(worker)

    def _give_back(self, worker: SupervisedWorker) -> None:
        if worker.pid is None:
            self._idle.insert(0, worker)
        else:
            self._idle.append(worker)
        self._serve()

    def _forget(self, client: _Client) -> None:
        if not client.calls:
            self._clients.pop(client.name, None)

    def _refuse_all(self) -> None:
        for turn in [turn for client in self._clients.values() for turn in client.waiting]:
            if not turn.done():
                turn.set_exception(WorkerBusy())


__all__ = ["WorkerBusy", "WorkerPool"]
