"""API keys: random texts of 256 bits. The server keeps only the SHA-256 of each, one line per key.

A line is ``name sha256:<64 hex digits>``; ``#`` begins a comment. The name is the client: keys of one name see the
same jobs and avatars. A slow hash would not protect better, because 256 random bits cannot be guessed.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...errors import InputError, OptionError

if TYPE_CHECKING:
    from pathlib import Path

ENVIRONMENT = "LIPSMITH_KEYS"
PREFIX = "lsk_"
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
LINE = re.compile(r"(?P<name>\S+)\s+sha256:(?P<digest>[0-9a-f]{64})")
NOBODY = "local"
"""The client's name where no key is needed."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Who may call: (name, SHA-256 of the key) pairs."""

    known: tuple[tuple[str, bytes], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.known)

    def owner(self, key: str) -> str | None:
        """The client whose ``key`` it is, or None. The time taken does not depend on which key matches."""
        digest = hashlib.sha256(key.encode()).digest()
        found = None
        for name, known in self.known:
            if hmac.compare_digest(digest, known):
                found = name
        return found


def new_key(name: str) -> tuple[str, str]:
    """A new key for the client ``name``, and the line for the server's file of keys. Raises OptionError."""
    check_name(name)
    key = PREFIX + secrets.token_urlsafe(32)
    return key, f"{name} sha256:{hashlib.sha256(key.encode()).hexdigest()}"


def check_name(name: str) -> None:
    """Raise OptionError unless ``name`` can be the name of a client, and so of a folder."""
    if not NAME.fullmatch(name):
        raise OptionError(
            f"'{name}' cannot name a client: use 1 to 32 of a-z, 0-9 and '-', such as 'studio', not '-' at the start."
        )


def read_keys(path: Path | None, inline: str = "") -> Keys:
    """The keys of the file at ``path`` and of ``inline``, which holds such lines, separated by line ends or semicolons.

    Raises:
        InputError: the file cannot be read, or a line is malformed. The message does not repeat the line.
    """
    text = ""
    if path is not None:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as reason:
            raise InputError(f"The keys in {path} cannot be read: give a text file that you may read.") from reason
    return Keys(tuple(_pairs(text.splitlines(), str(path)) + _pairs(re.split(r"[;\n]", inline), f"${ENVIRONMENT}")))


def _pairs(lines: list[str], where: str) -> list[tuple[str, bytes]]:
    pairs = []
    for number, line in enumerate(lines, 1):
        words = line.partition("#")[0].strip()
        if not words:
            continue
        match = LINE.fullmatch(words)
        if match is None or not NAME.fullmatch(match["name"]):
            raise InputError(
                f"Line {number} of {where} is no key: 'lipsmith serve key' prints lines like 'name sha256:<64 digits>'."
            )
        pairs.append((match["name"], bytes.fromhex(match["digest"])))
    return pairs
