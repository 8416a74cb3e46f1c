"""A broadcast without a server: an avatar speaks in real time into several sinks at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import SessionOver
from ..realtime.feeding import wait_for_room
from ..realtime.host import SessionHost

if TYPE_CHECKING:
    from fractions import Fraction

    from ..engines.protocols import Engine
    from ..media.sound import Speech
    from ..realtime.host import LiveSession, SessionAvatar, Sink

RATES = (24_000, 48_000)
"""Hz at which the sound on the air plays: every sink takes them."""
LOOK = 0.05
"""Seconds between two checks whether everything is said."""


@dataclass(frozen=True, slots=True)
class BroadcastReport:
    """What was broadcast."""

    frames: int  # pictures, each with its sound
    fps: Fraction
    spoken: int  # speeches that were spoken to their end
    stalls: int  # ticks that waited for a picture
    troubles: tuple[str, ...]  # why a sink was dropped or the session ended, one sentence each
    speech_encoder: str = ""  # which of the engine's speech encoders heard; "": it has one only


class _TickCounts:
    """Counts over the ticks of one session."""

    def __init__(self) -> None:
        self.frames = self.spoken = 0
        self.troubles: list[str] = []

    async def watch(self, live: LiveSession) -> None:
        async for tick in live.listen(pictures=0):
            self.frames += 1
            self.spoken += sum(event.name == "finished" for event in tick.events)
            self.troubles += [event.reason for event in tick.events if event.reason]


async def broadcast(
    avatar: SessionAvatar, engine: Engine, speeches: Sequence[Speech], sinks: Sequence[Sink], stay: float | None = 0.0
) -> BroadcastReport:
    """Speak ``speeches`` one after the other, in real time; between and after them the avatar idles.

    Args:
        avatar: prepared by ``engine``.
        engine: renders.
        speeches: spoken in this order.
        sinks: opened, written at every tick, and closed by this function.
        stay: seconds of idling after the last speech; None: until cancelled. A cancelled broadcast ends in order: the
            sinks are closed and the report is returned.

    Raises:
        LipsmithError: a sink cannot be opened, or could not be closed as it should.
    """
    host, counts = SessionHost(engine), _TickCounts()
    try:
        live = await host.open(avatar, playing_rate(speeches))
        watch = asyncio.create_task(counts.watch(live))
        for sink in sinks:
            live.attach(sink)
        with suppress(asyncio.CancelledError, SessionOver):  # the events of the ticks say why
            await _say_all(live, speeches, stay)
        frames = counts.frames  # the session goes on while sinks are closed
        for sink in sinks:
            await live.detach(sink)
    finally:
        await host.close()
    await watch
    stalls, troubles = live.session.stalls, tuple(counts.troubles)
    return BroadcastReport(frames, live.film.fps, counts.spoken, stalls, troubles, live.session.encoder_name)


def playing_rate(speeches: Sequence[Speech]) -> int:
    """The lowest of ``RATES`` that keeps the whole width of every speech, or else the highest."""
    widest = max((speech.rate for speech in speeches), default=0)
    return next((rate for rate in RATES if rate >= widest), RATES[-1])


async def _say_all(live: LiveSession, speeches: Sequence[Speech], stay: float | None) -> None:
    for speech in speeches:
        blocks = speech.blocks()
        while (block := await asyncio.to_thread(next, blocks, None)) is not None:
            await wait_for_room(live, len(block), speech.rate)
            live.say(block, speech.rate)
        live.end()
    while live.session.busy or (stay is None and live.state != "over"):
        await asyncio.sleep(LOOK)
    await asyncio.sleep(stay or 0)


__all__ = ["BroadcastReport", "broadcast", "playing_rate"]
