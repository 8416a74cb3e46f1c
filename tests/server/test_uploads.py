"""What becomes of a worker's trouble with an upload: the same problems as ever."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lipsmith.errors import LipsmithError, problem_of
from lipsmith.server.uploads import ask
from lipsmith.workers.process import WorkerLost
from lipsmith.workers.shared import WorkerBusy
from lipsmith.workers.supervised import WorkerTimeout


@pytest.mark.parametrize(
    ("trouble", "kind", "status", "text"),
    [
        (WorkerBusy(), "queue-full", 503, "Too many uploads"),
        (WorkerLost(-11), "invalid", 422, "export it again"),
        (WorkerTimeout(), "too-long", 504, "longer than this server allows"),
    ],
)
def test_a_worker_in_trouble_is_a_problem(
    tmp_path: Path, trouble: Exception, kind: str, status: int, text: str
) -> None:
    def call(_: object) -> None:
        raise trouble

    worker: Any = SimpleNamespace(call=call)
    state: Any = SimpleNamespace(settings=SimpleNamespace(folder=tmp_path))
    with pytest.raises(LipsmithError, match=text) as caught:
        ask(state, worker, "measure", {}, tmp_path)
    body = problem_of(caught.value)
    assert (body["type"], body["status"]) == (kind, status)
    assert body.get("retry_after") == (5 if kind == "queue-full" else None)
