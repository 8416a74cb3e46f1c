"""An avatar on the air without a server: what it says goes, as fast as it is heard, into every sink at once."""

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
"""Seconds between two looks whether all is said."""


@dataclass(frozen=True, slots=True)
class BroadcastReport:
    """What went out."""

    frames: int  # pictures, each with its sound
    fps: Fraction
    spoken: int  # speeches that were heard to their end
    stalls: int  # ticks that waited for a picture
    troubles: tuple[str, ...]  # why a sink was let go or the session ended, one sentence each


class _Log:
    """What the ticks of one session tell."""

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
    """Say ``speeches`` one after the other, in real time; between and after them the avatar idles.

    Args:
        avatar: prepared by ``engine``.
        engine: draws.
        speeches: said in this order.
        sinks: opened here, written every tick, and closed here.
        stay: seconds on the air after the last speech; None: until cancelled, which is the usual end then: the sinks
            are closed in order and what was aired is returned.

    Raises:
        LipsmithError: a sink cannot be opened, or could not be closed as it should.
    """
    host, log = SessionHost(engine), _Log()
    try:
        live = await host.open(avatar, playing_rate(speeches))
        watching = asyncio.create_task(log.watch(live))
        for sink in sinks:
            live.attach(sink)
        with suppress(asyncio.CancelledError, SessionOver):  # why it is over, the log knows
            await _say_all(live, speeches, stay)
        frames = log.frames  # the clock goes on while sinks are closed
        for sink in sinks:
            await live.detach(sink)
    finally:
        await host.close()
    await watching
    return BroadcastReport(frames, live.film.fps, log.spoken, live.session.stalls, tuple(log.troubles))


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
