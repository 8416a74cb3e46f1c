"""API keys: random texts of 256 bits. The server keeps only the SHA-256 of each, one line per key.

A line is ``name sha256:<64 hex digits>``; ``#`` begins a comment. The name is the client: keys of one name see the
same jobs and avatars. A line that ends in ``operator`` is an operator's key, which reads the metrics and nothing else.
A slow hash would not protect better, because 256 random bits cannot be guessed.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import re
import secrets
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ...errors import InputError, OptionError

if TYPE_CHECKING:
    from pathlib import Path

ENVIRONMENT = "LIPSMITH_KEYS"
PREFIX = "lsk_"
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
LINE = re.compile(r"(?P<name>\S+)\s+sha256:(?P<digest>[0-9a-f]{64})(?P<operator>\s+operator)?")
NOBODY = "local"
"""The client's name where no key is needed."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Keys:
    """Who may call: (name, SHA-256 of the key) pairs of clients, and of operators."""

    known: tuple[tuple[str, bytes], ...] = ()
    operators: tuple[tuple[str, bytes], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.known or self.operators)

    def owner(self, key: str) -> str | None:
        """The client whose ``key`` it is, or None. The time taken does not depend on which key matches."""
        return _name_of(key, self.known)

    def operator(self, key: str) -> str | None:
        """The operator whose ``key`` it is, or None; as ``owner``."""
        return _name_of(key, self.operators)


def _name_of(key: str, known: tuple[tuple[str, bytes], ...]) -> str | None:
    digest, found = hashlib.sha256(key.encode()).digest(), None
    for name, one in known:
        if hmac.compare_digest(digest, one):
            found = name
    return found


def new_key(name: str, *, operator: bool = False) -> tuple[str, str]:
    """A new key for the client or operator ``name``, and the line for the server's file of keys. Raises OptionError."""
    check_name(name)
    key = PREFIX + secrets.token_urlsafe(32)
    line = f"{name} sha256:{hashlib.sha256(key.encode()).hexdigest()}"
    return key, f"{line} operator" if operator else line


def check_name(name: str) -> None:
    """Raise OptionError unless ``name`` can be the name of a client, and so of a folder."""
    if not NAME.fullmatch(name):
        raise OptionError(
            f"'{name}' cannot name a client: use 1 to 32 of a-z, 0-9 and '-', such as 'studio', not '-' at the start."
        )


def read_keys(path: Path | None, inline: str = "") -> Keys:
    """The keys of the file at ``path`` and of ``inline``, which holds such lines, separated by line ends or semicolons.

    Raises:
        InputError: the file cannot be read, other users may change it, a line is malformed, a source has no key, or
            two lines give one key to two names. The message does not repeat the line.
    """
    found: list[KeyLine] = []
    if path is not None:
        found += _lines(_text_of(path).splitlines(), str(path))
    if inline:
        found += _lines(re.split(r"[;\n]", inline), f"${ENVIRONMENT}")
    _check_unique(found)
    clients = tuple((one.name, one.digest) for one in found if not one.operator)
    return Keys(clients, tuple((one.name, one.digest) for one in found if one.operator))


class KeyLine(NamedTuple):
    """One line, and where it stands."""

    name: str
    digest: bytes
    operator: bool
    place: str


def _text_of(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
        mode = path.stat().st_mode
    except (OSError, UnicodeDecodeError) as reason:
        raise InputError(f"The keys in {path} cannot be read: give a text file that you may read.") from reason
    if os.name == "posix" and mode & stat.S_IWOTH:
        raise InputError(f"Every user of this machine may add a key to {path}: chmod 600 {path}")
    if os.name == "posix" and mode & stat.S_IROTH:
        log.warning("Every user of this machine may read the names and hashes in %s: chmod 600 %s", path, path)
    return text


def _lines(lines: list[str], where: str) -> list[KeyLine]:
    """The keys of one source, which has at least one: a source that was given must not leave the server open."""
    found = []
    for number, line in enumerate(lines, 1):
        words = line.partition("#")[0].strip()
        if not words:
            continue
        match = LINE.fullmatch(words)
        if match is None or not NAME.fullmatch(match["name"]):
            raise InputError(
                f"Line {number} of {where} is no key: 'lipsmith serve key' prints lines like 'name sha256:<64 digits>'."
            )
        digest, operator = bytes.fromhex(match["digest"]), match["operator"] is not None
        found.append(KeyLine(match["name"], digest, operator, f"line {number} of {where}"))
    if not found:
        raise InputError(f"There is no key in {where}: make one with 'lipsmith serve key' and put its line there.")
    return found


def _check_unique(found: list[KeyLine]) -> None:
    """Raise InputError if one key is there for two."""
    first: dict[bytes, KeyLine] = {}
    for one in found:
        other = first.setdefault(one.digest, one)
        if (other.name, other.operator) != (one.name, one.operator):
            raise InputError(
                f"One key stands for two: '{other.name}' in {other.place}, '{one.name}' in {one.place}: delete one."
            )
