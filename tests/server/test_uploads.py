"""What becomes of a worker's trouble with an upload: the same problems as ever."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from lipsmith.errors import LipsmithError, problem_of
from lipsmith.server.uploads import ask
from lipsmith.workers.pool import WorkerBusy
from lipsmith.workers.process import WorkerLost
from lipsmith.workers.supervised import WorkerTimeout


@pytest.mark.parametrize(
    ("trouble", "kind", "status", "text"),
    [
        (WorkerBusy(), "queue-full", 503, "Too many uploads"),
        (WorkerBusy(own=True), "too-many-uploads", 429, "of your uploads"),
        (WorkerLost(-11), "invalid", 422, "export it again"),
        (WorkerTimeout(), "too-long", 504, "longer than this server allows"),
    ],
)
def test_a_worker_in_trouble_is_a_problem(trouble: Exception, kind: str, status: int, text: str) -> None:
    async def call(*_: object) -> None:
        raise trouble

    pool: Any = SimpleNamespace(call=call)
    with pytest.raises(LipsmithError, match=text) as caught:
        asyncio.run(ask(pool, "anna", {}, 1))
    body = problem_of(caught.value)
    assert (body["type"], body["status"]) == (kind, status)
    assert body.get("retry_after") == (5 if status in (429, 503) else None)
