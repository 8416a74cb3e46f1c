"""Gives a session sound that is longer than its buffer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..types import Samples
    from .host import LiveSession

BLOCK = 0.25  # seconds of sound given to a session at a time
WAIT = 0.02  # seconds until a full session is asked again


async def wait_for_room(live: LiveSession, samples: int, rate: int) -> None:
    """Wait until the session takes ``samples`` more at ``rate`` Hz, and a second of sound beyond.

    Returns early when the session is interrupted or over.
    """
    session = live.session
    epoch, wanted = session.epoch, samples * live.film.rate // rate + live.film.rate
    while session.free_samples < wanted and session.epoch == epoch and live.state != "over":
        await asyncio.sleep(WAIT)


def blocks(samples: Samples, rate: int) -> list[Samples]:
    """Cut (n,) samples into blocks of ``BLOCK`` seconds; the last may be shorter."""
    size = round(BLOCK * rate)
    return [samples[start : start + size] for start in range(0, len(samples), size)]
