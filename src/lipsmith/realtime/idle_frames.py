"""A still portrait that moves while nobody speaks: the engine draws it from a timeline of silence."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from ..drive.speech import SpeechDrive
from ..engines.protocols import Engine
from ..pipeline.timeline import RenderWindow, Timeline
from ..timing import sample_at
from ..types import SourceFrame
from .easing import DriveEasing


class IdleFrames:
    """Windows of silence, one frame each, without end.

    Args:
        engine: one with a window of 1, whose speech encoders have ``IdleMotion``.
        fps: of the session.
        source_frames: scheduled as they are asked for.
        ease: frames in which the mouth eases from speech into silence.
        seed: of the motion; None: the engine's own.
    """

    def __init__(
        self,
        engine: Engine,
        fps: Fraction,
        source_frames: Iterator[SourceFrame],
        ease: int,
        seed: int | None = None,
    ) -> None:
        self._fps, self._pushed = fps, 0
        self._timeline = Timeline.of_speech(source_frames, engine, fps, use="live_cheap", seed=seed)
        self.easing = DriveEasing(ease, SpeechDrive(engine, fps, use="live_cheap").easing)
        self._next: int | None = None

    def next_windows(self, number: int) -> list[tuple[int, RenderWindow]]:
        """The windows for the session's pictures from ``number`` on: one, or two at fractional frame rates.

        Each comes after the number that the session's picture of the timeline's frame 0 would have.
        """
        if number != self._next:
            self.easing.begin()
        self._timeline.begin_at(number)
        windows: list[RenderWindow] = []
        while not windows:
            start, stop = (sample_at(frame, self._fps) for frame in (self._pushed, self._pushed + 1))
            self._pushed += 1
            windows = self._timeline.push(np.zeros(stop - start, np.float32))
        self._next = number + len(windows)
        return [(number + offset - window[0].index, window) for offset, window in enumerate(windows)]
