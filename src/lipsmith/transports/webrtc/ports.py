"""WebRTC media on a chosen range of UDP ports, for machines whose firewall opens only some.

aioice binds port 0, which means any free port, and has no setting for it. So the server runs on an event loop that
binds such a datagram socket to a port of the range. Only aioice asks for port 0 in our server; everything else is as
in asyncio's own loop.
"""

from __future__ import annotations

import asyncio
import errno
import secrets
from collections.abc import Callable
from typing import Any


class PortRangeLoop(asyncio.SelectorEventLoop):
    """An event loop that binds datagram sockets for port 0 to a free port of ``ports``."""

    def __init__(self, ports: range) -> None:
        super().__init__()
        self.ports = ports

    async def create_datagram_endpoint(  # type: ignore[override]
        self, protocol_factory: Callable[[], Any], local_addr: tuple[str, int] | None = None, **options: Any
    ) -> tuple[Any, Any]:
        """As asyncio's, with a port of the range for port 0. Raises OSError when none of them is free."""
        if local_addr is None or local_addr[1]:
            return await super().create_datagram_endpoint(protocol_factory, local_addr, **options)
        first = secrets.randbelow(len(self.ports))
        for port in (*self.ports[first:], *self.ports[:first]):
            try:
                return await super().create_datagram_endpoint(protocol_factory, (local_addr[0], port), **options)
            except OSError as reason:
                if reason.errno != errno.EADDRINUSE:
                    raise
        raise OSError(errno.EADDRINUSE, f"UDP ports {self.ports[0]} to {self.ports[-1]} are all in use")


def loop_within(ports: range | None) -> Callable[[], asyncio.AbstractEventLoop]:
    """A factory for the event loop of a server whose media ports are ``ports``; None: asyncio's own loop."""
    return asyncio.new_event_loop if ports is None else lambda: PortRangeLoop(ports)


__all__ = ["PortRangeLoop", "loop_within"]
