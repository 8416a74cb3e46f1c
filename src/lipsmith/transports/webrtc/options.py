"""The options of WebRTC, and the addresses and credentials of ICE servers."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import re
from dataclasses import dataclass
from typing import Literal

from ...errors import OptionError
from ...options import check

ICE_URL = re.compile(r"(stun|stuns|turn|turns):[^\s,?]+(\?transport=(udp|tcp))?")
CREDENTIAL_SECONDS = 6 * 3600
"""How long the credentials for a TURN server are valid: longer than any session should last."""


@dataclass(frozen=True, slots=True)
class RtcOptions:
    """How WebRTC is done. Only the operator of a server sets these.

    Raises:
        OptionError: a value out of range.
    """

    codec: Literal["h264", "vp8"] = "h264"  # used where the viewer supports it, else the other one
    bit_rate: int = 1_500_000  # bits per second of the picture; less where the connection carries less
    ice: str = ""  # STUN and TURN servers, separated by commas: stun:host:3478, turns:host:443?transport=tcp
    turn_secret: str = ""  # shared with the TURN server; every session's credentials are made from it
    turn_name: str = ""  # instead of a secret: one user name and password for all
    turn_word: str = ""
    relay_only: bool = False  # media goes through the TURN server only
    public_address: str = ""  # of this machine on the internet, where a router or a cloud maps it
    ports: str = ""  # UDP ports for media, such as 50000-50199; needs an event loop of ``ports.loop_within``
    viewers: int = 4  # of one session
    connect_seconds: float = 15.0  # in which a viewer must connect after the answer

    def __post_init__(self) -> None:
        check(self)
        for url in self.urls:
            if not ICE_URL.fullmatch(url):
                raise OptionError(f"'{url}' is no ICE server: write it as stun:host:3478 or turn:host:3478.")
        if self.public_address and not _is_address(self.public_address):
            raise OptionError(f"public_address is '{self.public_address}'; it must be an IPv4 or IPv6 address.")
        if self.relay_only and not any(url.startswith("turn") for url in self.urls):
            raise OptionError("relay_only needs a TURN server in ice, such as turn:host:3478.")
        if self.bit_rate < 50_000 or self.viewers < 1 or not self.connect_seconds > 0:
            raise OptionError("bit_rate must be 50000 or more, viewers 1 or more, connect_seconds above 0.")
        parse_ports(self.ports)

    @property
    def urls(self) -> tuple[str, ...]:
        """The addresses in ``ice``."""
        return tuple(url.strip() for url in self.ice.split(",") if url.strip())


def parse_ports(text: str) -> range | None:
    """``50000-50199`` as a range; None for an empty text. Raises OptionError for a text that is no range of ports."""
    if not text:
        return None
    match = re.fullmatch(r"(\d{1,5})-(\d{1,5})", text)
    first, last = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1024 <= first <= last <= 65535:
        raise OptionError(f"ports is '{text}'; write it as 50000-50199, between 1024 and 65535.")
    return range(first, last + 1)


def ice_servers(options: RtcOptions, session: str, now: float) -> list[dict[str, str]]:
    """The servers as a browser's RTCPeerConnection takes them, with credentials for this ``session``.

    With a secret the credentials are those of the TURN REST API (draft-uberti-behave-turn-rest): the user name is
    ``<expiry>:<session>``, the password HMAC-SHA1 of it; ``now`` is in seconds since 1970.
    """
    name, password = options.turn_name, options.turn_word
    if options.turn_secret:
        name = f"{int(now) + CREDENTIAL_SECONDS}:{session}"
        digest = hmac.new(options.turn_secret.encode(), name.encode(), hashlib.sha1)
        password = base64.b64encode(digest.digest()).decode()
    turn = {"username": name, "credential": password} if name else {}
    return [{"urls": url, **(turn if url.startswith("turn") else {})} for url in options.urls]


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


__all__ = ["RtcOptions", "ice_servers", "parse_ports"]
