"""Opens a media file with PyAV and says in one sentence why it cannot be read.

Only local files and only film and sound containers are opened: text, subtitle and playlist formats, which FFmpeg would
gladly "decode" or follow to other places, count as unreadable.
"""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Any

import av
from av.error import FFmpegError, InvalidDataError
from av.stream import Disposition

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from av.container import InputContainer

    from ..errors import InputError

CONTAINERS = (
    "3gp,aac,ac3,aiff,alaw,amr,amrnb,amrwb,ape,asf,au,avi,caf,dsf,dts,dv,eac3,flac,flv,gif,h264,hevc,ivf,m4v,"
    "matroska,mjpeg,mov,mp3,mpeg,mpegts,mpegvideo,mulaw,mxf,nut,obu,ogg,rm,sox,tta,voc,w64,wav,webm,wv,yuv4mpegpipe"
)
OPENING = {"protocol_whitelist": "file", "format_whitelist": CONTAINERS}

PATIENCE = 20
"""Times in a row that reading on after damage may fail."""


def check_file(path: Path, error: type[InputError], wanted: str) -> None:
    """Raise ``error`` with one sentence unless ``path`` is a file with bytes that may be read.

    Args:
        path: the file.
        error: PictureError or SoundError.
        wanted: what was expected there, for the sentence: "a picture or video", "speech".
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
        raise error(f"{path} does not exist: give the path of {wanted}.") from None
    except OSError as reason:
        raise error(
            f"{path} cannot be read ({reason.strerror}): give the path of {wanted} that you may read."
        ) from reason
    if empty:
        raise error(f"{path} is empty (zero bytes): copy or export it again, or give another file.")


def is_folder(path: Path) -> bool:
    """Whether ``path`` is a folder; what is no name at all (too long, a loop of links) is none."""
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def open_media(path: Path, error: type[InputError], wanted: str) -> InputContainer:
    """Open ``path`` for reading; raises ``error`` (see ``check_file``) when it is missing or not a media file."""
    check_file(path, error, wanted)
    try:
        return av.open(str(path.resolve()), mode="r", container_options=OPENING, metadata_errors="replace")
    except (FFmpegError, ValueError) as reason:
        raise error(
            f"{path} is not {wanted} that can be read, or is damaged at its beginning: "
            "play it in a player to check it, or export it again."
        ) from reason


def films(container: InputContainer) -> list[Any]:
    """The video streams that are films: not the cover picture of a sound file."""
    return [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]


def packets(container: InputContainer, stream: Any) -> Iterator[Any]:
    """The packets of ``stream`` as far as they can be read, without the closing empty one."""
    failures = 0
    while failures < PATIENCE:
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
    """The frames of ``stream`` as far as they can be decoded; damaged packets are passed over."""
    for packet in packets(container, stream):
        yield from _frames_of(stream, packet)
    for frame in _frames_of(stream, None):
        frame.time_base = stream.time_base  # PyAV takes it from the packet, and here is none
        yield frame


def _frames_of(stream: Any, packet: Any) -> list[Any]:
    try:
        return list(stream.decode(packet))
    except FFmpegError:
        return []
