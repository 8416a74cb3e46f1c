"""Reads the properties of a finished film from its file, without decoding."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ..errors import PictureError
from ..provenance.metadata import find_provenance
from .demux import open_media, packets
from .tracks import picture_track, sound_track

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class FilmProbe:
    """The properties of one film. Fields of a missing stream are "" or 0."""

    container: str
    size: tuple[int, int]  # width, height in px, as stored
    fps: Fraction
    frames: int  # packets counted
    video_codec: str
    pix_fmt: str
    audio_codec: str
    rate: int  # Hz
    channels: int
    picture_seconds: float  # from the start of the first frame to the end of the last
    sound_seconds: float
    faststart: bool  # whether the index precedes the data, so that playback starts before the download ends
    mark: dict[str, str] | None  # the AI mark; see ``provenance.metadata``


def probe(path: Path) -> FilmProbe:
    """Read the packets of the film at ``path``. Raises PictureError if it cannot be read."""
    with open_media(path, PictureError, "a film") as container:
        video = picture_track(container)
        audio = sound_track(container, path) if container.streams.audio else None
        pictures, sound = _measure_lengths(container, video, audio)
        fps = Fraction((video.average_rate or video.guessed_rate or 0) if video else 0)
        context, sound_context = video and video.codec_context, audio and audio.codec_context
        return FilmProbe(
            container=container.format.name,
            size=(context.width, context.height) if context else (0, 0),
            fps=fps,
            frames=pictures.count,
            video_codec=context.codec.canonical_name if context else "",
            pix_fmt=(context.pix_fmt or "") if context else "",
            audio_codec=sound_context.codec.canonical_name if sound_context else "",
            rate=sound_context.sample_rate if sound_context else 0,
            channels=sound_context.channels if sound_context else 0,
            picture_seconds=pictures.seconds(1 / fps if fps else Fraction(0), None),
            sound_seconds=sound.seconds(Fraction(0), _track_seconds(audio)),
            faststart=_has_faststart(path),
            mark=find_provenance(dict(container.metadata)),
        )


def read_provenance(path: Path) -> dict[str, str] | None:
    """The AI mark of the film at ``path``, or None. Raises PictureError if the file cannot be read."""
    with open_media(path, PictureError, "a film") as container:
        return find_provenance(dict(container.metadata))


@dataclass(slots=True)
class _StreamLength:
    """Measures the length of one stream, packet by packet."""

    count: int = 0
    end: Fraction = Fraction(0)
    last_duration: Fraction = Fraction(0)  # seconds of the packet that ends last

    def add(self, packet: Any) -> None:
        self.count += 1
        if packet.pts is None:
            return
        tick = Fraction(packet.time_base)
        end = (packet.pts + (packet.duration or 0)) * tick
        if end >= self.end:
            self.end, self.last_duration = end, (packet.duration or 0) * tick

    def seconds(self, step: Fraction, track: Fraction | None) -> float:
        """Seconds to the end of the last packet, at most ``track``. A packet without a duration lasts ``step``."""
        end = self.end if self.last_duration else self.end + step
        return float(end if track is None else min(end, track))


def _measure_lengths(container: Any, video: Any, audio: Any) -> tuple[_StreamLength, _StreamLength]:
    lengths = {stream.index: _StreamLength() for stream in (video, audio) if stream}
    streams = [stream for stream in (video, audio) if stream]
    for packet in packets(container, streams):
        if not packet.is_discard:
            lengths[packet.stream_index].add(packet)
    return tuple(lengths[stream.index] if stream else _StreamLength() for stream in (video, audio))  # type: ignore[return-value]


def _track_seconds(stream: Any) -> Fraction | None:
    """The stream's duration in the container's index; an mp4 excludes the padding of the last packet there."""
    return stream.duration * Fraction(stream.time_base) if stream and stream.duration else None


def _has_faststart(path: Path) -> bool:
    """Whether ``moov`` precedes ``mdat`` among an mp4's top-level boxes (ISO 14496-12); True for other files."""
    with path.open("rb") as file:
        while len(head := file.read(8)) == 8:
            size, name = int.from_bytes(head[:4], "big"), head[4:]
            if name == b"moov":
                return True
            if name == b"mdat" or size == 0:
                return False
            if size == 1:
                size = int.from_bytes(file.read(8), "big") - 8
            if not name.isalnum() or size < 8:
                return True
            file.seek(size - 8, 1)
    return True
