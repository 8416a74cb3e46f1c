"""Checks the SDP of offers before they are used, and puts a public address into answers."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter

from ...errors import InputError

MOST_BYTES = 65_536
"""Longest offer; browsers send 3 to 10 kB."""
MOST_CANDIDATES = 64
"""Most addresses of a viewer that are tried."""
WHAT_TO_SEND = "send the complete SDP of a WebRTC offer for audio, video or both, once each"


def check_offer(sdp: str) -> frozenset[str]:
    """The media ("audio", "video", "application") that an offer asks for.

    Raises:
        InputError: the text is no offer, or asks for more than one of a kind.
    """
    lines = sdp.splitlines()
    if len(sdp) > MOST_BYTES or not lines or lines[0].strip() != "v=0":
        raise InputError(f"The offer of {len(sdp)} characters is no SDP: {WHAT_TO_SEND}.")
    kinds = Counter(line[2:].split(" ")[0] for line in lines if line.startswith("m="))
    if not kinds.keys() & {"audio", "video"} or kinds.keys() - {"audio", "video", "application"}:
        raise InputError(f"The offer asks for {', '.join(kinds) or 'nothing'}: {WHAT_TO_SEND}.")
    if max(kinds.values()) > 1:
        raise InputError(f"The offer asks for {kinds.most_common(1)[0][1]} of a kind: {WHAT_TO_SEND}.")
    candidates = sum(line.startswith("a=candidate:") for line in lines)
    if candidates > MOST_CANDIDATES:
        raise InputError(f"The offer names {candidates} addresses; up to {MOST_CANDIDATES} are tried.")
    return frozenset(kinds)


def with_public_address(sdp: str, address: str) -> str:
    """The answer with this machine's own addresses (``typ host``) of the same family replaced by ``address``."""
    if not address:
        return sdp
    family = ipaddress.ip_address(address).version

    def replaced(match: re.Match[str]) -> str:
        own = ipaddress.ip_address(match[2])
        return match[0] if own.version != family else f"{match[1]}{address}{match[3]}"

    return re.sub(r"(a=candidate:\S+ \d+ \S+ \d+ )(\S+)( \d+ typ host)", replaced, sdp)


__all__ = ["check_offer", "with_public_address"]
