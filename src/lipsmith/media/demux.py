"""Opens a media file with PyAV, reads its packets and frames, and explains in one sentence why a file is unreadable.

Opens only local files in video and sound containers. Text, subtitle and playlist formats count as unreadable: FFmpeg
would decode them, or follow their links to other files and hosts.
"""

from __future__ import annotations

import difflib
import re
import stat
from collections import deque
from fractions import Fraction
from itertools import islice
from typing import TYPE_CHECKING, Any

import av
from av.error import FFmpegError, InvalidDataError

from .joined import FORMATS, JoinedClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from av.container import InputContainer

    from ..errors import InputError

CONTAINERS = (
    "3gp,aac,ac3,aiff,alaw,amr,amrnb,amrwb,ape,asf,au,avi,caf,dsf,dts,dv,eac3,flac,flv,gif,h264,hevc,ivf,m4v,"
    "matroska,mjpeg,mov,mp3,mpeg,mpegts,mpegvideo,mulaw,mxf,nut,obu,ogg,rm,sox,tta,voc,w64,wav,webm,wv,yuv4mpegpipe"
)
CONTAINER_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": CONTAINERS}

ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""Codec -> the decoder that reads its alpha, which Matroska keeps beside the picture; FFmpeg's own leaves it out."""

MOST_NAMES = 2000
"""Files of a folder among which a misspelt name is looked for."""
_URL = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]+):[/\\]{1,2}([^/\\].*)")
MAX_READ_FAILURES = 20
"""Consecutive failures to read past damage, after which the file ends there."""


