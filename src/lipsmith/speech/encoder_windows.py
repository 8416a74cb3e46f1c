"""Features of the shipped speech encoder for a stream of sound: one step per 40 ms, the same whatever the chunks.

A step is the mean of two of the encoder's rows of 20 ms. Step j describes the mouth at sample 640 j + 320, the middle
of video frame j at 25 fps. Windows begin at fixed places of the sound, so that nothing depends on how it is pushed:

* for files, windows of 9.6 s every 7.2 s are cross-faded in the middle of their overlap. A step may come 9 s late.
* for live streams, a window of 2.4 s slides along. For every block of steps it is encoded again, with the sound up to
  shortly after the block.

Where a window reaches beyond the sound it holds silence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np

from ..timing import SPEECH_SAMPLE_RATE
from ..types import Array, Samples
from .encoder_model import WIDTH, EncoderModel, load_encoder
from .mel_frames import MelFrames
from .whisper_mel import BANDS, FLOOR_LOG10, HOP, encoder_input

STEP = SPEECH_SAMPLE_RATE // 25
"""Samples at 16 kHz from one step to the next: 640, 40 ms."""
FRAMES_PER_STEP = STEP // HOP


@dataclass(frozen=True, slots=True)
class WholeWindows:
    """Windows of ``width`` steps, one every ``stride``.

    In the overlap of two, the earlier one counts for a quarter, then both, then the later one: ends hear worst.
    """

    width: int = 240  # steps: 9.6 s
    stride: int = 180  # steps: 7.2 s

    @property
    def edge(self) -> int:
        """Steps at the beginning of a window that the window before provides alone."""
        return (self.width - self.stride) // 4

    @property
    def ramp(self) -> int:
        """Steps after the edge that are mixed of both windows."""
        return (self.width - self.stride) // 2


@dataclass(frozen=True, slots=True)
class SlidingWindows:
    """Windows of ``width`` steps, one for every ``block`` steps, that end ``ahead`` steps after their block."""

    width: int = 60  # steps: 2.4 s
    block: int = 2  # steps: 80 ms
    ahead: int = 2  # steps: 80 ms


Windows = WholeWindows | SlidingWindows
FILE = WholeWindows()
LIVE = SlidingWindows()


class StepStream(Protocol):
    """Gives the steps of one stream of speech."""

    def push(self, samples: Samples) -> Array:
        """Take (n,) more samples at 16 kHz; return the (k, 384) steps that are now decided."""
        ...

    def end(self, steps: int) -> Array:
        """The sound is over, and silence follows: return the remaining steps, until there were ``steps`` in all."""
        ...


class WholeFeatures:
    """The ``StepStream`` of overlapping windows, each encoded once."""

    def __init__(self, windows: WholeWindows = FILE, model: EncoderModel | None = None) -> None:
        self._windows, self._model = windows, model
        self._mel = MelFrames()
        self._window = 0  # the next one to encode
        self._tail = _joined([])  # (ramp, 384) what the window before says of the next steps
        self._given = 0  # steps

    def push(self, samples: Samples) -> Array:
        self._mel.push(samples)
        found: list[Array] = []
        while self._mel.complete >= FRAMES_PER_STEP * (self._window * self._windows.stride + self._windows.width):
            found.append(self._next())
        return _joined(found)

    def end(self, steps: int) -> Array:
        self._mel.end()
        found: list[Array] = []
        while steps > self._window * self._windows.stride + self._windows.width:
            found.append(self._next())
        if self._given < steps:
            start = max(0, steps - self._windows.width)  # the last window ends with the sound, to be full of it
            found.append(self._continued(start)[: steps - self._given])
        return _joined(found)

    def _next(self) -> Array:
        """Encode the next window: the (k, 384) steps up to the ramp of the window after it."""
        start = self._window * self._windows.stride
        steps = self._continued(start)
        stop = start + self._windows.stride + self._windows.edge - self._given
        self._tail = steps[stop : stop + self._windows.ramp]
        self._mel.forget(start * FRAMES_PER_STEP)
        self._window += 1
        self._given += stop
        return steps[:stop]

    def _continued(self, start: int) -> Array:
        """The window from step ``start``: its (k, 384) steps after those given, the first ones mixed with the tail."""
        self._model = self._model or load_encoder()
        steps = _encoded(self._model, self._mel, start, self._windows.width)[self._given - start :]
        ramp = min(len(steps), len(self._tail))
        share = ((np.arange(ramp, dtype=np.float32) + np.float32(0.5)) / np.float32(self._windows.ramp))[:, None]
        return np.concatenate([share * steps[:ramp] + (1 - share) * self._tail[:ramp], steps[ramp:]])


class SlidingFeatures:
    """The ``StepStream`` of a window that slides along, encoded again for every block."""

    def __init__(self, windows: SlidingWindows = LIVE, model: EncoderModel | None = None) -> None:
        self._windows, self._model = windows, model
        self._mel = MelFrames()
        self._block = 0  # the next one

    def push(self, samples: Samples) -> Array:
        self._mel.push(samples)
        found: list[Array] = []
        while self._mel.complete >= FRAMES_PER_STEP * ((self._block + 1) * self._windows.block + self._windows.ahead):
            found.append(self._next())
        return _joined(found)

    def end(self, steps: int) -> Array:
        self._mel.end()
        before = self._block * self._windows.block
        found: list[Array] = []
        while self._block * self._windows.block < steps:
            found.append(self._next())
        return _joined(found)[: max(0, steps - before)]

    def _next(self) -> Array:
        plan = self._windows
        self._block += 1
        stop = self._block * plan.block + plan.ahead
        self._model = self._model or load_encoder()
        seen = _encoded(self._model, self._mel, stop - plan.width, plan.width)
        self._mel.forget((stop + plan.block - plan.width) * FRAMES_PER_STEP)
        return seen[plan.width - plan.ahead - plan.block :][: plan.block]


def _encoded(model: EncoderModel, mel: MelFrames, first: int, steps: int) -> Array:
    """(steps, 384) of the window that begins at step ``first``."""
    start, frames = first * FRAMES_PER_STEP, steps * FRAMES_PER_STEP
    window = mel.between(start, start + frames)
    silent = not np.any(window > FLOOR_LOG10)
    rows = _silent_rows(model, frames) if silent else model.encode(encoder_input(window, frames))
    means: Array = rows.reshape(steps, -1, WIDTH).mean(axis=1, dtype=np.float32)
    return means


@cache
def _silent_rows(model: EncoderModel, frames: int) -> Array:
    """The rows of a silent window, so that an idle session costs nothing."""
    return model.encode(encoder_input(np.zeros((0, BANDS), np.float32), frames))


def _joined(found: Sequence[Array]) -> Array:
    return np.concatenate([np.zeros((0, WIDTH), np.float32), *found])


def feature_stream(windows: Windows, model: EncoderModel | None = None) -> StepStream:
    """A fresh stream of features."""
    return WholeFeatures(windows, model) if isinstance(windows, WholeWindows) else SlidingFeatures(windows, model)


def features(samples: Samples, windows: Windows = FILE) -> Array:
    """(steps, 384) features of a whole sound: (n,) samples at 16 kHz give n / 640 steps, rounded up."""
    stream = feature_stream(windows)
    first = stream.push(samples.astype(np.float32, copy=False))
    return np.concatenate([first, stream.end(-(-len(samples) // STEP))])
