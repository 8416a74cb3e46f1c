"""An Ogg Vorbis file of silent blocks whose lengths change, written bit by bit (Vorbis I specification; RFC 3533)."""

from __future__ import annotations

import struct
from itertools import accumulate, pairwise
from pathlib import Path

SHORT, LONG = 256, 2048
"""Samples of the two block lengths."""
PAGE = 11
"""Packets in a page."""


def write_vorbis(path: Path, blocks: list[int], rate: int = 44100) -> int:
    """Write packets with the lengths ``blocks`` (``SHORT`` or ``LONG``); return the number of samples in the file."""
    pages = [_page([_identification(rate)], 0, 0, 2), _page([_comment(), _setup()], 0, 1, 0)]
    packets = [_silent_packet(*around) for around in zip(blocks, [LONG, *blocks], [*blocks[1:], LONG], strict=False)]
    ends = [0, *accumulate((before + here) // 4 for before, here in pairwise(blocks))]
    for first in range(0, len(packets), PAGE):
        last = min(first + PAGE, len(packets)) - 1
        kind = 4 if last == len(packets) - 1 else 0
        pages.append(_page(packets[first : last + 1], ends[last], len(pages), kind))
    path.write_bytes(b"".join(pages))
    return ends[-1]


def _pack(*fields: tuple[int, int]) -> bytes:
    """Fields (value, bits), the lowest bit first."""
    value, place = 0, 0
    for field, bits in fields:
        value |= field << place
        place += bits
    return value.to_bytes((place + 7) // 8, "little")


def _identification(rate: int) -> bytes:
    sizes = (SHORT.bit_length() - 1) | (LONG.bit_length() - 1) << 4
    return b"\x01vorbis" + struct.pack("<IBIiiiBB", 0, 1, rate, 0, 0, 0, sizes, 1)


def _comment() -> bytes:
    return b"\x03vorbis" + struct.pack("<III", 4, 0x74736574, 0) + b"\x01"


def _setup() -> bytes:
    """One codebook of two entries, one floor, residue and mapping, and a mode for each block length."""
    codebook = [(0, 8), (0x564342, 24), (1, 16), (2, 24), (0, 1), (0, 1), (0, 5), (0, 5), (0, 4)]
    floor = [(0, 6), (0, 16), (0, 6), (1, 16), (0, 5), (0, 2), (4, 4)]
    residue = [(0, 6), (0, 16), (0, 24), (0, 24), (0, 24), (0, 6), (0, 8), (0, 4)]
    mapping = [(0, 6), (0, 16), (0, 1), (0, 1), (0, 2), (0, 8), (0, 8), (0, 8)]
    modes = [(1, 6), (0, 1), (0, 16), (0, 16), (0, 8), (1, 1), (0, 16), (0, 16), (0, 8), (1, 1)]
    return b"\x05vorbis" + _pack(*codebook, *floor, *residue, *mapping, *modes)


def _silent_packet(block: int, before: int, after: int) -> bytes:
    neighbours = [(int(before == LONG), 1), (int(after == LONG), 1)] if block == LONG else []
    return _pack((0, 1), (int(block == LONG), 1), *neighbours, (0, 1))


def _page(packets: list[bytes], position: int, number: int, kind: int) -> bytes:
    laces = b"".join(b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255]) for packet in packets)
    head = struct.pack("<4sBBqIIIB", b"OggS", 0, kind, position, 7, number, 0, len(laces)) + laces
    page = bytearray(head + b"".join(packets))
    page[22:26] = struct.pack("<I", _checksum(bytes(page)))
    return bytes(page)


def _checksum(page: bytes) -> int:
    register = 0
    for byte in page:
        register ^= byte << 24
        for _ in range(8):
            register = (register << 1) ^ (0x04C11DB7 if register & 0x80000000 else 0)
        register &= 0xFFFFFFFF
    return register
