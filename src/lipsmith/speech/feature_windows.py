"""The 50 Hz feature rows of each video frame: exact at every frame rate, or with MuseTalk's own errors.

A window has 2 (left + right + 1) rows of 20 ms and begins 2 left rows before its frame; at 25 fps with left and right
2, it spans -80 ms .. +120 ms. Rows before the start and after the end of the sound are zeros, as MuseTalk was trained.

MuseTalk truncates the frame rate (29.97 becomes 29, which loses two seconds per minute), enlarges its padding below
25 fps without moving the window (sound is 40 to 120 ms early), has too little padding from 50 fps on, and fails on
clips under 0.1 s. ``strict`` reproduces all of this. The default is correct, and equal to MuseTalk where that is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError, SoundError
from ..timing import SPEECH_SAMPLE_RATE, frame_count
from ..types import Array

STEPS_PER_SECOND = 50
STEP = SPEECH_SAMPLE_RATE // STEPS_PER_SECOND
"""Samples from one feature row to the next: 320, 20 ms."""
_SEGMENT = 30  # seconds that MuseTalk passes to Whisper at once


@dataclass(frozen=True, slots=True)
class WindowPlan:
    """The positions of the windows of a film's frames.

    Args:
        fps: of the film.
        left, right: padding in pairs of rows before and after the frame.
        strict: count as MuseTalk does, with its errors.

    Raises:
        OptionError: a negative padding, or in strict mode a frame rate under 1.
    """

    fps: Fraction
    left: int = 2
    right: int = 2
    strict: bool = False

    def __post_init__(self) -> None:
        if self.left < 0 or self.right < 0:
            raise OptionError(f"Audio padding of {self.left} and {self.right} was asked for; give 0 or more.")
        if self.fps <= 0 or (self.strict and self.fps < 1):
            raise OptionError(f"{self.fps} frames a second cannot be counted{' as MuseTalk does' * self.strict}.")

    @property
    def width(self) -> int:
        """Rows in a window."""
        return 2 * (self.left + self.right + 1)

    def first(self, frame: int, steps: int) -> int:
        """The first row of a frame's window, negative before the sound; ``steps``: rows of the sound."""
        if not self.strict:
            return frame * STEPS_PER_SECOND // self.fps - 2 * self.left
        whole = int(self.fps)
        padding = math.ceil(STEPS_PER_SECOND / whole) * self.left
        return math.floor(frame * (STEPS_PER_SECOND / whole)) - min(padding, steps)

    def steps(self, samples: int) -> int:
        """Rows used of a sound of ``samples`` at 16 kHz; rows after them are zeros."""
        if not self.strict:
            return max(1, samples // STEP) if samples else 0
        counted = math.floor(samples / SPEECH_SAMPLE_RATE * STEPS_PER_SECOND)
        return min(counted, _SEGMENT * STEPS_PER_SECOND * math.ceil(samples / (_SEGMENT * SPEECH_SAMPLE_RATE)))

    def frames(self, samples: int) -> int:
        """Video frames of a sound of ``samples`` at 16 kHz; in strict mode as many as MuseTalk makes."""
        if self.strict:
            return math.floor(samples / SPEECH_SAMPLE_RATE * int(self.fps))
        return frame_count(samples, self.fps)

    def check(self, samples: int) -> None:
        """In strict mode, refuse the sounds on which MuseTalk fails.

        Raises:
            SoundError: MuseTalk makes no frame (its ValueError), or has too little padding (its exit).
        """
        if not self.strict:
            return
        frames, steps = self.frames(samples), self.steps(samples)
        if not frames:
            raise SoundError(
                f"MuseTalk makes no frame of {samples} samples at {int(self.fps)} fps (ValueError); "
                "give longer speech, or leave strict mode."
            )
        behind = min(math.ceil(STEPS_PER_SECOND / int(self.fps)) * 3 * self.right, steps)
        if self.first(frames - 1, steps) + self.width > steps + behind:
            raise SoundError(
                f"MuseTalk's padding ends before frame {frames - 1} at {int(self.fps)} fps (exit); "
                "give 25 to 49 fps and over 0.1 s of speech, or leave strict mode."
            )


def window_table(samples: int, plan: WindowPlan) -> NDArray[np.int32]:
    """The rows in the window of every frame.

    Args:
        samples: length of the sound at 16 kHz.
        plan: the windows' positions.

    Returns:
        (frames, width) int32 row numbers; -1 is a row of zeros.

    Raises:
        SoundError: strict mode, and MuseTalk fails on this sound.
    """
    plan.check(samples)
    steps = plan.steps(samples)
    starts = np.array([plan.first(frame, steps) for frame in range(plan.frames(samples))], np.int64)
    rows = starts[:, None] + np.arange(plan.width)
    return np.where((rows >= 0) & (rows < steps), rows, -1).astype(np.int32)


def gather_windows(features: Array, table: NDArray[np.int32]) -> Array:
    """The features in the window of every frame, rows first, layers within a row.

    Args:
        features: (steps, layers, channels) at 50 Hz.
        table: (frames, width) from ``window_table``.

    Returns:
        (frames, width * layers, channels) of the features' dtype.
    """
    if table.size and table.max() >= len(features):
        raise ValueError(f"the table asks for row {table.max()} of {len(features)}")
    seen = features[np.maximum(table, 0)]
    seen[table < 0] = 0
    windows: Array = seen.reshape(len(table), -1, features.shape[-1])
    return windows
