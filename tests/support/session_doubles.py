"""An avatar in memory, and a world in which a session lives: its clock, its renderer, its listener."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from lipsmith.avatars.playback import Clip, PlaybackOrder
from lipsmith.engines.fake import FakeEngine
from lipsmith.engines.protocols import Engine
from lipsmith.pipeline.render import render_windows
from lipsmith.realtime.batcher import RenderRequest
from lipsmith.realtime.session import Session
from lipsmith.realtime.ticks import Tick
from lipsmith.types import AVFrame, Face, Samples, SourceFrame


class MemoryAvatar:
    """Plates in memory; each says its number in its corner pixel, where no face lies."""

    def __init__(self, engine: Engine, source_frames: int = 7, idle: tuple[tuple[int, int], ...] = ()) -> None:
        self.playback = PlaybackOrder([Clip("film", 0, source_frames, idle=idle)])
        self._plates = [self._plate(engine, index) for index in range(source_frames)]

    def _plate(self, engine: Engine, index: int) -> SourceFrame:
        image = np.full((24, 32, 3), 100, np.uint8)
        image[0, 0] = index
        face = Face(np.array([8, 8, 16, 16], np.float32), np.zeros((478, 3), np.float32), 1.0)
        return SourceFrame(index, image, (engine.prepare(image, face, 1),))

    def source_frame(self, index: int) -> SourceFrame:
        return self._plates[index]


@dataclass(frozen=True)
class Info:
    """It beats 400 times a second, so that nobody waits."""

    size: tuple[int, int] = (32, 24)
    fps: Fraction = Fraction(400)


class QuickAvatar(MemoryAvatar):
    """For live sessions."""

    info = Info()


def number_in(tick: Tick) -> int:
    """Of the plate below a tick's picture."""
    assert tick.image is not None
    return int(tick.image[0, 0, 0])


def is_drawn(tick: Tick) -> bool:
    """Whether anything was drawn over the plate's face."""
    assert tick.image is not None
    return bool((tick.image[8:16, 8:16] != 100).any())


class World:
    """A session's time: every tick it may render some of what was asked, and hears what comes out."""

    def __init__(self, session: Session, engine: FakeEngine) -> None:
        self.session, self.engine = session, engine
        self.asks: list[RenderRequest] = []
        self.ticks: list[Tick] = []

    def run(self, ticks: int, rendered: int = 100) -> list[Tick]:
        """``ticks`` ticks; up to ``rendered`` runs are drawn before each."""
        new = []
        for _ in range(ticks):
            self.asks += self.session.pump(4)
            for ask in [self.asks.pop(0) for _ in range(min(rendered, len(self.asks)))]:
                frames = render_windows([ask.run], self.engine)
                self.session.deliver(ask, [poisoned(frame) for frame in frames] if ask.stale else frames)
            new.append(self.session.tick())
        self.ticks += new
        return new

    def heard(self) -> dict[int, Samples]:
        """By utterance, all samples of the ticks that showed it."""
        found: dict[int, list[Samples]] = {}
        for tick in self.ticks:
            if tick.utterance is not None:
                found.setdefault(tick.utterance, []).append(tick.samples)
        return {number: np.concatenate(parts) for number, parts in found.items()}


def poisoned(frame: AVFrame) -> AVFrame:
    """What must never be shown."""
    return AVFrame(frame.index, np.zeros_like(frame.image), frame.samples)


def is_poisoned(tick: Tick) -> bool:
    """Whether a picture of an old epoch is shown."""
    assert tick.image is not None
    return not tick.image[1:].any()


def sound_of(ticks: list[Tick]) -> Samples:
    return np.concatenate([tick.samples for tick in ticks])
