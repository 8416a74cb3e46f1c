"""Transitions between the clips of an avatar: pairs of frames that look alike."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise, permutations

import numpy as np
from numpy.typing import NDArray

from ..types import Array
from .playback import Clip, Transition

Thumbnails = NDArray[np.uint8]
"""(n, d): the pixels of small copies of a clip's n frames."""

_TOLERANCE = 1.5
"""A transition is kept if its frames differ at most this many times as much as those of the best one."""
_JUMP_RATIO, _JUMP_LEVELS = 2.0, 4.0
"""A jump is visible if it exceeds nine in ten steps between neighbours this many times, and this many of 255 levels."""
_MAX_COMPARED = 2000
"""Most frames of a clip that are compared, evenly spread."""


def find_transitions(clips: Sequence[Clip], thumbnails: Sequence[Thumbnails], rate: float) -> tuple[Transition, ...]:
    """For every clip and every other: about one transition per second, where they look most alike, and at least one.

    Args:
        clips: of one avatar.
        thumbnails: one array per clip.
        rate: frames per second.
    """
    pairs = permutations(range(len(clips)), 2)
    return tuple(one for a, b in pairs for one in _between((clips[a], clips[b]), (thumbnails[a], thumbnails[b]), rate))


def visible_jumps(clips: Sequence[Clip], thumbnails: Sequence[Thumbnails]) -> list[str]:
    """A sentence for every two clips that never look alike."""
    return [
        f"The clips {clips[a].name} and {clips[b].name} nowhere look alike, so a jump will be seen between them: film "
        "them in one go, or let both begin or end in one pose."
        for a, b in combinations(range(len(clips)), 2)
        if _far_apart(thumbnails[a], thumbnails[b])
    ]


def _between(clips: tuple[Clip, Clip], thumbnails: tuple[Thumbnails, Thumbnails], rate: float) -> list[Transition]:
    """Transitions from the first clip to the second."""
    strides = [_stride(one) for one in thumbnails]
    differences = _differences(*thumbnails)
    enter = differences.argmin(1)
    cost = differences[np.arange(len(differences)), enter]
    second = max(1, round(rate / strides[0]))
    found: list[Transition] = []
    for begin in range(0, len(cost), second):
        leave = begin + int(cost[begin : begin + second].argmin())
        if cost[leave] <= _TOLERANCE * cost.min() + 1e-6:
            found.append(
                Transition(clips[0].start + leave * strides[0], clips[1].start + int(enter[leave]) * strides[1])
            )
    return found


def _far_apart(one: Thumbnails, other: Thumbnails) -> bool:
    steps = [_rms(after.astype(np.float32) - before) for clip in (one, other) for before, after in pairwise(clip)]
    usual = float(np.percentile(steps, 90)) if steps else 0.0
    return float(_differences(one, other).min()) > max(_JUMP_RATIO * usual, _JUMP_LEVELS)


def _rms(difference: Array) -> float:
    """Root mean square."""
    return float(np.sqrt(np.square(difference).mean()))


def _stride(thumbnails: Thumbnails) -> int:
    return -(-len(thumbnails) // _MAX_COMPARED)


def _differences(one: Thumbnails, other: Thumbnails) -> Array:
    """(n, m) root mean square difference of every compared frame of ``one`` from every compared frame of ``other``."""
    a, b = (clip[:: _stride(clip)].astype(np.float32) for clip in (one, other))
    squares = (a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * a @ b.T
    return np.asarray(np.sqrt(np.maximum(squares, 0) / max(1, a.shape[1])), np.float32)


__all__ = ["Thumbnails", "find_transitions", "visible_jumps"]
