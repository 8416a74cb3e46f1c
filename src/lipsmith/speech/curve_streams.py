"""Mouth controls of a stream of speech at 25 steps per second, by any of three ways of hearing.

Step j describes the mouth at sample 640 j + 320, the middle of video frame j at 25 fps. The chunks of sound make no
difference.

* ``small``: the student network on log-mel (``student``); each step looks 75 ms ahead. The cheapest.
* ``file``: the speech encoder in whole windows, with the head for files. The best; a step may come 9 s late.
* ``live``: the speech encoder in a sliding window, with the head for live streams; looks some hundred ms ahead.
"""

from __future__ import annotations

from typing import Literal, Protocol

import numpy as np

from ..types import Array, Samples
from .encoder_windows import feature_stream
from .mouth_heads import HeadStream, MouthHead, load_heads
from .student import FRAMES_PER_STEP, LAST_FRAME, STEP, Student, load_student, silent_frames
from .student_mel import HOP, WINDOW, StudentMelStream, normalised

Hearing = Literal["small", "file", "live"]


class CurveStream(Protocol):
    """Gives the mouth controls of one stream, step by step."""

    def push(self, samples: Samples) -> list[Array]:
        """Take (n,) more samples at 16 kHz; return the steps, each (8,), that are now decided."""
        ...

    def end(self, steps: int) -> list[Array]:
        """The sound is over, and silence follows: return the remaining steps, until there were ``steps`` in all."""
        ...


def curve_stream(hearing: Hearing) -> CurveStream:
    """A fresh stream. Its network is loaded when the first sound comes, once per process."""
    return StudentStream() if hearing == "small" else EncoderStream(hearing)


class StudentStream:
    """Runs the student over one stream."""

    def __init__(self, student: Student | None = None) -> None:
        self._student = student
        self._mel = StudentMelStream()
        self._frames: Array | None = None  # (m, 40) normalised: input of the next steps
        self._state: Array | None = None
        self._given = 0

    def push(self, samples: Samples) -> list[Array]:
        """Take (n,) more samples; return the steps that are now decided."""
        return self._advance(normalised(self._mel.push(samples)))

    def end(self, steps: int) -> list[Array]:
        """The remaining steps, with silence appended."""
        missing = steps - self._given
        if missing <= 0:
            return []
        silence = np.zeros(missing * STEP + LAST_FRAME * HOP + WINDOW, np.float32)
        return self._advance(normalised(self._mel.push(silence)))[:missing]

    def _advance(self, frames: Array) -> list[Array]:
        if not len(frames):
            return []
        student = self._student = self._student or load_student()
        if self._frames is None or self._state is None:
            before = student.width - LAST_FRAME - 1  # silent frames before frame 0 in the input of step 0
            self._frames, self._state = silent_frames(before), student.initial_state
        self._frames = np.concatenate([self._frames, frames])
        steps: list[Array] = []
        while len(self._frames) >= student.width:
            drive, self._state = student.step(self._frames[: student.width], self._state)
            self._frames = self._frames[FRAMES_PER_STEP:]
            steps.append(drive)
        self._given += len(steps)
        return steps


class EncoderStream:
    """Runs the speech encoder and a head over one stream.

    Args:
        hearing: whose shipped head, and so whose windows.
        head: another one in its place.
    """

    def __init__(self, hearing: Literal["file", "live"] = "file", head: MouthHead | None = None) -> None:
        self._head = head or (load_heads().file if hearing == "file" else load_heads().live)
        self._features, self._controls = feature_stream(self._head.windows), HeadStream(self._head)
        self._given = 0

    def push(self, samples: Samples) -> list[Array]:
        """Take (n,) more samples; return the steps that are now decided."""
        steps = list(self._controls.push(self._features.push(samples)))
        self._given += len(steps)
        return steps

    def end(self, steps: int) -> list[Array]:
        """The remaining steps, with silence appended."""
        rest = self._controls.push(self._features.end(steps + self._head.after))
        return list(rest)[: max(0, steps - self._given)]