def check_file(path: Path, error: type[InputError], wanted: str) -> None:
    """Raise ``error`` unless ``path`` is a file that is not empty and may be read.

    Args:
        path: the file.
        error: PictureError or SoundError.
        wanted: what the file should be, for the message: "a picture or video", "speech".
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise error(f"{path} is a folder, not a file: give the path of {wanted}.")
        if not stat.S_ISREG(mode):
            raise error(f"{path} is a pipe or device, not a file: save {wanted} to a file first.")
        with path.open("rb") as file:
            empty = not file.read(1)
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a name with a zero byte
        raise error(missing_sentence(path, wanted)) from None
    except OSError as reason:
        raise error(
            f"{path} cannot be read ({reason.strerror}): give the path of {wanted} that you may read."
        ) from reason
    if empty:
        raise error(f"{path} is empty (zero bytes): copy or export it again, or give another file.")


def missing_sentence(path: Path, wanted: str) -> str:
    """What to say of a ``path`` at which nothing is: that it is a URL, or which name near it there is."""
    url = url_of(path)
    if url:
        return f"{url} is a URL, and only files are read: download it first, and give the path of the file."
    try:
        names = [one.name for one in islice(path.parent.iterdir(), MOST_NAMES)]
    except (OSError, ValueError):
        names = []
    near = difflib.get_close_matches(path.name, names, n=1, cutoff=0.7)
    if near:
        return f"{path} does not exist. Did you mean {path.with_name(near[0])}?"
    return f"{path} does not exist: give the path of {wanted}."


def url_of(path: Path) -> str | None:
    """The URL that became ``path``, which turns two slashes into one; None: it was none."""
    found = _URL.fullmatch(str(path))
    return f"{found[1]}://{found[2]}" if found else None


def is_folder(path: Path) -> bool:
    """Whether ``path`` is a folder. False for an impossible name: too long, or a loop of links."""
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def open_media(path: Path, error: type[InputError], wanted: str) -> InputContainer:
    """Open ``path`` for reading; raises ``error`` (see ``check_file``) when it is missing or not a media file."""
    check_file(path, error, wanted)
    try:
        return av.open(str(path.resolve()), mode="r", container_options=CONTAINER_OPTIONS, metadata_errors="replace")
    except (FFmpegError, ValueError) as reason:
        raise error(
            f"{path} is not {wanted} that can be read, or is damaged at its beginning: "
            "play it in a player to check it, or export it again."
        ) from reason


def packets(container: InputContainer, stream: Any) -> Iterator[Any]:
    """Yield the packets of ``stream``, or of several, that can be read, without the empty one at the end.

    The times of joined files go on where the second one begins: see ``joined``.
    """
    if container.format.name not in FORMATS:
        yield from _readable_packets(container, stream)
        return
    wanted = {one.index for one in (stream if isinstance(stream, list) else [stream])}
    clock = JoinedClock()
    for packet in _readable_packets(container, [*container.streams.video, *container.streams.audio]):
        clock.correct(packet)
        if packet.stream_index in wanted:
            yield packet


def _readable_packets(container: InputContainer, stream: Any) -> Iterator[Any]:
    failures = 0
    while failures < MAX_READ_FAILURES:
        try:
            for packet in container.demux(stream):
                if packet.size:
                    failures = 0
                    yield packet
            return
        except InvalidDataError:
            failures += 1
        except FFmpegError:
            return


def decode(container: InputContainer, stream: Any) -> Iterator[Any]:
    """Yield the frames of ``stream``, with alpha if it has any; skip damaged packets.

    A frame's ``pts`` is when it shows or sounds. AVI does not store that (see ``presentation_pts``), so a video frame
    of an AVI gets the time of its place in the order of decoded frames.
    """
    decoder = _decoder(stream)
    reorder = _lacks_presentation_times(container) and stream.type == "video"
    due: deque[int | None] = deque()
    for packet in packets(container, stream):
        frames = _decode_packet(decoder, packet)
        if reorder and frames is not None:
            due.append(packet.dts)
        for frame in frames or ():
            yield _retimed(frame, due) if reorder else frame
    for frame in _decode_packet(decoder, None) or ():
        frame.time_base = stream.time_base  # PyAV takes it from the packet, which is missing here
        yield _retimed(frame, due) if reorder else frame


def _decoder(stream: Any) -> Any:
    """What decodes ``stream``: itself, or libvpx for a webm with alpha."""
    names = {name.lower(): value for name, value in stream.metadata.items()}
    codec = stream.codec_context.codec.canonical_name
    if names.get("alpha_mode") != "1" or ALPHA_DECODERS.get(codec) not in av.codecs_available:
        return stream
    return _AlphaDecoder(stream, ALPHA_DECODERS[codec])


class _AlphaDecoder:
    """Decodes ``stream`` by libvpx, which does not know what the container says of turns and colours.

    So its frames carry one of the stream's own decoder, which does: see ``tagged``.
    """

    def __init__(self, stream: Any, name: str) -> None:
        self._own = stream
        self._tagged: Any = None
        stream.thread_type = "NONE"
        self._libvpx: Any = av.CodecContext.create(name, "r")
        self._libvpx.extradata = stream.codec_context.extradata

    def decode(self, packet: Any) -> list[Any]:
        frames = list(self._libvpx.decode(packet))
        if self._tagged is None and frames and packet is not None and packet.is_keyframe:
            self._tagged = next(iter(_decode_packet(self._own, packet) or ()), None)
        for frame in frames if self._tagged else ():
            frame.opaque = (self._tagged,)
        return frames


def tagged(frame: Any) -> Any:
    """The frame that carries the display matrix and the colour tags of the decoded ``frame``: mostly itself."""
    return frame.opaque[0] if frame.opaque else frame


def _decode_packet(decoder: Any, packet: Any) -> list[Any] | None:
    """The frames that come out; None if the packet is damaged."""
    try:
        return list(decoder.decode(packet))
    except FFmpegError:
        return None


def _retimed(frame: Any, due: deque[int | None]) -> Any:
    frame.pts = due.popleft() if due else None
    return frame


def _lacks_presentation_times(container: InputContainer) -> bool:
    return container.format.name == "avi"


def presentation_pts(container: InputContainer, packet: Any) -> int | None:
    """The time of ``packet`` in ticks. In AVI, which counts packets in decoding order, that is its decoding time."""
    pts: int | None = packet.dts if _lacks_presentation_times(container) else packet.pts
    return pts


def first_time(container: InputContainer, stream: Any) -> Fraction | None:
    """Seconds at which the first frame of ``stream`` that can be decoded shows or sounds. None: not known.

    Packets before it may be undecodable: pictures that refer to others from before the beginning (an open GOP), or
    sound that a decoder needs to get going.
    """
    for frame in decode(container, stream):
        return frame_time(frame)
    return None


def frame_time(frame: Any) -> Fraction | None:
    """Seconds of a decoded frame's timestamp; None if it has none."""
    return None if frame.pts is None else frame.pts * Fraction(frame.time_base)
