"""Speech in, mouth controls out: one drive per video frame, in step with the sound, whatever the chunks.

The student steps at 25 a second, each step describing the middle of its 40 ms. A film frame asks for the mouth at the
middle of the time it shows; at 25 fps that is the step itself, at any other rate the curve is interpolated between the
two steps around it. Look-ahead past the described instant: 75 ms at 25 fps, under 115 ms at any other rate.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from ..errors import SoundError
from ..timing import HEARING_RATE, frame_count
from ..types import Array, Samples
from .student import FRAMES_PER_STEP, LAST_FRAME, STEP, Student, load_student, silent_frames
from .student_mel import HOP, WINDOW, StudentMelStream, normalised


class MouthEncoder:
    """Hears one stream of speech at 16 kHz and says what the mouth does. A ``SpeechEncoder``."""

    def __init__(self, fps: Fraction, student: Student | None = None) -> None:
        self._fps = fps
        self._curve = StudentStream(student)
        self._steps: list[Array] = []  # the steps that frames still to come may need
        self._dropped = 0  # steps before those
        self._received = 0  # samples
        self._emitted = 0  # drives

    def push(self, samples: Samples) -> list[Array]:
        """Hear (n,) more samples; return the drives, each (8,), that are now decided.

        Raises:
            SoundError: the samples are not all finite numbers.
        """
        self._received += len(samples)
        return self._drives(self._curve.push(samples), frame_count(self._received, self._fps))

    def flush(self) -> list[Array]:
        """The sound is over: the drives still owed, so that ``frame_count`` of all samples heard have been given."""
        owed = frame_count(self._received, self._fps)
        if not owed:
            return []
        last, share = student_step_at(owed - 1, self._fps)
        wanted = max(last, 0) + (1 if share else 0) + 1
        missing = wanted - self._dropped - len(self._steps)
        return self._drives(self._curve.end(missing), owed)

    def _drives(self, steps: list[Array], most: int) -> list[Array]:
        self._steps += steps
        decided: list[Array] = []
        while self._emitted < most and (drive := self._drive(self._emitted)) is not None:
            decided.append(drive)
            self._emitted += 1
        self._forget()
        return decided

    def _drive(self, frame: int) -> Array | None:
        """What the mouth does in the middle of a film frame; None while a step it needs is not there."""
        step, share = student_step_at(frame, self._fps)
        index = max(step, 0) - self._dropped  # before the middle of the first step, the first step holds
        between = share if step >= 0 else Fraction(0)
        if index + (1 if between else 0) >= len(self._steps):
            return None
        if not between:
            return self._steps[index].copy()
        weight = np.float32(between)
        mixed: Array = (1 - weight) * self._steps[index] + weight * self._steps[index + 1]
        return mixed

    def _forget(self) -> None:
        done = min(max(student_step_at(self._emitted, self._fps)[0], 0) - self._dropped, len(self._steps))
        if done > 0:
            del self._steps[:done]
            self._dropped += done


class StudentStream:
    """The student over one stream, in its own 25 steps a second."""

    def __init__(self, student: Student | None = None) -> None:
        self._student = student
        self._mel = StudentMelStream()
        self._frames: Array | None = None  # (m, 40) normalised: the frames that the next steps see
        self._state: Array | None = None

    def push(self, samples: Samples) -> list[Array]:
        """Hear (n,) more samples at 16 kHz; return the steps, each (8,), that are now decided."""
        if samples.ndim != 1 or not np.all(np.isfinite(samples)):
            raise SoundError("The speech holds values that are not numbers; give (n,) finite samples.")
        return self._advance(normalised(self._mel.push(samples.astype(np.float32, copy=False))))

    def end(self, missing: int) -> list[Array]:
        """The next ``missing`` steps, with silence after the sound."""
        if missing <= 0:
            return []
        silence = np.zeros(missing * STEP + LAST_FRAME * HOP + WINDOW, np.float32)
        return self._advance(normalised(self._mel.push(silence)))[:missing]

    def _advance(self, frames: Array) -> list[Array]:
        if not len(frames):
            return []
        student = self._student = self._student or load_student()
        if self._frames is None or self._state is None:
            before = student.width - LAST_FRAME - 1  # step 0 sees frames 0 .. LAST_FRAME after that much silence
            self._frames, self._state = silent_frames(before), student.initial_state
        self._frames = np.concatenate([self._frames, frames])
        steps: list[Array] = []
        while len(self._frames) >= student.width:
            drive, self._state = student.step(self._frames[: student.width], self._state)
            self._frames = self._frames[FRAMES_PER_STEP:]
            steps.append(drive)
        return steps


def student_step_at(frame: int, fps: Fraction) -> tuple[int, Fraction]:
    """The student's step at or before the middle of a film frame, and how far (0..1) the middle is on to the next.

    The step is negative before the middle of the first step.
    """
    position = Fraction(2 * frame + 1, 2) / fps * Fraction(HEARING_RATE, STEP) - Fraction(1, 2)
    step = position.numerator // position.denominator
    return step, position - step
