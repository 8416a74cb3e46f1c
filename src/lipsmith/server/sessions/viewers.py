"""The WebRTC viewers of a session. For the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ...errors import EngineUnavailable
from .events import forward_events

if TYPE_CHECKING:
    from ...transports.webrtc.options import RtcOptions
    from ...transports.webrtc.sink import Viewer, ViewerCallbacks, WebRtcSink
    from ...types import Samples
    from .handle import SessionHandle


@dataclass(slots=True, eq=False)
class RtcViewers:
    """All WebRTC viewers of one session: the sink that encodes for them, which the session closes at its end."""

    handle: SessionHandle
    sink: WebRtcSink
    tasks: set[asyncio.Task[None]] = field(default_factory=set)  # one forwards events, the others wait for viewers

    async def end(self) -> None:
        """Forget the viewers."""
        for task in self.tasks:
            task.cancel()
        if self in self.handle.attachments:
            self.handle.attachments.remove(self)

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Do ``work`` while there are viewers."""
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


async def answer_offer(
    handle: SessionHandle, offer: str, options: RtcOptions, listen: bool = True
) -> tuple[Viewer, str]:
    """A new viewer and the SDP for it; while it is connected the session stays open.

    Args:
        listen: speak the sound of the viewer's microphone.

    Raises:
        InputError: the offer is none.
        Busy: as many watch as may.
        EngineUnavailable: aiortc is not installed.
    """
    viewers = _viewers(handle, options)
    viewer, answer = await viewers.sink.answer(offer, _callbacks(handle, listen))
    viewers.run(_keep_open(handle, viewer))
    return viewer, answer


def count_viewers(handle: SessionHandle) -> int:
    """How many watch the session, by WebRTC and by WebSocket."""
    return handle.sockets + sum(len(found.sink.viewers) for found in handle.attached(RtcViewers))


async def hang_up(handle: SessionHandle, viewer: str) -> bool:
    """End one viewer's connection; whether it was there."""
    for viewers in handle.attached(RtcViewers):
        if any(one.id == viewer for one in viewers.sink.viewers):
            await viewers.sink.hang_up(viewer)
            return True
    return False


def _viewers(handle: SessionHandle, options: RtcOptions) -> RtcViewers:
    """Those of the session, whose sink is made for the first one."""
    for found in handle.attached(RtcViewers):
        return found
    if find_spec("aiortc") is None:
        raise EngineUnavailable("This server lacks aiortc, without which there is no WebRTC.")
    from ...transports.webrtc.sink import WebRtcSink

    viewers = RtcViewers(handle, WebRtcSink(options))
    handle.live.attach(viewers.sink)
    handle.attachments.append(viewers)
    viewers.run(forward_events(handle.live, lambda event: viewers.sink.send_event({"type": event["name"], **event})))
    return viewers


async def _keep_open(handle: SessionHandle, viewer: Viewer) -> None:
    with handle.watched():
        await viewer.gone.wait()


def _callbacks(handle: SessionHandle, listen: bool) -> ViewerCallbacks:
    from ...transports.webrtc.sink import ViewerCallbacks

    def sound(samples: Samples, rate: int) -> None:
        handle.say(samples, rate)

    def message(said: Mapping[str, Any]) -> None:
        if said.get("type") == "interrupt":
            handle.interrupt()
        elif said.get("type") == "end":
            handle.end()

    return ViewerCallbacks(sound if listen else None, message)


__all__ = ["RtcViewers", "answer_offer", "count_viewers", "hang_up"]
