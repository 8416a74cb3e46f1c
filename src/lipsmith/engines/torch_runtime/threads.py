"""With how many threads torch computes on a CPU, beside the other work of the machine.

torch's threads wait for each other many hundred times in one picture. OpenMP lets them wait by spinning, which takes
the processor from those that are waited for as soon as there are more threads than cores. ``wait_asleep`` turns this
off; ``use_threads`` asks for no more threads than cores are idle.
"""

from __future__ import annotations

import os
import time
from collections.abc import MutableMapping
from functools import cache
from pathlib import Path

STAT = Path("/proc/stat")
QUOTA = Path("/sys/fs/cgroup/cpu.max")
LOOK = 0.1
"""s between two looks at the processor's counters, which count hundredths of a second."""
_CHOICES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
_IDLE = slice(3, 5)
"""Of the counters after ``cpu``: idle, and idle while a disk is waited for. The first eight are all there is."""


def wait_asleep(environment: MutableMapping[str, str] = os.environ) -> None:
    """Let OpenMP's threads sleep when they wait, unless the user chose how; without effect once torch is imported."""
    if not any(name in environment for name in _CHOICES):
        environment["OMP_WAIT_POLICY"] = "PASSIVE"


def use_threads(asked: int = 0) -> int:
    """Let torch compute with ``asked`` threads; 0: ``suitable_threads``, but ``OMP_NUM_THREADS`` decides if it is set.

    Returns:
        Their number.
    """
    import torch

    most = _torchs_own()  # before it is changed
    if not asked:
        asked = most if "OMP_NUM_THREADS" in os.environ else min(most, suitable_threads())
    if asked != torch.get_num_threads():
        torch.set_num_threads(asked)
    return asked


def suitable_threads() -> int:
    """As many as cores are idle now, of those that this process may use; at least 1."""
    usable = usable_cores()
    idle = idle_cores()
    return usable if idle is None else max(1, min(usable, round(idle)))


def usable_cores(quota: Path = QUOTA) -> int:
    """Cores that this process may use: the machine's, less by its affinity and by its container's quota."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        allowed, period = quota.read_text().split()
        return max(1, min(cores, round(int(allowed) / int(period))))
    except (OSError, ValueError):  # no control groups, or "max": no quota
        return cores


def idle_cores(stat: Path = STAT, look: float = LOOK) -> float | None:
    """How many of the machine's cores did nothing in the last ``look`` seconds, in which this sleeps.

    Without such counters (macOS): the cores less the load of the last minute. None: not known (Windows).
    """
    cores = os.cpu_count() or 1
    before = _counters(stat)
    if before is None:
        return max(0.0, cores - os.getloadavg()[0]) if hasattr(os, "getloadavg") else None
    time.sleep(look)
    passed = [late - early for early, late in zip(before, _counters(stat) or before, strict=True)]
    return cores * sum(passed[_IDLE]) / sum(passed) if sum(passed) else None


def _counters(stat: Path) -> list[int] | None:
    """Time since the start, of all cores together, in eight kinds of work and idleness; None: not known."""
    try:
        words = stat.read_text().split("\n", 1)[0].split()
        return [int(word) for word in words[1:9]]
    except (OSError, ValueError):
        return None


@cache
def _torchs_own() -> int:
    """As many threads as torch takes by itself."""
    import torch

    return int(torch.get_num_threads())


__all__ = ["idle_cores", "suitable_threads", "usable_cores", "use_threads", "wait_asleep"]
