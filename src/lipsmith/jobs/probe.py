"""Measures an upload before any other work: its kind, size and length, and whether that is too much.

Nothing is decoded beyond what FFmpeg needs to name the streams, and the pictures of an animation. Packets are counted
until the limit is passed, so a small file that unpacks to days of silence is refused early.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import InputError, PictureError, SoundError

if TYPE_CHECKING:
    from pathlib import Path

MOST_FPS = 240
"""Frames a second of a film. A film with more packets than that allows counts as too long."""
MOST_ANIMATED_PIXELS = 2_000_000_000
"""Of all pictures of a GIF, WebP, PNG or AVIF together."""


@dataclass(frozen=True, slots=True)
class ProbeLimits:
    """The most that is accepted."""

    megapixels: float  # of a picture, or of a film's pictures
    seconds: float  # of a film or speech


@dataclass(frozen=True, slots=True)
class UploadProbe:
    """What one upload is."""

    kind: str  # "image", "video" or "sound"
    size: tuple[int, int]  # width, height in px as stored; 0, 0 for sound
    seconds: float  # 0 for an image
    has_sound: bool
    audio_tracks: int = 0


def probe_picture(path: Path, limits: ProbeLimits) -> UploadProbe:
    """Measure a picture or video. Raises PictureError when it is none, or over the limits."""
    from ..media.demux import check_file, open_media
    from ..media.stills import is_animated, is_still
    from ..media.tracks import picture_track

    check_file(path, PictureError, "a picture or video")
    still = is_still(path)
    if still or is_animated(path):
        size = _size_of_still(path)
        _check_size(path, size, limits)
        return UploadProbe("image", size, 0.0, False) if still else _probe_animation(path, size, limits)
    with open_media(path, PictureError, "a picture or video") as container:
        stream = picture_track(container)
        if stream is None:
            raise PictureError(f"{path} holds no picture: give an image or a video.")
        context = stream.codec_context
        _check_size(path, (context.width, context.height), limits)
        length = _length(container, [stream], limits, MOST_FPS, lambda text: PictureError(f"{path} {text}"))
        sounds = len(container.streams.audio)
        return UploadProbe("video", (context.width, context.height), length, sounds > 0, sounds)


def probe_speech(path: Path, limits: ProbeLimits) -> UploadProbe:
    """Measure a sound file, or a video's soundtracks: the longest of them, as any may be chosen.

    Raises:
        SoundError: there is none, or it is over the limits.
    """
    from ..media.demux import open_media

    with open_media(path, SoundError, "speech") as container:
        tracks = list(container.streams.audio)
        if not tracks:
            raise SoundError(f"{path} has no sound: give speech, or a video with a soundtrack.")
        rate = max((track.codec_context.sample_rate for track in tracks if track.codec_context), default=0) or 48_000
        length = _length(container, tracks, limits, rate, lambda text: SoundError(f"{path} {text}"))
        return UploadProbe("sound", (0, 0), length, True, len(tracks))


def _size_of_still(path: Path) -> tuple[int, int]:
    from ..media.stills import BOMB, UNREADABLE, open_image, unreadable

    try:
        with open_image(path) as picture:
            return picture.size
    except BOMB as reason:
        raise PictureError(f"{path} has far too many pixels: scale it down first.") from reason
    except UNREADABLE as reason:
        raise unreadable(path) from reason


def _probe_animation(path: Path, size: tuple[int, int], limits: ProbeLimits) -> UploadProbe:
    """Measure an animation, whose pictures must be decoded to tell how long they show."""
    from ..media.animation import read_animation
    from ..media.stills import unreadable

    most = MOST_ANIMATED_PIXELS / (size[0] * size[1])
    animation = read_animation(path, 64, lambda count, seconds: seconds > limits.seconds or count > most)
    if animation is None:
        raise unreadable(path)
    if animation.seconds > limits.seconds:
        raise PictureError(f"{path} {_too_long(limits)}")
    if len(animation.starts) > most:
        raise PictureError(
            f"{path} has more than {int(most)} pictures of {size[0]}x{size[1]} pixels: make a video of it."
        )
    return UploadProbe("video", size, float(animation.seconds), False)


def _too_long(limits: ProbeLimits) -> str:
    return f"is longer than the {limits.seconds / 60:g} minutes that are accepted here: cut it."


def _check_size(path: Path, size: tuple[int, int], limits: ProbeLimits) -> None:
    if size[0] * size[1] > limits.megapixels * 1e6:
        raise PictureError(
            f"{path} is {size[0]}x{size[1]} pixels; up to {limits.megapixels:g} million fit here: scale it down."
        )


def _length(
    container: Any, streams: Sequence[Any], limits: ProbeLimits, most: float, error: Callable[[str], InputError]
) -> float:
    """Seconds of the longest stream by its packets' times or by their durations, whichever is longer."""
    from ..media.demux import packets

    lengths = {stream.index: _StreamLength() for stream in streams}
    for packet in packets(container, list(streams)):
        length = lengths[packet.stream_index]
        length.add(packet)
        if length.seconds > limits.seconds or length.packets > limits.seconds * most:
            raise error(_too_long(limits))
    return max(length.seconds for length in lengths.values())


@dataclass(slots=True)
class _StreamLength:
    """Measures one stream, packet by packet."""

    packets: int = 0
    start: float | None = None
    end: float = 0.0  # seconds after ``start``
    lasted: float = 0.0  # seconds, by the packets' durations

    @property
    def seconds(self) -> float:
        return max(self.end, self.lasted)

    def add(self, packet: Any) -> None:
        self.packets += 1
        tick = float(packet.time_base or 0)
        self.lasted += (packet.duration or 0) * tick
        if packet.pts is not None:
            self.start = packet.pts * tick if self.start is None else self.start
            self.end = max(self.end, (packet.pts + (packet.duration or 0)) * tick - self.start)
