"""One stream of sound over one run of plates. No clock, no model, no file.

``push`` and ``end`` hand out runs of shots to be rendered together; the same object serves a file on disk and a
live call, so both give the same frames. The sound that plays keeps its own rate; the encoder hears a 16 kHz copy.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Protocol

import numpy as np

from ..engines.protocols import Engine, IdleMotion
from ..timing import HEARING_RATE, frame_count, sample_at
from ..types import Array, DrivenFrame, Samples, SourceFrame

RenderWindow = list[DrivenFrame]
"""Consecutive shots drawn together: at most the engine's window, of one scene, all with the same faces; one if none."""


class Resampler(Protocol):
    """Turns the playing sound into the 16 kHz copy that is heard. ``media.resampler.Resampler`` is one."""

    def push(self, samples: Samples) -> Samples: ...

    def flush(self) -> Samples: ...


class Timeline:
    """Meets every frame of the film with its plate, its drive and its exact samples.

    Args:
        plates: what is spoken over, in film order; must not end before the film does.
        engine: whose encoder listens; it is not asked to render here.
        fps: of the film.
        rate: Hz of the playing sound that ``push`` gets.
        hearing: from ``rate`` to 16 kHz; not needed when ``rate`` is 16 kHz.
    """

    def __init__(
        self,
        source_frames: Iterator[SourceFrame],
        engine: Engine,
        fps: Fraction,
        rate: int = HEARING_RATE,
        hearing: Resampler | None = None,
    ) -> None:
        if hearing is None and rate != HEARING_RATE:
            raise ValueError(f"sound at {rate} Hz needs a hearing that brings it to {HEARING_RATE} Hz")
        self._plates, self._fps, self._rate, self._hearing = source_frames, fps, rate, hearing
        self._encoder, self._window = engine.speech_encoder(fps), engine.info.window
        self._sound = np.zeros(0, np.float32)  # pushed, not yet given to a shot
        self._pushed = self._heard = 0  # samples: received at the playing rate, heard at 16 kHz
        self._next = 0  # index of the next shot
        self._run: RenderWindow = []

    def push(self, samples: Samples) -> list[RenderWindow]:
        """Take (n,) more samples at the playing rate; return the runs that are now complete."""
        return list(self.follow(samples))

    def end(self, frames: int | None = None) -> list[RenderWindow]:
        """The sound is over. The film ends with it, or after ``frames`` if that is later (silence follows)."""
        return list(self.finish(frames))

    def follow(self, samples: Samples) -> Iterator[RenderWindow]:
        """As ``push``, one run at a time: a plate is asked for when its run is. To be used up before more sound.

        An encoder that answers half a minute late then fills no memory with plates.
        """
        self._sound = np.concatenate([self._sound, samples])
        self._pushed += len(samples)
        yield from self._gather(self._hear(self._hearing.push(samples) if self._hearing else samples))

    def finish(self, frames: int | None = None) -> Iterator[RenderWindow]:
        """As ``end``, one run at a time."""
        total = max(frame_count(self._pushed, self._fps, self._rate), frames or 0)
        drives = self._hear(self._hearing.flush()) if self._hearing else []
        missing = sample_at(total, self._fps) - self._heard
        drives += self._hear(np.zeros(max(0, missing), np.float32)) + self._encoder.flush()
        yield from self._gather(drives[: total - self._next])
        yield from self._close()

    def begin_at(self, frame: int) -> None:
        """Other takes made the ``frame`` frames before: a face that moves by itself goes on from there."""
        if isinstance(self._encoder, IdleMotion):
            self._encoder.begin_at(frame)

    def _hear(self, samples: Samples) -> list[Array]:
        self._heard += len(samples)
        return self._encoder.push(samples)

    def _gather(self, drives: list[Array]) -> Iterator[RenderWindow]:
        for drive in drives:
            driven = self._shot(drive)
            if self._run and not _goes_on(self._run[-1].source_frame, driven.source_frame):
                yield from self._close()
            self._run.append(driven)
            if len(self._run) == (self._window if driven.source_frame.faces else 1):
                yield from self._close()

    def _shot(self, drive: Array) -> DrivenFrame:
        start, stop = sample_at(self._next, self._fps, self._rate), sample_at(self._next + 1, self._fps, self._rate)
        sound = self._sound[: stop - start]
        sound = np.pad(sound, (0, stop - start - len(sound)))
        self._sound = self._sound[stop - start :]
        driven = DrivenFrame(self._next, next(self._plates), drive, sound)
        self._next += 1
        return driven

    def _close(self) -> list[RenderWindow]:
        run, self._run = self._run, []
        return [run] if run else []


def _goes_on(before: SourceFrame, now: SourceFrame) -> bool:
    """Whether both are of one scene and show the same people in the same order."""
    tracks = [[target.track for target in source_frame.faces] for source_frame in (before, now)]
    return before.scene == now.scene and tracks[0] == tracks[1]
