"""A pool of workers is fair: a client with many calls does not keep another waiting."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lipsmith.workers.pool import WorkerBusy, WorkerPool
from lipsmith.workers.process import WorkerLost, WorkerProcess
from lipsmith.workers.supervised import WorkerTimeout
from tests.support import SUPPORT

ODD = (sys.executable, str(SUPPORT / "odd_worker.py"))


def pool_of(size: int, callers: int = 20, own: int = 10) -> WorkerPool:
    return WorkerPool(partial(WorkerProcess, ODD), size, callers, own)


async def became(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 100
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        await asyncio.sleep(0.02)


async def done(pool: WorkerPool, client: str, order: list[str], **options: object) -> dict[str, Any]:
    answer = await pool.call(client, {"options": {"odd": "done", **options}}, 100)
    order.append(client)
    return answer.header


def test_clients_take_turns_whoever_came_first(tmp_path: Path) -> None:
    async def go() -> list[str]:
        pool, order, gate = pool_of(1), list[str](), tmp_path / "gate"
        first = asyncio.create_task(done(pool, "many", order, gate=str(gate)))
        await became(lambda: bool(pool.pids))
        others = [asyncio.create_task(done(pool, name, order)) for name in ("many", "many", "many", "one", "two")]
        await asyncio.sleep(0)
        gate.touch()
        await asyncio.gather(first, *others)
        await asyncio.to_thread(pool.close)
        return order

    assert asyncio.run(go()) == ["many", "one", "two", "many", "many", "many"]


def test_one_client_gets_half_of_the_workers_and_the_next_one_works_at_once() -> None:
    async def go() -> None:
        pool, order = pool_of(2), list[str]()
        hanging = [
            asyncio.create_task(pool.call("bad", {"options": {"odd": "hang"}}, 100)) for _ in range(3)
        ]  # of which one is at work
        await became(lambda: bool(pool.pids))
        pids = [(await done(pool, "good", order))["pid"] for _ in range(2)]
        assert len(set(pids)) == 1  # the process is kept
        await became(lambda: len(pool.pids) == 2)
        await asyncio.to_thread(pool.close)
        ended = await asyncio.gather(*hanging, return_exceptions=True)
        assert sorted(type(one).__name__ for one in ended) == ["WorkerBusy", "WorkerBusy", "WorkerLost"]
        assert pool.pids == []
        with pytest.raises(WorkerBusy):
            await done(pool, "good", order)

    asyncio.run(go())


def test_one_more_process_is_ready_for_the_next_call() -> None:
    async def go() -> None:
        pool, order = pool_of(4), list[str]()
        await done(pool, "a", order)
        hanging = asyncio.create_task(pool.call("a", {"options": {"odd": "hang"}}, 100))
        await became(lambda: any(worker.pid for worker in pool._idle))
        ready = set(pool.pids)
        assert (await done(pool, "b", order))["pid"] in ready
        await asyncio.to_thread(pool.close)
        await asyncio.gather(hanging, return_exceptions=True)
        assert pool.pids == []

    asyncio.run(go())


def test_few_may_wait_and_fewer_of_one_client() -> None:
    async def go() -> None:
        pool = pool_of(1, callers=3, own=2)
        waiting = [asyncio.create_task(pool.call("a", {"options": {"odd": "hang"}}, 100)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(WorkerBusy) as own:
            await pool.call("a", {}, 100)
        waiting.append(asyncio.create_task(pool.call("b", {}, 100)))
        await asyncio.sleep(0)
        with pytest.raises(WorkerBusy) as everybodys:
            await pool.call("c", {}, 100)
        assert (own.value.own, everybodys.value.own) == (True, False)
        await asyncio.to_thread(pool.close)
        await asyncio.gather(*waiting, return_exceptions=True)

    asyncio.run(go())


def test_a_caller_who_goes_away_frees_the_worker() -> None:
    async def go() -> None:
        pool, order = pool_of(1), list[str]()
        gone = asyncio.create_task(pool.call("a", {"options": {"odd": "hang"}}, 100))
        await became(lambda: bool(pool.pids))
        never = asyncio.create_task(pool.call("a", {"options": {"odd": "hang"}}, 100))
        await asyncio.sleep(0)
        never.cancel()
        gone.cancel()
        assert (await done(pool, "b", order))["frames"] == 1
        with pytest.raises(WorkerTimeout):
            await pool.call("b", {"options": {"odd": "hang"}}, 0.2)
        with pytest.raises(WorkerLost):
            await pool.call("b", {"options": {"odd": "crash"}}, 100)
        assert (await done(pool, "a", order))["frames"] == 1
        await asyncio.to_thread(pool.close)

    asyncio.run(go())
