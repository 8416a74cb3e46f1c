"""Sound on its way into a session that has room for some seconds of it alone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..types import Samples
    from .host import LiveSession

BLOCK = 0.25  # seconds given to a session at a time
WAIT = 0.02  # seconds until a full session is asked again


async def room(live: LiveSession, samples: int, rate: int) -> None:
    """Wait until the session takes so many samples more; not when it is over or was interrupted meanwhile."""
    session = live.session
    epoch, wanted = session.epoch, samples * live.film.rate // rate + live.film.rate
    while session.room < wanted and session.epoch == epoch and live.state != "over":
        await asyncio.sleep(WAIT)


def blocks(samples: Samples, rate: int) -> list[Samples]:
    """``samples`` in pieces that a session takes at once."""
    size = round(BLOCK * rate)
    return [samples[start : start + size] for start in range(0, len(samples), size)]
