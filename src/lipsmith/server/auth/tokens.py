"""Short-lived tokens for what cannot send a key: a ``<video>``, an ``EventSource``, the media of a session.

A token gives access to one resource of one client until it expires. It is ``lst_<payload>.<signature>``, both in
base64url. The payload is JSON with ``sub`` (the resource, "jobs/<id>"), ``own`` (the client) and ``exp`` (seconds since
1970). The signature is HMAC-SHA256 over the payload.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import logging
import os
import secrets
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...whole_file import whole_file

if TYPE_CHECKING:
    from pathlib import Path

PREFIX = "lst_"
LIFE = 600
"""Seconds for which a token is valid."""
SECRET_BYTES = 32
KEY_ONLY = ("pushes", "recordings")
"""Parts of a session that its token may only read: whoever holds the token talks and watches. To record or push the
session needs the key."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TokenClaims:
    """What a token claims."""

    subject: str  # "jobs/<id>" or "sessions/<id>"
    owner: str
    expires: int  # seconds since 1970

    def opens(self, path: str, reading: bool) -> bool:
        """Whether the token admits a request for ``path``, below ``/v1/``; ``reading``: it changes nothing."""
        if path != self.subject and not path.startswith(f"{self.subject}/"):
            return False
        part = path.removeprefix(self.subject).lstrip("/").split("/")[0]
        return reading or (self.subject.startswith("sessions/") and part not in KEY_ONLY)


@dataclass(frozen=True, slots=True)
class Signer:
    """Makes tokens and verifies them."""

    secret: bytes
    clock: Callable[[], float] = time.time

    def token(self, subject: str, owner: str, life: int = LIFE) -> tuple[str, int]:
        """A token for ``subject`` of ``owner``, and when it expires."""
        expires = int(self.clock()) + life
        payload = _encode(json.dumps({"sub": subject, "own": owner, "exp": expires}).encode())
        return f"{PREFIX}{payload}.{self._sign(payload)}", expires

    def read(self, token: str) -> TokenClaims | None:
        """The claims of ``token``; None if its signature is not ours or it has expired."""
        payload, _, signature = token.removeprefix(PREFIX).partition(".")
        if not hmac.compare_digest(self._sign(payload).encode(), signature.encode()):
            return None
        try:
            claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
        except (binascii.Error, ValueError):
            return None
        found = TokenClaims(str(claims["sub"]), str(claims["own"]), int(claims["exp"]))
        return found if found.expires > self.clock() else None

    def _sign(self, payload: str) -> str:
        return _encode(hmac.new(self.secret, payload.encode(), hashlib.sha256).digest())


def signer_of(folder: Path) -> Signer:
    """The signer whose secret is stored in ``folder``, where the first call makes it. So tokens survive a restart.

    A secret that is cut short could be guessed, and one that other users could read may be known: either is made anew.
    """
    path = folder / "token-secret"
    if path.exists() and (path.stat().st_size != SECRET_BYTES or _seen_by_others(path)):
        log.warning("%s was damaged, or other users could read it: it is made anew, and tokens given out end.", path)
        path.unlink()
    if not path.exists():
        with whole_file(path) as hidden:
            hidden.touch(0o600)
            hidden.write_bytes(secrets.token_bytes(SECRET_BYTES))
    return Signer(path.read_bytes())


def _seen_by_others(path: Path) -> bool:
    return os.name == "posix" and bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
