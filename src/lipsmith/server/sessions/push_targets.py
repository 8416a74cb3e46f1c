"""Where clients may push sessions: below the addresses that the operator names, and nowhere else.

One strict grammar parses an address. Its parts are compared with those of the operator's addresses. FFmpeg gets an
address that is built from the parts, so no other parser ever reads what the client sent. The grammar has no user name
and password, %, .., \\, white space, fragments, or options of FFmpeg's: some parser might give them a meaning.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from ...errors import OptionError
from ..problems import Problem

PORTS = {"rtmp": 1935, "rtmps": 443, "srt": 0}
"""Default ports; SRT has none."""
ADDRESS = re.compile(
    r"(?P<scheme>[A-Za-z]{3,5})://(?P<host>[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>(?:/[A-Za-z0-9._~-]+)*)/?(?:\?(?P<query>[A-Za-z0-9._~=&:/,!-]{1,1024}))?",
    re.ASCII,
)
STREAM_ID = re.compile(r"streamid=[A-Za-z0-9._~=:/,!-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class PushTarget:
    """An address in its parts."""

    scheme: str
    host: str  # lower case, without brackets
    port: int
    path: tuple[str, ...]
    query: str = ""  # of streaming sites, with keys in it

    def holds(self, other: PushTarget) -> bool:
        """Whether ``other`` is this address or below it."""
        own, others = (self.scheme, self.host, self.port), (other.scheme, other.host, other.port)
        return own == others and other.path[: len(self.path)] == self.path

    @property
    def address(self) -> str:
        """The address for FFmpeg."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == PORTS[self.scheme] else f":{self.port}"  # as streaming sites write their own
        path = "".join(f"/{part}" for part in self.path)
        return f"{self.scheme}://{host}{port}{path}" + (f"?{self.query}" if self.query else "")


def parse_target(address: str) -> PushTarget:
    """The parts of ``address``. Raises OptionError, whose message does not repeat it, if it has another form."""
    found = ADDRESS.fullmatch(address)
    scheme = found["scheme"].lower() if found else ""
    if found is None or scheme not in PORTS:
        raise OptionError(
            "The address cannot be pushed to: write rtmp://host/app/key, rtmps:// or srt://host:port?streamid=..., of "
            "letters, digits and ._~- alone, without name and password."
        )
    path, query = tuple(found["path"].split("/")[1:]), found["query"] or ""
    port = int(found["port"]) if found["port"] else PORTS[scheme]
    fine = STREAM_ID.fullmatch(query) is not None and not path if scheme == "srt" and query else "slist=" not in query
    if not 0 < port < 65_536 or not fine or {".", ".."} & set(path) or (scheme == "srt" and path):
        raise OptionError("The address cannot be pushed to: its port, its path or what follows the ? cannot be.")
    return PushTarget(scheme, _host(found["host"]), port, path, query)


def parse_targets(text: str) -> tuple[PushTarget, ...]:
    """The operator's addresses, separated by commas. Raises OptionError."""
    places = tuple(parse_target(one.strip()) for one in text.split(",") if one.strip())
    if any(place.query for place in places):
        raise OptionError("push_to names an address with a ?: write what all addresses below it have in common.")
    return places


def allowed(address: str, places: tuple[PushTarget, ...]) -> str:
    """``address`` as it may be pushed to. Raises Problem push-refused, or OptionError for what is no address."""
    if not places:
        raise Problem("push-refused", "This server pushes nowhere: its operator names where it may with --push-to.")
    place = parse_target(address)
    if not any(one.holds(place) for one in places):
        raise Problem("push-refused", "The address is not below one that the operator of this server named.")
    return place.address


def _host(text: str) -> str:
    if not text.startswith("["):
        return text.lower()
    try:
        return str(ipaddress.IPv6Address(text[1:-1]))
    except ValueError:
        raise OptionError("The address cannot be pushed to: its host is no IPv6 address.") from None
