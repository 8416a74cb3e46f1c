"""Where one clip of an avatar may go on with another: at plates that look alike."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise, permutations

import numpy as np
from numpy.typing import NDArray

from ..types import Array
from .playback import Clip, Transition

Views = NDArray[np.uint8]
"""(n, d): small copies of a clip's plates."""

_ALIKE = 1.5
"""Bridges kept differ at most so many times more than the best."""
_SEEN_JUMP = 2.0, 4.0
"""A jump is seen when it is so many times more than nine in ten neighbours differ, and so many of 255 levels."""
_COMPARED = 2000
"""Most plates of a clip that are compared, evenly spread."""


def find_transitions(clips: Sequence[Clip], views: Sequence[Views], rate: float) -> tuple[Transition, ...]:
    """For every clip and every other: about one pair of plates per second that look most alike, at least one.

    Args:
        clips: of an avatar.
        views: one per clip.
        rate: plates per second.
    """
    pairs = permutations(range(len(clips)), 2)
    return tuple(one for a, b in pairs for one in _between((clips[a], clips[b]), (views[a], views[b]), rate))


def jumps(clips: Sequence[Clip], views: Sequence[Views]) -> list[str]:
    """A sentence for every two clips that nowhere look alike."""
    return [
        f"The clips {clips[a].name} and {clips[b].name} nowhere look alike, so a jump will be seen between them: film "
        "them in one go, or let both begin or end in one pose."
        for a, b in combinations(range(len(clips)), 2)
        if _far_apart(views[a], views[b])
    ]


def _between(clips: tuple[Clip, Clip], views: tuple[Views, Views], rate: float) -> list[Transition]:
    out, into = clips
    steps = [_stride(one) for one in views]
    differ = _differences(*views)
    entered = differ.argmin(1)
    cost = differ[np.arange(len(differ)), entered]
    second = max(1, round(rate / steps[0]))
    found: list[Transition] = []
    for begin in range(0, len(cost), second):
        leave = begin + int(cost[begin : begin + second].argmin())
        if cost[leave] <= _ALIKE * cost.min() + 1e-6:
            found.append(Transition(out.start + leave * steps[0], into.start + int(entered[leave]) * steps[1]))
    return found


def _far_apart(some: Views, others: Views) -> bool:
    steps = [_root(later.astype(np.float32) - one) for view in (some, others) for one, later in pairwise(view)]
    usual = float(np.percentile(steps, 90)) if steps else 0.0
    return float(_differences(some, others).min()) > max(_SEEN_JUMP[0] * usual, _SEEN_JUMP[1])


def _root(difference: Array) -> float:
    return float(np.sqrt(np.square(difference).mean()))


def _stride(views: Views) -> int:
    return -(-len(views) // _COMPARED)


def _differences(some: Views, others: Views) -> Array:
    """Root of the mean square difference of every pair of compared plates."""
    one, other = (views[:: _stride(views)].astype(np.float32) for views in (some, others))
    squares = (one**2).sum(1)[:, None] + (other**2).sum(1)[None] - 2 * one @ other.T
    return np.asarray(np.sqrt(np.maximum(squares, 0) / max(1, one.shape[1])), np.float32)


__all__ = ["Views", "find_transitions", "jumps"]
