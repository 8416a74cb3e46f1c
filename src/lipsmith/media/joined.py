"""Times of files that were joined end to end, as recorders and broadcasters do with MPEG streams.

A transport or program stream needs no header, so two of them, appended, play one after the other. But the clock of the
second part begins anew, and a reader who trusts its times shows it over the first part, or not at all.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

FORMATS = ("mpegts", "mpeg")
"""Containers, as FFmpeg names them, whose files can be joined in this way."""
BACK = Fraction(1)
"""Seconds: times that go back by more begin a new part. Within a part they never go back."""


class JoinedClock:
    """Makes the times of a file's packets go on where a part begins anew. Picture and sound of a part stay together."""

    def __init__(self) -> None:
        self._offset = Fraction(0)  # seconds that the newest part is moved by
        self._part = 0
        self._streams: dict[int, _StreamClock] = {}

    def correct(self, packet: Any) -> None:
        """Move the times of the file's next picture or sound packet, in place."""
        if packet.dts is None:
            return
        stream = self._streams.setdefault(packet.stream_index, _StreamClock(self._offset, self._part))
        tick = Fraction(packet.time_base)
        if packet.dts * tick + stream.offset < stream.last - BACK:
            self._enter_part(stream, (packet.dts if packet.pts is None else packet.pts) * tick)
        ticks = round(stream.offset / tick)
        packet.dts += ticks
        if packet.pts is not None:
            packet.pts += ticks
        stream.last = packet.dts * tick
        shown = packet.dts if packet.pts is None else packet.pts
        stream.end = max(stream.end, (shown + (packet.duration or 0)) * tick)

    def _enter_part(self, stream: _StreamClock, start: Fraction) -> None:
        """``stream`` goes on with a new part, whose first packet has the time ``start``, or follows another into it."""
        if stream.part == self._part:
            self._part += 1
            self._offset = max(one.end for one in self._streams.values()) - start
        stream.offset, stream.part = self._offset, self._part


class _StreamClock:
    """Where one stream is; times in seconds."""

    def __init__(self, offset: Fraction, part: int) -> None:
        self.offset, self.part = offset, part
        self.last = self.end = Fraction(-(10**9))  # decoding time of the last packet, and when the latest one ends


__all__ = ["FORMATS", "JoinedClock"]
