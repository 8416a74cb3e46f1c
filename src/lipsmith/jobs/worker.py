"""The process that does tasks: ``python -m lipsmith.jobs.worker``, started by a ``SupervisedWorker``.

``task_request`` makes the header of a request; the answer is the report of the task. Meanwhile messages ``{"stage":
[name, done, total]}`` report the progress. The process keeps its engine and its landmarker from task to task.
"""

from __future__ import annotations

import dataclasses
import math
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import LipsmithError
from ..stopwatch import Stage
from ..workers.child import SendProgress, serve
from ..workers.messages import Message
from ..workers.process import module_command
from .folders import write_report
from .limits import TaskLimits, limited
from .registry import TaskContext, task_registry

COMMAND = module_command("lipsmith.jobs.worker")
SEND_EVERY = 0.2
"""Seconds between two progress messages within a stage."""


def main() -> None:
    """Do tasks until the parent is gone."""
    task_registry()  # loaded before the first task comes
    serve(do_task)


def task_request(
    name: str,
    options: Mapping[str, Any],
    data: Path,
    uploads: Path,
    output: Path,
    owner: str = "",
    limits: TaskLimits | None = None,
) -> dict[str, Any]:
    """The header of a request to do the task ``name`` within ``limits``; the folders are those of ``TaskContext``."""
    folders = {"data": str(data), "uploads": str(uploads), "output": str(output)}
    taken = limits.as_json() if limits else None
    return {"do": name, "options": dict(options), "owner": owner, "limits": taken, **folders}


def do_task(request: Message, send: SendProgress) -> Message:
    """Do one task. Its errors name files as the client knows them, not where they lie here."""
    header = request.header
    data, uploads, output = (Path(header[name]) for name in ("data", "uploads", "output"))
    context = TaskContext(data, header["owner"], uploads, output, ProgressSender(send))
    limits = TaskLimits(**header["limits"]) if header["limits"] else None
    try:
        with limited(limits):
            report = as_json(task_registry().run(header["do"], header["options"], context))
    except LipsmithError as error:
        raise type(error)(without_folders(str(error), header["data"])) from error
    if header["do"] in task_registry().job_kinds:
        write_report(output, report)
    return Message(report)


class ProgressSender:
    """Sends the stages of a task: when one starts, when it is done, and some times a second meanwhile."""

    def __init__(self, send: SendProgress) -> None:
        self._send, self._sent_at, self._name = send, 0.0, ""

    def __call__(self, stage: Stage) -> None:
        now = time.monotonic()
        if stage.name == self._name and stage.done != stage.total and now - self._sent_at < SEND_EVERY:
            return
        self._name, self._sent_at = stage.name, now
        self._send({"stage": [stage.name, stage.done, stage.total]})


def without_folders(text: str, data: str) -> str:
    """``text`` without the folders of paths below ``data``."""
    return re.sub(re.escape(data) + r"(/[^\s/:;,'\"]+)*/", "", text)


def as_json(value: Any) -> Any:
    """``value`` in JSON's own types: a dataclass becomes a mapping, NaN null, what JSON does not know text."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {one.name: as_json(getattr(value, one.name)) for one in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(name): as_json(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_json(item) for item in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)


if __name__ == "__main__":
    main()
