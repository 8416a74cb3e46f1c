"""A process that works for the server: ``python -m lipsmith.server.worker``.

It reads one task a line on standard input, JSON with ``do`` and the task's own words, and writes lines of JSON on
standard output: ``{"stage": [name, done, total]}`` while it works, at last ``{"done": ...}`` or ``{"problem": ...}``.
When standard input ends, the server is gone, and so is the worker, at once and in the middle of anything.
It keeps its engine and its landmarker from task to task.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import sys
import threading
import time
from typing import Any, TextIO

from ..errors import LipsmithError, problem_of
from ..stopwatch import Stage
from .tasks import TaskRegistry

TELL_EVERY = 0.2  # seconds between two words of progress within a stage
log = logging.getLogger(__name__)


class ProgressWriter:
    """Where the worker speaks: the real standard output, which libraries shall not write into."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._last, self._stage = stream, 0.0, ""

    def say(self, word: dict[str, Any]) -> None:
        """Write one line."""
        self._stream.write(json.dumps(word) + "\n")
        self._stream.flush()

    def progress(self, stage: Stage) -> None:
        """Tell of a stage when it begins, when it is over, and now and then."""
        now = time.monotonic()
        if stage.name == self._stage and stage.done != stage.total and now - self._last < TELL_EVERY:
            return
        self._stage, self._last = stage.name, now
        self.say({"stage": [stage.name, stage.done, stage.total]})


def main() -> None:
    """Work until standard input ends."""
    voice = ProgressWriter(os.fdopen(os.dup(1), "w", encoding="utf-8"))
    os.dup2(2, 1)
    tasks: queue.Queue[str] = queue.Queue(1)
    threading.Thread(target=_read, args=(tasks,), daemon=True).start()
    bench = TaskRegistry(voice.progress)
    voice.say({"ready": os.getpid()})
    while True:
        work(json.loads(tasks.get()), bench, voice)


def work(task: dict[str, Any], bench: TaskRegistry, voice: ProgressWriter) -> None:
    """Do one task and say how it ended. This is the border where errors become problems."""
    try:
        voice.say({"done": bench.do(task)})
    except LipsmithError as error:
        voice.say({"problem": problem_of(error)})
    except Exception as error:
        log.exception("a task failed")
        voice.say({"problem": problem_of(error)})


def _read(tasks: queue.Queue[str]) -> None:
    for line in sys.stdin:
        tasks.put(line)
    os._exit(0)


if __name__ == "__main__":
    main()
