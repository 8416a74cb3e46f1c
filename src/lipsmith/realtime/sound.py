"""Pushed sound: a queue of samples, and a resampler for streams whose rate may change."""

from __future__ import annotations

from collections import deque

import numpy as np

from ..errors import SoundError
from ..media.resampler import Resampler
from ..types import Samples

LOWEST_RATE, HIGHEST_RATE = 8_000, 192_000
"""Hz; the range of rates that can be pushed."""


class SampleQueue:
    """Samples in the order they came. Whoever pushes must keep it bounded."""

    def __init__(self) -> None:
        self._chunks: deque[Samples] = deque()
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def push(self, samples: Samples) -> None:
        """Append (n,) samples. They are not copied."""
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
    """Resamples pushed sound to ``goal`` Hz. The rate of the sound may change, as when another microphone is used."""

    def __init__(self, goal: int) -> None:
        self._goal = goal
        self._resampler: Resampler | None = None

    def push(self, samples: Samples, rate: int) -> Samples:
        """Take (n,) samples at ``rate`` Hz; return the (m,) samples at the goal rate that are decided now."""
        left = self.flush() if self._resampler is not None and self._resampler.rate != rate else None
        if self._resampler is None and rate != self._goal:
            self._resampler = Resampler(rate, self._goal)
        out = samples if self._resampler is None else self._resampler.push(samples)
        return out if left is None else np.concatenate([left, out])

    def flush(self) -> Samples:
        """The sound is over: return what the resampler still holds."""
        resampler, self._resampler = self._resampler, None
        return np.zeros(0, np.float32) if resampler is None else resampler.flush()


def checked(samples: Samples, rate: int) -> Samples:
    """Copy ``samples`` as (n,) float32, so that the caller may reuse the array.

    Raises:
        SoundError: the samples are not one-dimensional or not finite, or the rate is out of range.
    """
    own = np.array(samples, np.float32)
    if own.ndim != 1 or not np.isfinite(own).all():
        raise SoundError(f"The sound pushed is of shape {own.shape} or not all finite; push (n,) finite mono samples.")
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise SoundError(f"The sound pushed says {rate} Hz; push {LOWEST_RATE} to {HIGHEST_RATE} Hz.")
    return own
