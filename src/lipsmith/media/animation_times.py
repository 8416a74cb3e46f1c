"""Reads from the headers of a GIF, PNG or WebP how long each picture of the animation shows; decodes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import IO, TYPE_CHECKING

from .animation import shown_seconds

if TYPE_CHECKING:
    from pathlib import Path

HEAD = 12
"""Bytes at the beginning of a file that tell its format."""


def stated_times(path: Path) -> Iterator[Fraction] | None:
    """Seconds for which each picture shows, one by one, as far as the file goes; None for a file of another format.

    An image that is no animation yields nothing, but a GIF one picture.
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
    read = next((read for belongs, read in FORMATS if belongs(head)), None)
    return None if read is None else _read(path, read)


def _read(path: Path, read: Callable[[IO[bytes]], Iterator[Fraction]]) -> Iterator[Fraction]:
    with path.open("rb") as file:
        for seconds in read(file):
            yield shown_seconds(seconds)


def _gif(file: IO[bytes]) -> Iterator[Fraction]:
    """GIF89a: a block with the delay in hundredths of a second stands before its picture."""
    file.seek(6)
    screen, delay = file.read(7), 0
    _skip_colours(file, screen[4:5])
    while (kind := file.read(1)) not in (b"", b";"):
        if kind == b"!" and file.read(1) == b"\xf9":
            size = file.read(1)
            delay = int.from_bytes(file.read(size[0] if size else 0)[1:3], "little")
            _skip_blocks(file)
        elif kind == b"!":
            _skip_blocks(file)
        elif kind == b",":
            _skip_colours(file, file.read(9)[8:9])
            file.seek(1, 1)
            _skip_blocks(file)
            yield Fraction(delay, 100)
            delay = 0


def _skip_colours(file: IO[bytes], flags: bytes) -> None:
    """Pass over the table of colours that ``flags`` tell of."""
    if flags and flags[0] & 0x80:
        file.seek(3 << ((flags[0] & 7) + 1), 1)


def _skip_blocks(file: IO[bytes]) -> None:
    while (size := file.read(1)) not in (b"", b"\0"):
        file.seek(size[0], 1)


def _png(file: IO[bytes]) -> Iterator[Fraction]:
    """APNG: each picture has a chunk ``fcTL``, whose last fields but two are the delay as a fraction of a second."""
    file.seek(8)
    while len(head := file.read(8)) == 8:
        size, name = int.from_bytes(head[:4], "big"), head[4:]
        if name != b"fcTL":
            file.seek(size + 4, 1)
            continue
        data = file.read(size + 4)[20:24]
        yield Fraction(int.from_bytes(data[:2], "big"), int.from_bytes(data[2:], "big") or 100)


def _webp(file: IO[bytes]) -> Iterator[Fraction]:
    """WebP: each picture is a chunk ``ANMF`` that begins with its place, its size and its milliseconds."""
    file.seek(12)
    while len(head := file.read(8)) == 8:
        size = int.from_bytes(head[4:], "little")
        size += size % 2
        if head[:4] != b"ANMF":
            file.seek(size, 1)
            continue
        data = file.read(15)
        yield Fraction(int.from_bytes(data[12:15], "little"), 1000)
        file.seek(max(0, size - 15), 1)


FORMATS: tuple[tuple[Callable[[bytes], bool], Callable[[IO[bytes]], Iterator[Fraction]]], ...] = (
    (lambda head: head.startswith(b"GIF8"), _gif),
    (lambda head: head.startswith(b"\x89PNG\r\n\x1a\n"), _png),
    (lambda head: head.startswith(b"RIFF") and head[8:12] == b"WEBP", _webp),
)
"""What a file begins with, and what reads it."""

__all__ = ["stated_times"]
