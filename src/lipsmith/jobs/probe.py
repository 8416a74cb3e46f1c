"""Measures an upload before any other work: its kind, size and length, and whether that is too much.

Nothing is decoded beyond what FFmpeg needs to name the streams. Packets are counted until a limit is passed, so a small
file that unpacks to days of silence is refused early, and so is one of millions of tiny packets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import InputError, PictureError, SoundError

if TYPE_CHECKING:
    from pathlib import Path

MOST_FPS = 240
"""Frames a second of a film. A film with more packets than that allows counts as too long."""
MOST_ANIMATED_PIXELS = 600_000_000
"""Of all pictures of a GIF, WebP, PNG or AVIF together, which take about 10 s to decode."""
FREE_PACKETS, PACKETS_A_SECOND, BYTES_A_PACKET = 20_000, 500, 400
"""Packets that any file may have, how many more for each second, and for how many bytes one more.

Films have 25 to 240 packets a second, speech 20 to 400. Only lossless sound has more, and those are large.
"""
MOST_SAMPLES = 3_000_000_000
"""Of all channels of a sound file together: an hour of 5.1 at 96 kHz has 2 billion."""


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
    stated = _stated(path, limits)
    if is_still(path):
        size = _size_of_still(path)
        _check_size(path, size, limits)
        return UploadProbe("image", size, 0.0, False)
    if is_animated(path):
        size = _size_of_still(path)
        _check_size(path, size, limits)
        return _probe_animation(path, size, stated or _stated_by_packets(path, limits))
    with open_media(path, PictureError, "a picture or video") as container:
        stream = picture_track(container)
        if stream is None:
            raise PictureError(f"{path} holds no picture: give an image or a video.")
        context = stream.codec_context
        _check_size(path, (context.width, context.height), limits)
        length = _length(path, container, [stream], limits, PictureError)
        if length.packets > limits.seconds * MOST_FPS:
            raise PictureError(f"{path} {_too_long(limits)}")
        sounds = len(container.streams.audio)
        return UploadProbe("video", (context.width, context.height), length.seconds, sounds > 0, sounds)


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
        length = _length(path, container, tracks, limits, SoundError)
        contexts = [track.codec_context for track in tracks if track.codec_context]
        if max((one.sample_rate * one.channels for one in contexts), default=0) * length.seconds > MOST_SAMPLES:
            raise SoundError(f"{path} has far more channels or a higher rate than speech needs: export it in stereo.")
        return UploadProbe("sound", (0, 0), length.seconds, True, len(tracks))


def _size_of_still(path: Path) -> tuple[int, int]:
    from ..media.stills import BOMB, UNREADABLE, open_image, unreadable

    try:
        with open_image(path) as picture:
            return picture.size
    except BOMB as reason:
        raise PictureError(f"{path} has far too many pixels: scale it down first.") from reason
    except UNREADABLE as reason:
        raise unreadable(path) from reason


def _stated(path: Path, limits: ProbeLimits) -> tuple[int, float] | None:
    """Pictures and seconds of an animation by its headers; None for a file without any."""
    from ..media.animation_times import stated_times

    times, pictures, seconds = stated_times(path), 0, 0.0
    for one in times or ():
        pictures, seconds = pictures + 1, seconds + float(one)
        if pictures > 1 and seconds > limits.seconds:
            _check_size(path, _size_of_still(path), limits)
            raise PictureError(f"{path} {_too_long(limits)}")
    return (pictures, seconds) if pictures else None


def _stated_by_packets(path: Path, limits: ProbeLimits) -> tuple[int, float]:
    """The same of an AVIF."""
    from ..media.demux import open_media

    with open_media(path, PictureError, "a picture or video") as container:
        stream = max(container.streams.video, key=lambda one: one.frames, default=None)  # another may be its cover
        if stream is None:
            raise PictureError(f"{path} holds no picture: give an image or a video.")
        length = _length(path, container, [stream], limits, PictureError)
        return length.packets, length.seconds


def _probe_animation(path: Path, size: tuple[int, int], stated: tuple[int, float]) -> UploadProbe:
    most = MOST_ANIMATED_PIXELS // (size[0] * size[1])
    if stated[0] > most:
        raise PictureError(f"{path} has more than {most} pictures of {size[0]}x{size[1]} pixels: make a video of it.")
    return UploadProbe("video", size, stated[1], False)


def _too_long(limits: ProbeLimits) -> str:
    return f"is longer than the {limits.seconds / 60:g} minutes that are accepted here: cut it."


def _check_size(path: Path, size: tuple[int, int], limits: ProbeLimits) -> None:
    if size[0] * size[1] > limits.megapixels * 1e6:
        raise PictureError(
            f"{path} is {size[0]}x{size[1]} pixels; up to {limits.megapixels:g} million fit here: scale it down."
        )


def _length(
    path: Path, container: Any, streams: Sequence[Any], limits: ProbeLimits, error: type[InputError]
) -> _StreamLength:
    """The longest of ``streams`` by its packets' times or by their durations, whichever is longer.

    Packets of other streams are read too, and count.
    """
    from ..media.demux import packets

    lengths = {stream.index: _StreamLength(float(stream.time_base or 0)) for stream in streams}
    free = FREE_PACKETS + path.stat().st_size / BYTES_A_PACKET
    longest = next(iter(lengths.values()))
    for count, packet in enumerate(packets(container, list(container.streams)), 1):
        if length := lengths.get(packet.stream_index):
            length.add(packet)
            longest = length if length.seconds > longest.seconds else longest
        if longest.seconds > limits.seconds:
            raise error(f"{path} {_too_long(limits)}")
        if count > free + PACKETS_A_SECOND * longest.seconds:
            raise error(f"{path} is cut into far more pieces than one of its length and size has: export it again.")
    return longest


@dataclass(slots=True)
class _StreamLength:
    """Measures one stream, packet by packet."""

    tick: float  # seconds of the stream's clock
    packets: int = 0
    start: float | None = None
    end: float = 0.0  # seconds after ``start``
    lasted: float = 0.0  # seconds, by the packets' durations

    @property
    def seconds(self) -> float:
        return max(self.end, self.lasted)

    def add(self, packet: Any) -> None:
        self.packets += 1
        pts, duration = packet.pts, (packet.duration or 0) * self.tick
        self.lasted += duration
        if pts is not None:
            self.start = pts * self.tick if self.start is None else self.start
            self.end = max(self.end, pts * self.tick + duration - self.start)
