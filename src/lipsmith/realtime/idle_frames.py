"""A still portrait that nobody speaks through: drawn by the same engine, from a take of silence, so that it lives."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from ..engines.protocols import Engine
from ..pipeline.timeline import RenderWindow, Timeline
from ..timing import sample_at
from ..types import SourceFrame
from .easing import DriveEasing


class IdleFrames:
    """Runs of silence, one frame each, for as long as is wished.

    Args:
        engine: with a window of 1, whose encoders are ``Lively``.
        fps: of the session.
        plates: planned as they are asked for.
        ease: frames in which the face glides from speech into silence.
    """

    def __init__(self, engine: Engine, fps: Fraction, source_frames: Iterator[SourceFrame], ease: int) -> None:
        self._fps, self._pushed = fps, 0
        self._take = Timeline.of_speech(source_frames, engine, fps)
        self.glide = DriveEasing(ease)
        self._next: int | None = None

    def next_runs(self, number: int) -> list[tuple[int, RenderWindow]]:
        """The runs that show as the session's pictures from ``number`` on: one, or two at odd rates.

        Beside each, the picture that frame 0 of the take would have been.
        """
        if number != self._next:
            self.glide.begin()
        self._take.begin_at(number)
        runs: list[RenderWindow] = []
        while not runs:
            start, stop = (sample_at(frame, self._fps) for frame in (self._pushed, self._pushed + 1))
            self._pushed += 1
            runs = self._take.push(np.zeros(stop - start, np.float32))
        self._next = number + len(runs)
        return [(number + place - run[0].index, run) for place, run in enumerate(runs)]
