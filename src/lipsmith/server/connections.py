"""The table of open connections: who holds them, how long they may be silent, and which one goes when there is no room.

A connection is *keyless* until a request on it shows a key or a token, and again when that request is answered. Silent
sockets, web pages and health checks are keyless. Keyless connections have places of their own. When these are taken,
the newest comes in and another one goes: a silent one of the address that has the most. So silent sockets cannot keep
out a health check or a client with a key, whose places they never take.

All of it is for the event loop.
"""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from .problems import Problem

if TYPE_CHECKING:
    from starlette.types import Scope

CHECK_SECONDS = 0.5
"""Between two checks for connections that are too slow."""
STATE = "connection"
"""Name under which a scope's ``state`` has the connection."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a client may take, in seconds."""

    header: float = 10.0  # for the header of a request, from the connection's or the request's first byte
    body: float = 20.0  # for nothing of a body to come while the server waits for it
    body_rate: float = 1000.0  # bytes of a body that buy one more second
    unread: float = 5.0  # to stop sending a body that was answered already
    keyless: float = 60.0  # to take the answer to a request without a key


class Watched(Protocol):
    """What the table asks of a connection's protocol."""

    def overdue(self, now: float, keyless: bool) -> str:
        """Why the connection must end now, or nothing."""

    def end(self, why: str) -> None:
        """Close it."""


@dataclass(slots=True, eq=False)
class Connection:
    """One connection of the table."""

    address: str  # the peer's, see ``network_of``
    watched: Watched
    opened: float
    known: bool = False  # whether any request had a key
    busy: bool = False  # whether a request is answered

    @property
    def worth(self) -> tuple[bool, bool, float]:
        """The least worthy connection is the first to go."""
        return self.known, self.busy, self.opened


@dataclass(slots=True)
class ConnectionTable:
    """All open connections.

    Args:
        most: connections whose requests have shown a key, at a time.
        own: such connections of one client.
        keyless: connections without a key, at a time.
    """

    most: int
    own: int
    keyless: int
    patience: Patience = field(default_factory=Patience)
    clock: Callable[[], float] = time.monotonic
    ended: Counter[str] = field(default_factory=Counter)  # reason -> connections that the table ended
    refused: Counter[str] = field(default_factory=Counter)  # type of problem -> requests that found no place
    _without: set[Connection] = field(default_factory=set)
    _with: set[Connection] = field(default_factory=set)  # whose requests are being answered
    _owners: Counter[str] = field(default_factory=Counter)
    _checking: asyncio.TimerHandle | None = None

    @property
    def with_key(self) -> int:
        """Connections on which a request with a key is answered."""
        return len(self._with)

    @property
    def without_key(self) -> int:
        """All others."""
        return len(self._without)

    def add(self, address: str, watched: Watched) -> Connection:
        """A new connection, for which another one may have to go."""
        while self.without_key >= self.keyless:
            self._end(self._least(), "no room")
        made = Connection(network_of(address), watched, self.clock())
        self._without.add(made)
        if self._checking is None:
            self._check_later()
        return made

    def remove(self, connection: Connection) -> None:
        """The connection is closed."""
        self._without.discard(connection)
        self._with.discard(connection)

    @contextmanager
    def admitted(self, connection: Connection | None, owner: str, shared: bool) -> Iterator[None]:
        """Give the connection a place among those of clients while a request of ``owner`` is answered.

        Args:
            connection: None where requests come without one, as in tests.
            shared: many people use this client's name, so it has no share of its own.

        Raises:
            Problem: too-many-connections, queue-full.
        """
        if connection is None:
            yield
            return
        self._check_room(owner, shared)
        self._owners[owner] += 1
        self._move(connection, self._without, self._with)
        connection.known = True
        try:
            yield
        finally:
            self._owners[owner] -= 1
            self._move(connection, self._with, self._without)

    def _move(self, connection: Connection, source: set[Connection], target: set[Connection]) -> None:
        """Between the two kinds, unless the connection is closed."""
        if connection in source:
            source.remove(connection)
            target.add(connection)

    def _check_room(self, owner: str, shared: bool) -> None:
        problem = None
        if not shared and self._owners[owner] >= self.own:
            text = f"{self.own} requests of yours are being answered, as many as may: wait until one is over."
            problem = Problem("too-many-connections", text, retry_after=5)
        elif self._owners.total() >= self.most:
            text = f"{self.most} requests are being answered, as many as may: try again in a moment."
            problem = Problem("queue-full", text, retry_after=5)
        if problem is not None:
            self.refused[problem.kind] += 1
            raise problem

    def _least(self) -> Connection:
        """The connection without a key that goes first."""
        crowds = Counter(one.address for one in self._without)
        most = max(crowds.values())
        return min((one for one in self._without if crowds[one.address] == most), key=lambda one: one.worth)

    def _end(self, connection: Connection, why: str) -> None:
        self.ended[why] += 1
        self.remove(connection)
        connection.watched.end(why)

    def _check_later(self) -> None:
        self._checking = asyncio.get_running_loop().call_later(CHECK_SECONDS, self._check)

    def _check(self) -> None:
        """End what is overdue."""
        now = self.clock()
        for connection in [*self._without, *self._with]:
            if why := connection.watched.overdue(now, connection in self._without):
                self._end(connection, why)
        self._checking = None
        if self._without or self._with:
            self._check_later()


def network_of(address: str) -> str:
    """What counts as one address: that of IPv4, and the network of 64 bits that one customer has of IPv6."""
    with suppress(ValueError):
        found = ipaddress.ip_address(address)
        if isinstance(found, ipaddress.IPv6Address):
            inner = found.ipv4_mapped
            return str(inner) if inner else str(ipaddress.IPv6Network((found, 64), strict=False))
    return address


def connection_of(scope: Scope) -> Connection | None:
    """The connection on which a request came; None where there is none, as in tests without sockets."""
    found: Any = scope.get("state", {}).get(STATE)
    return found if isinstance(found, Connection) else None
