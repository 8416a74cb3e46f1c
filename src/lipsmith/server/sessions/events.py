"""The events of a session as JSON, and their way to those who watch it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ...realtime.host import LiveSession
    from ...realtime.ticks import Event


def event_json(event: Event, rate: int) -> dict[str, Any]:
    """The members of ``event``, and ``pts``: the second of the session's media from which it holds.

    Args:
        rate: Hz at which the session's sound plays.
    """
    return {**asdict(event), "pts": event.sample / rate}


async def forward_events(live: LiveSession, send: Callable[[dict[str, Any]], None]) -> None:
    """Give every event of the session to ``send`` as ``event_json``, until the session is over."""
    async for event in live.events():
        send(event_json(event, live.film.rate))
