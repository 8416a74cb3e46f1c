"""Turns speech into mouth controls: one drive per video frame, the same whatever the chunks.

A curve stream makes 25 steps per second; each describes the middle of its 40 ms. A video frame gets the controls at the
middle of the time that it shows: at 25 fps those of one step, at other rates a linear interpolation between two, for
which it waits up to 40 ms longer.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from ..errors import SoundError
from ..timing import SPEECH_SAMPLE_RATE, frame_count
from ..types import Array, Samples
from .curve_streams import CurveStream
from .encoder_windows import STEP


class MouthEncoder:
    """Encodes one stream of speech at 16 kHz as mouth controls. A ``SpeechEncoder``.

    Args:
        fps: of the film.
        curves: who hears: a fresh stream.
    """

    def __init__(self, fps: Fraction, curves: CurveStream) -> None:
        self._fps = fps
        self._curves = curves
        self._steps: list[Array] = []  # the steps that later frames may need
        self._dropped = 0  # steps before those in ``_steps``
        self._received = 0  # samples
        self._emitted = 0  # drives

    def push(self, samples: Samples) -> list[Array]:
        """Take (n,) more samples; return the drives, each (8,), that are now complete.

        Raises:
            SoundError: the samples are not all finite numbers.
        """
        if samples.ndim != 1 or not np.all(np.isfinite(samples)):
            raise SoundError("The speech holds values that are not numbers; give (n,) finite samples.")
        self._received += len(samples)
        steps = self._curves.push(samples.astype(np.float32, copy=False))
        return self._drives(steps, frame_count(self._received, self._fps))

    def flush(self) -> list[Array]:
        """End the stream; return the remaining drives, up to ``frame_count`` of all samples."""
        owed = frame_count(self._received, self._fps)
        if not owed:
            return []
        last, share = step_at(owed - 1, self._fps)
        return self._drives(self._curves.end(max(last, 0) + (1 if share else 0) + 1), owed)

    def _drives(self, steps: list[Array], most: int) -> list[Array]:
        self._steps += steps
        decided: list[Array] = []
        while self._emitted < most and (drive := self._drive(self._emitted)) is not None:
            decided.append(drive)
            self._emitted += 1
        self._forget()
        return decided

    def _drive(self, frame: int) -> Array | None:
        """The drive of a video frame; None while a step that it needs is missing."""
        step, share = step_at(frame, self._fps)
        index = max(step, 0) - self._dropped  # before the middle of the first step, use the first step
        between = share if step >= 0 else Fraction(0)
        if index + (1 if between else 0) >= len(self._steps):
            return None
        if not between:
            return self._steps[index].copy()
        weight = np.float32(between)
        mixed: Array = (1 - weight) * self._steps[index] + weight * self._steps[index + 1]
        return mixed

    def _forget(self) -> None:
        done = min(max(step_at(self._emitted, self._fps)[0], 0) - self._dropped, len(self._steps))
        if done > 0:
            del self._steps[:done]
            self._dropped += done


def step_at(frame: int, fps: Fraction) -> tuple[int, Fraction]:
    """The step at or before the middle of a video frame, and the fraction of the way to the next, 0..1.

    The step is negative before the middle of step 0.
    """
    position = Fraction(2 * frame + 1, 2) / fps * Fraction(SPEECH_SAMPLE_RATE, STEP) - Fraction(1, 2)
    step = position.numerator // position.denominator
    return step, position - step
