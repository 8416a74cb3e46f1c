"""In which order waiting jobs start: clients take turns, and each client's own jobs keep their order."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Iterator, Mapping


def start_order(
    waiting: Iterable[tuple[str, str]], running: Mapping[str, int], turns: Mapping[str, int]
) -> Iterator[str]:
    """The ids of the waiting jobs in the order in which they start, as long as no running job ends.

    The next job is one of the client with the fewest running jobs; of several such clients, of the one whose last
    turn is longest ago.

    Args:
        waiting: id and owner of every waiting job, the longest waiting first.
        running: owner -> jobs that run.
        turns: owner -> number of the last turn, which counts up with every job that starts; 0 if there was none.
    """
    queues: dict[str, deque[str]] = {}
    for job, owner in waiting:
        queues.setdefault(owner, deque()).append(job)
    line = [(running.get(owner, 0), turns.get(owner, 0), place, owner) for place, owner in enumerate(queues)]
    heapq.heapify(line)
    turn = max(turns.values(), default=0)
    while line:
        count, _, place, owner = line[0]
        yield queues[owner].popleft()
        turn += 1
        if queues[owner]:
            heapq.heapreplace(line, (count + 1, turn, place, owner))
        else:
            heapq.heappop(line)


__all__ = ["start_order"]
