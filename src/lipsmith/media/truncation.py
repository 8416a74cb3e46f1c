"""Finds out whether a media file breaks off before the end that it states.

Only statements count: an index, a header with a length in seconds or bytes, an mp3's frame count, an Ogg's mark of the
last page. A duration that FFmpeg estimates from a bit rate is none; transport streams and AAC without a container have
none.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av

from ..errors import InputError
from .demux import open_media, packets

if TYPE_CHECKING:
    from pathlib import Path

STREAM_LENGTHS = {"mov", "flac", "tta", "wv", "ape", "caf"}
"""Containers that state the length of each stream."""
PCM_LENGTHS = {"aiff", "au"}
"""Containers that state the bytes of the sound, so only PCM has a length that is sure."""
FILE_LENGTHS = {"matroska", "webm", "flv"}
"""Containers that state one length for the whole file, that of the longest stream."""
ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
"""Identifier of the ASF object whose bytes 40 to 47 are the size of the file."""
UNKNOWN_SIZE = 0xFFFFFF00
"""A RIFF size from here on means that the writer did not know it."""
MP3_SEARCH = 4096
"""Bytes after the ID3 tag in which an mp3's first frame, and so its frame count, must be."""
OGG_PAGE = 65307
"""Bytes of the largest Ogg page (RFC 3533)."""
TOLERANCE = Fraction(1, 50)
MARGIN = Fraction(1, 2)
"""A file is whole if at most ``TOLERANCE`` of its stated length and ``MARGIN`` seconds are missing."""


def sound_notice(path: Path, container: Any, stream: Any, seconds: float, end: float) -> str:
    """A sentence part for the user if the sound breaks off, else "".

    Args:
        path: the file, open as ``container``.
        container: the open container.
        stream: its sound.
        seconds: of sound that could be decoded.
        end: time at which they end, in seconds.
    """
    there, stated = max(seconds, end), _stream_seconds(path, container, stream)
    if not stated and (whole := _file_seconds(container)):
        stated = whole if _is_short(there, whole) and _is_short(_last_end(path), whole) else 0.0
    if _is_short(there, stated):
        return f"it breaks off at {seconds:.1f} s of {stated:.1f} s"
    if _lacks_end(path, container):
        return f"it breaks off at {seconds:.1f} s: the end of the file is missing"
    return ""


def picture_notice(path: Path, container: Any, stream: Any, count: int) -> str:
    """A sentence part for the user if the pictures break off, else "".

    Args:
        path: the file, open as ``container``.
        container: the open container.
        stream: its video.
        count: packets of ``stream`` that are there.
    """
    if count < stream.frames * 0.99 - 1:
        return f"it breaks off: {count} of {stream.frames} frames are there"
    whole = _file_seconds(container)
    if whole and _is_short(end := _last_end(path), whole):
        return f"it breaks off at {end:.1f} s of {whole:.1f} s"
    if _lacks_end(path, container):
        return "it breaks off: the end of the file is missing"
    return ""


def _is_short(there: float, stated: float) -> bool:
    return there < stated * (1 - TOLERANCE) - MARGIN


def _names(container: Any) -> set[str]:
    return set(container.format.name.split(","))


def _stream_seconds(path: Path, container: Any, stream: Any) -> float:
    """Seconds that the file states for ``stream``; 0 if it states none."""
    names = _names(container)
    stated = (
        names & STREAM_LENGTHS
        or (names & PCM_LENGTHS and stream.codec_context.name.startswith("pcm_"))
        or ("mp3" in names and _has_frame_count(path))
    )
    return float(stream.duration * stream.time_base) if stated and stream.duration else 0.0


def _file_seconds(container: Any) -> float:
    """Seconds that the file states as a whole; 0 if it states none.

    FFmpeg gives the streams of Matroska and FLV a duration only if it has estimated one.
    """
    names = _names(container)
    estimated = any(stream.duration for stream in container.streams)
    if not names & FILE_LENGTHS or estimated or not container.duration:
        return 0.0
    return float(container.duration / av.time_base)


def _last_end(path: Path) -> float:
    """Seconds at which the last packet of any stream ends."""
    end = Fraction(0)
    with open_media(path, InputError, "a media file") as container:
        for packet in packets(container, list(container.streams)):
            if packet.pts is not None:
                end = max(end, (packet.pts + (packet.duration or 0)) * Fraction(packet.time_base))
    return float(end)


def _has_frame_count(path: Path) -> bool:
    """Whether an mp3 states how many frames it has: a Xing, Info or VBRI header in its first frame."""
    with path.open("rb") as file:
        head = file.read(10)
        if head[:3] == b"ID3":  # its length has 7 bits in each byte (ID3v2.4, 3.1)
            file.seek(10 + sum(byte << (7 * place) for place, byte in enumerate(reversed(head[6:10]))))
        else:
            file.seek(0)
        first = file.read(MP3_SEARCH)
    return any(name in first for name in (b"Xing", b"Info", b"VBRI"))


def _lacks_end(path: Path, container: Any) -> bool:
    """Whether the file has fewer bytes than it states, or lacks its last page."""
    if container.format.name == "ogg":
        return _lacks_last_page(path)
    size = path.stat().st_size
    return size < _stated_bytes(path, container.format.name) * (1 - TOLERANCE)


def _stated_bytes(path: Path, name: str) -> int:
    """Bytes that the header of a wav, avi or asf gives the file; 0 for others, and if it is not known."""
    with path.open("rb") as file:
        head = file.read(1 << 16)
    place = head.find(ASF_PROPERTIES)
    if name == "asf" and place >= 0:
        return int.from_bytes(head[place + 40 : place + 48], "little")
    if name in ("wav", "avi") and head[:4] == b"RIFF":
        size = int.from_bytes(head[4:8], "little")
        return size + 8 if size < UNKNOWN_SIZE else 0
    return 0


def _lacks_last_page(path: Path) -> bool:
    """Whether an Ogg ends within a page, or with a page that is not marked as the last of its stream (RFC 3533)."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - OGG_PAGE))
        tail = file.read()
    page = tail[tail.rfind(b"OggS") :]
    if len(page) < 27 or len(page) < 27 + page[26]:
        return True
    return len(page) < 27 + page[26] + sum(page[27 : 27 + page[26]]) or not page[5] & 4
