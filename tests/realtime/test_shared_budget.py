"""Several hosts of one process share its processor: together they take as many sessions as one host alone.

The clock goes on only where somebody works, so that nothing depends on the machine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import pytest

from lipsmith.engines.fake import FakeEncoder, FakeEngine, FakeOptions
from lipsmith.engines.protocols import EncoderUse
from lipsmith.errors import Busy, OptionError
from lipsmith.realtime.admission import LoadBudget
from lipsmith.realtime.encoder_choice import CostTable
from lipsmith.realtime.host import SessionHost
from lipsmith.types import Array, Image, Samples
from tests.support.session_doubles import Info, QuickAvatar


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class SlowAvatar(QuickAvatar):
    """5 pictures a second."""

    info = Info(fps=Fraction(5))


class Ear(FakeEncoder):
    """Takes ``cost`` seconds for a second of sound."""

    def __init__(self, engine: Costly, name: str, cost: float) -> None:
        super().__init__(Fraction(5), 0)
        self.name, self._engine, self._cost = name, engine, cost
        engine.ears.append(name)

    def push(self, samples: Samples) -> list[Array]:
        self._engine.clock.seconds += self._cost * len(samples) / 16_000
        self._engine.heard += len(samples)
        return super().push(samples)


class Costly(FakeEngine):
    """A picture takes 30 ms, of the 160 that all sessions have for a tick. Good ears cost .2 s a second."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(FakeOptions(context=0))
        self.clock, self.heard, self.ears = clock, 0, list[str]()

    def render(self, materials: Sequence[Sequence[object]], drives: Sequence[Sequence[Array]]) -> list[list[Image]]:
        self.clock.seconds += 0.03 * len(materials)
        return super().render(materials, drives)

    def speech_encoder(self, fps: Fraction, use: EncoderUse = "file") -> FakeEncoder:
        return Ear(self, "small", 0.001) if use == "live_cheap" else Ear(self, "whisper", 0.2)


@dataclass
class Machine:
    """``hosts`` of one process."""

    hosts: list[SessionHost]
    engines: list[Costly]

    async def open_until_refused(self) -> tuple[int, str]:
        """How many sessions are taken, one on each host in turn, and what the refusal says."""
        avatar, taken = SlowAvatar(FakeEngine(), 7), 0
        while True:
            try:
                await self.hosts[taken % len(self.hosts)].open(avatar, 16_000)
            except Busy as refusal:
                return taken, str(refusal)
            taken += 1

    def encoders(self) -> list[str]:
        return sorted(live.session.encoder_name for host in self.hosts for live in host.sessions)

    async def close(self) -> None:
        for host in self.hosts:
            await host.close()


def machine(hosts: int) -> Machine:
    clock, budget, costs = Clock(), LoadBudget(), CostTable()
    engines = [Costly(clock) for _ in range(hosts)]
    return Machine([SessionHost(one, clock=clock, budget=budget, costs=costs) for one in engines], engines)


@pytest.mark.parametrize("hosts", [1, 2, 3])
def test_hosts_together_take_as_many_as_one(hosts: int) -> None:
    async def scene() -> None:
        made = machine(hosts)
        taken, refusal = await made.open_until_refused()
        assert taken == 5  # five of 30 ms fit into 160
        assert refusal.startswith("5 live sessions are open, and this machine has no room for one more")
        for host in made.hosts:
            with pytest.raises(Busy):
                await host.open(SlowAvatar(FakeEngine(), 7), 16_000)
        await made.hosts[-1].sessions[0].close()
        await asyncio.sleep(0)
        await made.hosts[0].open(SlowAvatar(FakeEngine(), 7), 16_000)
        await made.close()

    asyncio.run(scene())


@pytest.mark.parametrize("hosts", [1, 2])
def test_good_ears_are_shared_out_among_all(hosts: int) -> None:
    async def scene() -> None:
        made, avatar = machine(hosts), SlowAvatar(FakeEngine(), 7)
        seen = []
        for number in range(4):
            await made.hosts[number % hosts].open(avatar, 16_000)
            seen.append(made.encoders().count("whisper"))
        assert seen == [1, 2, 1, 0]  # a session takes .15 to draw, of .8
        for live in [*made.hosts[0].sessions][:2]:
            await live.close()
        await asyncio.sleep(0)
        assert made.encoders().count("whisper") == 2
        await made.close()

    asyncio.run(scene())


def test_hearing_is_measured_once() -> None:
    async def scene() -> None:
        made, avatar = machine(2), SlowAvatar(FakeEngine(), 7)
        await made.hosts[0].open(avatar, 16_000)
        first = made.engines[0].heard
        await made.hosts[1].open(avatar, 16_000)
        assert made.engines[1].heard < first / 4  # what its own first pictures wanted
        await made.close()

    asyncio.run(scene())


def test_an_engine_that_hears_too_late_is_refused_in_a_sentence() -> None:
    """As MuseTalk is with ``hearing`` whole: it reads half a minute of sound at once."""

    async def scene() -> None:
        engine = FakeEngine(FakeOptions(context=60))  # 2.4 s at 25 pictures a second

        class Avatar(QuickAvatar):
            info = Info(fps=Fraction(25))

        host = SessionHost(engine, budget=LoadBudget(), costs=CostTable())
        with pytest.raises(OptionError, match="fake hears more than 2 s of speech before the mouth moves") as refusal:
            await host.open(Avatar(engine, 7), 16_000)
        assert refusal.value.http_status == 422
        assert host.sessions == ()
        await host.close()

    asyncio.run(scene())
