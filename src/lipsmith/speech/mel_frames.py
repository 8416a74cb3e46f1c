"""The log-mel frames of one stream that may still be needed, with silence on both sides of the sound."""

from __future__ import annotations

import numpy as np

from ..types import Array, Samples
from .whisper_mel import BANDS, FLOOR_LOG10, HOP, REACH, WhisperMelStream


class MelFrames:
    """Takes sound, and keeps its frames until ``forget``."""

    def __init__(self) -> None:
        self._stream = WhisperMelStream()
        self._frames: Array = np.zeros((0, BANDS), np.float32)
        self._dropped = 0  # frames before those in ``_frames``
        self._pushed = 0  # samples
        self.length: int | None = None
        """Samples of the whole sound; None: it has not ended."""

    @property
    def complete(self) -> int:
        """Frames of the stream so far."""
        return self._dropped + len(self._frames)

    def push(self, samples: Samples) -> None:
        """Take (n,) more samples at 16 kHz."""
        self._pushed += len(samples)
        self._add(samples)

    def end(self) -> None:
        """Complete the frames that reach beyond the sound."""
        self.length = self._pushed
        self._add(np.zeros(2 * REACH + HOP, np.float32))

    def between(self, first: int, last: int) -> Array:
        """(last - first, 80) frames; silence before the first and after the last that is complete."""
        frames = np.full((last - first, BANDS), FLOOR_LOG10, np.float32)
        begin, end = max(first, self._dropped), min(last, self.complete)
        if begin < end:
            frames[begin - first : end - first] = self._frames[begin - self._dropped : end - self._dropped]
        return frames

    def forget(self, first: int) -> None:
        """Drop the frames before ``first``; they are not needed again."""
        done = min(first - self._dropped, len(self._frames))
        if done > 0:
            self._frames = self._frames[done:]
            self._dropped += done

    def _add(self, samples: Samples) -> None:
        found = self._stream.push(samples)
        self._frames = np.concatenate([self._frames, found]) if len(found) else self._frames
