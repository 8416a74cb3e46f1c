"""Compares two ways to do the same work, in one process."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TimeSpent:
    """Seconds that some work took."""

    wall: float
    cpu: float  # of the whole process, all its threads


@dataclass(frozen=True, slots=True)
class Comparison:
    """The same work done twice in one process."""

    what: str
    ours: TimeSpent
    theirs: TimeSpent
    times_wall: float  # theirs over ours; 2: ours takes half as long
    times_cpu: float
    note: str


def compare(what: str, ours: TimeSpent, theirs: TimeSpent, items: float, note: str) -> Comparison:
    """Compare the times of ``items`` pieces of work, per piece."""
    one, other = (TimeSpent(spent.wall / items, spent.cpu / items) for spent in (ours, theirs))
    return Comparison(what, one, other, other.wall / one.wall, other.cpu / one.cpu, note)


def spent_on(work: Callable[[], object], rounds: int, warm: bool = True) -> TimeSpent:
    """The time of the fastest of ``rounds``. With several rounds and ``warm``, one more warms up first."""
    if warm and rounds > 1:
        work()
    found = []
    for _ in range(rounds):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        found.append(TimeSpent(time.perf_counter() - wall, time.process_time() - cpu))
    return TimeSpent(min(one.wall for one in found), min(one.cpu for one in found))
