"""Joins a stream of sound with the pictures that it plays over. No clock, no model, no file.

``push`` and ``end`` return windows of frames to be rendered together. The same object serves a file on disk and a live
call, so both give the same frames. What plays is the pushed sound itself, sample by sample, at its own rate.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from ..drive.source import DriveSource
from ..drive.speech import SpeechDrive
from ..engines.protocols import EncoderUse, Engine
from ..timing import SPEECH_SAMPLE_RATE, frame_count, sample_at
from ..types import Array, DrivenFrame, Samples, SourceFrame

RenderWindow = list[DrivenFrame]
"""Consecutive frames drawn together: at most the engine's window, of one scene, all with the same faces.

A frame without a face stands alone.
"""


class Timeline:
    """Gives every frame of a film its source frame, its drive and its exact samples.

    Args:
        source_frames: the pictures in film order; they must not end before the film does.
        drives: gives one drive per frame.
        fps: of the film.
        rate: Hz of the pushed sound.
        window: most frames rendered together; the engine's ``info.window``.
    """

    def __init__(
        self,
        source_frames: Iterator[SourceFrame],
        drives: DriveSource,
        fps: Fraction,
        rate: int = SPEECH_SAMPLE_RATE,
        window: int = 1,
    ) -> None:
        self._source_frames, self._drives, self._fps, self._rate = source_frames, drives, fps, rate
        self._longest = window
        self._sound = np.zeros(0, np.float32)  # pushed, not yet given to a frame
        self._pushed = 0  # samples
        self._next = 0  # index of the next frame
        self._window: RenderWindow = []

    @classmethod
    def of_speech(
        cls,
        source_frames: Iterator[SourceFrame],
        engine: Engine,
        fps: Fraction,
        rate: int = SPEECH_SAMPLE_RATE,
        *,
        use: EncoderUse = "file",
        seed: int | None = None,
    ) -> Timeline:
        """A timeline whose pushed sound is speech, encoded and drawn by ``engine``.

        ``use``: a file or a live stream. ``seed``: of a still picture's motion, see ``picture_seed``; None: the
        engine's own.
        """
        return cls(source_frames, SpeechDrive(engine, fps, rate, use=use, seed=seed), fps, rate, engine.info.window)

    def push(self, samples: Samples) -> list[RenderWindow]:
        """Take (n,) more samples at the playing rate; return the windows that are now complete."""
        return list(self.iter_push(samples))

    def end(self, frames: int | None = None) -> list[RenderWindow]:
        """The sound is over. The film ends with it, or after ``frames`` if that is later (silence follows)."""
        return list(self.iter_end(frames))

    def iter_push(self, samples: Samples) -> Iterator[RenderWindow]:
        """As ``push``, one window at a time. Use the iterator up before you push more.

        A source frame is read only when its window is. So a drive source that answers half a minute late does not
        fill memory with pictures.
        """
        self._sound = np.concatenate([self._sound, samples])
        self._pushed += len(samples)
        yield from self._windows(self._drives.push(samples, self._whole_frames()))

    def iter_end(self, frames: int | None = None) -> Iterator[RenderWindow]:
        """As ``end``, one window at a time."""
        total = max(frame_count(self._pushed, self._fps, self._rate), frames or 0)
        yield from self._windows(self._drives.finish(total)[: total - self._next])
        yield from self._close_window()

    def begin_at(self, frame: int) -> None:
        """The next frame is number ``frame`` of a longer stream; see ``DriveSource.begin_at``."""
        self._drives.begin_at(frame)

    def _whole_frames(self) -> int:
        """Frames that the pushed sound covers from their first sample to their last."""
        frames = frame_count(self._pushed, self._fps, self._rate)
        return frames - (sample_at(frames, self._fps, self._rate) > self._pushed)

    def _windows(self, drives: list[Array]) -> Iterator[RenderWindow]:
        for drive in drives:
            driven = self._driven_frame(drive)
            if self._window and not _belong_together(self._window[-1].source_frame, driven.source_frame):
                yield from self._close_window()
            self._window.append(driven)
            if len(self._window) == (self._longest if driven.source_frame.faces else 1):
                yield from self._close_window()

    def _driven_frame(self, drive: Array) -> DrivenFrame:
        start, stop = sample_at(self._next, self._fps, self._rate), sample_at(self._next + 1, self._fps, self._rate)
        sound = self._sound[: stop - start]
        sound = np.pad(sound, (0, stop - start - len(sound)))
        self._sound = self._sound[stop - start :]
        driven = DrivenFrame(self._next, next(self._source_frames), drive, sound)
        self._next += 1
        return driven

    def _close_window(self) -> list[RenderWindow]:
        window, self._window = self._window, []
        return [window] if window else []


def _belong_together(before: SourceFrame, now: SourceFrame) -> bool:
    """Whether both frames are of one scene and show the same people in the same order."""
    before_tracks, now_tracks = ([face.track for face in frame.faces] for frame in (before, now))
    return before.scene == now.scene and before_tracks == now_tracks
