"""Pushed sound on its way: kept in the chunks it came in, taken in the lengths that are wanted."""

from __future__ import annotations

from collections import deque

import numpy as np

from ..errors import SoundError
from ..media.resampler import Resampler
from ..types import Samples

LOWEST_RATE, HIGHEST_RATE = 8_000, 192_000
"""Hz of sound that can be pushed."""


class SampleQueue:
    """Samples in order, first in, first out. Whoever pushes keeps it bounded."""

    def __init__(self) -> None:
        self._chunks: deque[Samples] = deque()
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def push(self, samples: Samples) -> None:
        """Append (n,) samples; they are kept, not copied."""
        if len(samples):
            self._chunks.append(samples)
            self._length += len(samples)

    def take(self, count: int) -> Samples:
        """The first ``count`` samples, or all if there are fewer."""
        parts: list[Samples] = []
        left = min(count, self._length)
        self._length -= left
        while left:
            chunk = self._chunks.popleft()
            if len(chunk) > left:
                self._chunks.appendleft(chunk[left:])
                chunk = chunk[:left]
            parts.append(chunk)
            left -= len(chunk)
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)


class StreamResampler:
    """Brings whatever is pushed to one rate; it may change in the middle, as when another microphone is taken."""

    def __init__(self, goal: int) -> None:
        self._goal = goal
        self._hearing: Resampler | None = None

    def push(self, samples: Samples, rate: int) -> Samples:
        """Take (n,) samples at ``rate``; return those at the goal that are now decided."""
        left = self.flush() if self._hearing is not None and self._hearing.rate != rate else None
        if self._hearing is None and rate != self._goal:
            self._hearing = Resampler(rate, self._goal)
        heard = samples if self._hearing is None else self._hearing.push(samples)
        return heard if left is None else np.concatenate([left, heard])

    def flush(self) -> Samples:
        """The sound is over: what the resampler still holds."""
        hearing, self._hearing = self._hearing, None
        return np.zeros(0, np.float32) if hearing is None else hearing.flush()


def checked(samples: Samples, rate: int) -> Samples:
    """The samples as (n,) float32 of our own, whatever becomes of the caller's array.

    Raises:
        SoundError: not one-dimensional, not finite, or at a rate nobody records.
    """
    own = np.array(samples, np.float32)
    if own.ndim != 1 or not np.isfinite(own).all():
        raise SoundError(f"The sound pushed is of shape {own.shape} or not all finite; push (n,) finite mono samples.")
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise SoundError(f"The sound pushed says {rate} Hz; push {LOWEST_RATE} to {HIGHEST_RATE} Hz.")
    return own
