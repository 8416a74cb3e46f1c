"""Pictures for answers: clients take turns, and health checks wait for none of them."""

from __future__ import annotations

import asyncio
import threading
from functools import partial

import pytest

pytest.importorskip("fastapi")
import anyio.to_thread
import httpx
from fastapi import FastAPI

from lipsmith.server.picture_line import OWN, THREADS, PictureLine
from lipsmith.server.problems import Problem
from lipsmith.server.routes import health


def test_few_are_made_at_a_time_and_another_client_comes_next() -> None:
    order: list[str] = []
    go_on = threading.Semaphore(0)

    def picture(name: str) -> str:
        order.append(name)
        assert go_on.acquire(timeout=10)
        return name

    async def scene() -> list[str]:
        line = PictureLine()
        made = [asyncio.create_task(line.make("alice", partial(picture, f"a{k}"))) for k in range(4)]
        await asyncio.sleep(0)
        made += [asyncio.create_task(line.make(name, partial(picture, name))) for name in ("bob", "carol")]
        while len(order) < THREADS:
            await asyncio.sleep(0.001)
        assert order == ["a0", "bob"]  # one of each
        for _ in made:
            go_on.release()
        done = await asyncio.gather(*made)
        line.close()
        return done

    assert asyncio.run(scene()) == ["a0", "a1", "a2", "a3", "bob", "carol"]
    assert order.index("carol") < order.index("a2")


def test_one_client_waits_for_so_many_and_no_more() -> None:
    async def scene() -> None:
        line, go_on = PictureLine(), threading.Event()
        made = [asyncio.create_task(line.make("alice", go_on.wait)) for _ in range(OWN)]
        await asyncio.sleep(0)
        with pytest.raises(Problem, match="64 of your calls"):
            await line.make("alice", go_on.wait)
        go_on.set()
        assert all(await asyncio.gather(*made, line.make("bob", go_on.wait)))
        with pytest.raises(ZeroDivisionError):
            await line.make("alice", lambda: 1 / 0)
        assert await line.make("alice", lambda: 5) == 5
        line.close()

    asyncio.run(scene())


def test_a_health_check_waits_for_no_thread() -> None:
    app = FastAPI()
    app.include_router(health.router)

    async def scene() -> int:
        limiter = anyio.to_thread.current_default_thread_limiter()
        limiter.total_tokens = 1
        async with limiter, httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as ask:
            return (await asyncio.wait_for(ask.get("/healthz"), 10)).status_code

    assert asyncio.run(scene()) == 200
