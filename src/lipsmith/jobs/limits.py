"""What a task may take of its process: processor time and memory, where the system can hold it to that."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError

if TYPE_CHECKING:
    from types import FrameType

AGAIN = 0.5
"""Seconds of processor time after which a task that went on is stopped again."""
SLOW = "The upload takes far longer to read than a file of its size should: export it again."
LARGE = "The upload takes far more memory to read than a file of its size should: export it again."


@dataclass(frozen=True, slots=True)
class TaskLimits:
    """The most that one task may take."""

    seconds: float  # of the processor, of all threads together
    memory: int | None = None  # bytes beyond what the process has; None: as the system has

    def as_json(self) -> dict[str, Any]:
        """For ``limited``."""
        return asdict(self)


@contextmanager
def limited(limits: TaskLimits | None) -> Iterator[None]:
    """Raise InputError in this block when it takes more than ``limits``. For the main thread of a process.

    Code that is not Python ends first; so whoever started the process needs a deadline of their own.
    """
    if limits is None:
        yield
        return
    try:
        with _memory_limited(limits.memory), _time_limited(limits.seconds):
            yield
    except MemoryError as reason:
        raise InputError(LARGE) from reason


@contextmanager
def _time_limited(seconds: float) -> Iterator[None]:
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGPROF, _stop)
    signal.setitimer(signal.ITIMER_PROF, seconds, AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise InputError(SLOW)


@contextmanager
def _memory_limited(more: int | None) -> Iterator[None]:
    if more is None or sys.platform != "linux":
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = _data_bytes() + more
    resource.setrlimit(resource.RLIMIT_DATA, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _data_bytes() -> int:
    """What the process has of the memory that RLIMIT_DATA counts."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmData:"))) * 1024


__all__ = ["TaskLimits", "limited"]
