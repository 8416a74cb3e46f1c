"""A studio that flashes and beeps, and the clients that watch it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Protocol

import numpy as np

from lipsmith.timing import sample_at
from lipsmith.transports.frame_queue import FrameThread
from lipsmith.types import AVFrame, FilmInfo, Samples

INFO = FilmInfo((64, 48), Fraction(25), 24_000)
EVERY = 25
"""Frames from one flash and beep to the next: a second."""


def beat(index: int, info: FilmInfo = INFO, every: int = EVERY, tone: float = 1000.0) -> AVFrame:
    """A frame, white with a tone in every ``every``-th, dark and silent between."""
    loud = index % every == 0
    count = sample_at(index + 1, info.fps, info.rate) - sample_at(index, info.fps, info.rate)
    image = np.full((info.size[1], info.size[0], 3), 235 if loud else 20, np.uint8)
    image[:, : 4 + index % 7] += 10  # moves, as a film does
    wave = np.sin(2 * np.pi * tone * np.arange(count) / info.rate) * 0.5 * loud
    return AVFrame(index, image, wave.astype(np.float32))


class Line(Protocol):
    """A sink whose frames wait in a queue."""

    _thread: FrameThread

    def write(self, frame: AVFrame) -> None: ...


async def play(sink: Line, info: FilmInfo = INFO, tone: float = 1000.0) -> None:
    """The beats, one after the other in real time, until cancelled.

    On a machine that cannot keep up time passes more slowly: the sink is given no more than it can code, and after a
    pause no burst, so that what gets lost is lost by the sink alone.
    """
    loop = asyncio.get_running_loop()
    began, index = loop.time(), 0
    while True:
        sink.write(beat(index, info, tone=tone))
        index += 1
        spent = float(index / info.fps)
        began = max(began, loop.time() - spent)
        await asyncio.sleep(began + spent - loop.time())
        while len(sink._thread.queue) > 2:
            await asyncio.sleep(0.005)


@dataclass(slots=True)
class Seen:
    """What a client saw and heard, with its media times in seconds."""

    pictures: list[tuple[float, float]] = field(default_factory=list)  # time, mean light
    sound: list[tuple[float, Samples, int]] = field(default_factory=list)  # time, block, Hz

    def flashes(self) -> list[float]:
        """Times at which it became bright."""
        lit = [(time, light > 120) for time, light in self.pictures]
        return [time for (_, before), (time, now) in pairwise(lit) if now and not before]

    def beeps(self) -> list[float]:
        """Times of the first loud sample after silence."""
        found: list[float] = []
        last = -1.0
        for start, block, rate in self.sound:
            for place in np.flatnonzero(np.abs(block) > 0.1):
                time = start + place / rate
                if time - last > 0.3:
                    found.append(time)
                last = time
        return found

    def tone(self) -> float:
        """Hz of what is loudest."""
        loud = max(self.sound, key=lambda one: float(np.abs(one[1]).max()))
        spectrum = np.abs(np.fft.rfft(loud[1] * np.hanning(len(loud[1])), 8 * len(loud[1])))
        return float(np.argmax(spectrum) * loud[2] / (8 * len(loud[1])))


async def until(done: Callable[[], bool], seconds: float = 150.0) -> None:
    """Wait until ``done``; generous, for busy machines."""
    async with asyncio.timeout(seconds):
        while not done():
            await asyncio.sleep(0.02)
