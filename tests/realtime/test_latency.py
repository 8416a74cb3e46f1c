"""The latency of an utterance counts from the moment at which it could begin. The test holds the clock."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from lipsmith.engines.fake import FakeEngine, FakeOptions
from lipsmith.realtime.session import Session, SessionOptions
from lipsmith.realtime.ticks import Event
from lipsmith.types import FilmInfo, Samples
from tests.support.session_doubles import MemoryAvatar, World

TICK = 0.04
RATE = 16_000


class ClockedWorld(World):
    """A world whose clock goes on by a tick at every tick."""

    def __init__(self, ease: int = 0, lead: int = 3) -> None:
        engine = FakeEngine(FakeOptions(context=0))
        film, options = FilmInfo((32, 24), Fraction(25), RATE), SessionOptions(ease=ease, lead=lead, patience=1_000)
        super().__init__(Session(MemoryAvatar(engine), engine, film, options, lambda: self.now), engine)
        self.now = 1_000.0

    def pass_ticks(self, count: int, rendered: int = 100) -> None:
        for _ in range(count):
            self.run(1, rendered)
            self.now += TICK

    def say(self, seconds: float) -> None:
        self.session.say(noise(seconds))
        self.session.end()

    def events(self) -> list[tuple[str, int | None]]:
        return [(one.name, one.utterance) for one in self._all()]

    def latencies(self) -> list[float]:
        """Of each utterance that spoke."""
        return [one.latency for one in self._all() if one.latency is not None]

    def _all(self) -> list[Event]:
        return [event for tick in self.ticks for event in tick.events]


def noise(seconds: float) -> Samples:
    return np.random.default_rng(0).random(round(seconds * RATE), np.float32) * 0.5 + 0.25


def test_it_is_the_time_from_the_first_sound_to_the_first_picture() -> None:
    world = ClockedWorld()
    world.pass_ticks(5)  # three idle pictures are scheduled
    world.now += 0.01
    world.say(1.0)
    world.now += TICK - 0.01
    world.pass_ticks(40)
    assert world.latencies() == pytest.approx([2 * TICK + TICK - 0.01])


def test_time_in_line_does_not_count() -> None:
    world = ClockedWorld()
    world.pass_ticks(5)
    for _ in range(3):
        world.say(4.0)  # all at once: the last one waits for eight seconds
    world.pass_ticks(400)
    first, *others = world.latencies()
    assert first == pytest.approx(2 * TICK)
    assert others == pytest.approx([0.0, 0.0])


def test_what_is_late_in_line_counts() -> None:
    """For ten ticks nothing is drawn, so the second one is late although nothing plays before it."""
    world = ClockedWorld(lead=1)
    world.pass_ticks(5)
    world.say(0.4)
    world.say(0.4)
    while ("finished", 1) not in world.events():
        world.pass_ticks(1, rendered=1)
    assert len(world.latencies()) == 1
    world.pass_ticks(10, rendered=0)
    world.pass_ticks(20)
    assert world.latencies()[1] == pytest.approx(10 * TICK)


def test_a_mouth_that_closes_first_counts() -> None:
    """The sound before is over, and the next one waits for three pictures in which the mouth closes."""
    world = ClockedWorld(ease=3)
    world.pass_ticks(5)
    world.say(0.4)
    while ("finished", 1) not in world.events():
        world.pass_ticks(1)
    world.say(0.4)
    world.pass_ticks(30)
    assert world.latencies()[1] == pytest.approx(3 * TICK, abs=1e-6)


@pytest.mark.parametrize("seconds", [0.04, 0.4, 0.405, 0.43, 1.0])
def test_events_come_in_order(seconds: float) -> None:
    world = ClockedWorld()
    world.pass_ticks(2)
    for _ in range(3):
        world.say(seconds)
    world.pass_ticks(120)
    told = [one for one in world.events() if one[0] != "started"]
    assert told == [(name, number) for number in (1, 2, 3) for name in ("speaking", "finished")] + [("idle", None)]


def test_an_interruption_forgets_what_waited() -> None:
    world = ClockedWorld()
    world.pass_ticks(5)
    for _ in range(2):
        world.say(4.0)
    world.pass_ticks(10)
    world.session.interrupt()
    world.pass_ticks(50)
    world.say(0.4)
    world.pass_ticks(20)
    assert world.latencies() == pytest.approx([2 * TICK, 2 * TICK])
