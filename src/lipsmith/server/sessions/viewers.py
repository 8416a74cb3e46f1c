"""Where pictures and sound of a session leave the server: its WebRTC viewers and its WebSockets. For the event loop."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ...errors import Busy, EngineUnavailable
from ...transports.webrtc.options import RtcOptions, ice_servers

if TYPE_CHECKING:
    from ...realtime.ticks import Event
    from ...transports.webrtc.sink import Viewer, ViewerCallbacks, WebRtcSink
    from ...types import Samples
    from .registry import SessionHandle

SOCKETS = 4
"""WebSockets of one session."""


@dataclass(slots=True)
class ViewerRegistry:
    """One WebRTC sink for each session that was asked for one; it goes with the session."""

    options: RtcOptions
    _sinks: dict[str, WebRtcSink] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _sockets: Counter[str] = field(default_factory=Counter)

    def ice(self, held: SessionHandle) -> list[dict[str, str]]:
        """The servers that a viewer of this session may use, with name and word."""
        return ice_servers(self.options, held.id, time.time())

    async def answer(self, held: SessionHandle, offer: str, listen: bool = True) -> tuple[Viewer, str]:
        """A new viewer and the SDP for it; while it is connected the session stays open.

        Args:
            listen: say what the viewer's microphone hears.

        Raises:
            InputError: the offer is none.
            Busy: as many watch as may.
            EngineUnavailable: aiortc is not installed.
        """
        sink = self._sink(held)
        viewer, answer = await sink.answer(offer, _ears(held, listen))
        self._keep(self._watch(held, viewer))
        return viewer, answer

    async def hang_up(self, held: SessionHandle, viewer: str) -> bool:
        """End one viewer's connection; whether it was there."""
        sink = self._sinks.get(held.id)
        there = sink is not None and any(one.id == viewer for one in sink.viewers)
        if sink is not None and there:
            await sink.hang_up(viewer)
        return there

    @contextmanager
    def socket(self, held: SessionHandle) -> Iterator[None]:
        """A place for a WebSocket of this session. Raises Busy if all are taken."""
        if self._sockets[held.id] >= SOCKETS:
            raise Busy(f"{SOCKETS} WebSockets watch this session, as many as may; close one of them first.")
        self._sockets[held.id] += 1
        try:
            with held.watched():
                yield
        finally:
            self._sockets[held.id] -= 1
            self._sockets += Counter()  # forgets those at 0

    def _sink(self, held: SessionHandle) -> WebRtcSink:
        if held.id in self._sinks:
            return self._sinks[held.id]
        if find_spec("aiortc") is None:
            raise EngineUnavailable('WebRTC wants aiortc: pip install "lipsmith[server]" brings it.')
        from ...transports.webrtc.sink import WebRtcSink

        sink = WebRtcSink(self.options)
        held.live.attach(sink)
        self._sinks[held.id] = sink
        held.live.task.add_done_callback(lambda _: self._sinks.pop(held.id, None))
        self._keep(_tell(held, sink))
        return sink

    def _keep(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _watch(self, held: SessionHandle, viewer: Viewer) -> None:
        with held.watched():
            await viewer.gone.wait()


async def _tell(held: SessionHandle, sink: WebRtcSink) -> None:
    async for event in held.live.events():
        sink.send_event(told(event, held.live.film.rate))


def told(event: Event, rate: int) -> dict[str, Any]:
    """An event as JSON: ``pts`` is the second of the session's media from which it holds."""
    return {"type": event.name, **asdict(event), "pts": event.sample / rate}


def _ears(held: SessionHandle, listen: bool) -> ViewerCallbacks:
    from ...transports.webrtc.sink import ViewerCallbacks

    def sound(samples: Samples, rate: int) -> None:
        held.live.say(samples, rate)

    def word(said: Mapping[str, Any]) -> None:
        if said.get("type") == "interrupt":
            held.hush()
            held.live.interrupt()
        elif said.get("type") == "end":
            held.live.end()

    return ViewerCallbacks(sound if listen else None, word)


__all__ = ["ViewerRegistry", "told"]
