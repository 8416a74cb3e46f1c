"""Short-lived tokens for places that cannot send a key: a ``<video>``'s address, an event stream, a session's media.

A token opens one resource of one client until it expires. It is ``lst_<payload>.<signature>``: both base64url, the
payload JSON with ``sub`` (the resource, "jobs/<id>"), ``own`` (whose) and ``exp`` (seconds since 1970), the signature
HMAC-SHA256 over the payload.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PREFIX = "lst_"
LIFE = 600
"""Seconds a token is good for."""
KEY_ONLY = ("pushes", "recordings")
"""Not begun or ended by a session's token: who holds one talks and watches; to send on and to keep wants the key."""


@dataclass(frozen=True, slots=True)
class TokenClaims:
    """What a token says."""

    subject: str  # "jobs/<id>" or "sessions/<id>"
    owner: str
    expires: int  # seconds since 1970

    def opens(self, path: str, reading: bool) -> bool:
        """Whether a request for ``path`` (below ``/v1/``) is let in; ``reading``: it changes nothing."""
        if path != self.subject and not path.startswith(f"{self.subject}/"):
            return False
        part = path.removeprefix(self.subject).lstrip("/").split("/")[0]
        return reading or (self.subject.startswith("sessions/") and part not in KEY_ONLY)


@dataclass(frozen=True, slots=True)
class Signer:
    """Makes tokens and reads them back."""

    secret: bytes
    clock: Callable[[], float] = time.time

    def token(self, subject: str, owner: str, life: int = LIFE) -> tuple[str, int]:
        """A token for ``subject`` of ``owner``, and when it expires."""
        expires = int(self.clock()) + life
        payload = _encode(json.dumps({"sub": subject, "own": owner, "exp": expires}).encode())
        return f"{PREFIX}{payload}.{self._sign(payload)}", expires

    def read(self, token: str) -> TokenClaims | None:
        """What ``token`` says; None if it is none of ours, was changed, or is over."""
        payload, _, signature = token.removeprefix(PREFIX).partition(".")
        if not hmac.compare_digest(self._sign(payload).encode(), signature.encode()):
            return None
        try:
            said = json.loads(base64.urlsafe_b64decode(payload + "=="))
        except (binascii.Error, ValueError):
            return None
        found = TokenClaims(str(said["sub"]), str(said["own"]), int(said["exp"]))
        return found if found.expires > self.clock() else None

    def _sign(self, payload: str) -> str:
        return _encode(hmac.new(self.secret, payload.encode(), hashlib.sha256).digest())


def signer_of(folder: Path) -> Signer:
    """The signer whose secret lies in ``folder``, made at first: tokens survive a restart."""
    path = folder / "token-secret"
    if not path.exists():
        hidden = folder / f".{path.name}.{secrets.token_hex(4)}.part"
        hidden.touch(0o600)
        hidden.write_bytes(secrets.token_bytes(32))
        hidden.rename(path)
    return Signer(path.read_bytes())


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
