"""What a film is: read back from the file, for reports and tests."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ..errors import PictureError
from ..provenance.metadata import mark_in
from .demux import open_media, packets

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class FilmProbe:
    """One film file. Fields of a stream it does not have are "" or 0."""

    container: str
    size: tuple[int, int]  # width, height in px as stored
    fps: Fraction
    frames: int  # counted
    video_codec: str
    pix_fmt: str
    audio_codec: str
    rate: int  # Hz
    channels: int
    picture_seconds: float  # from the first picture to the end of the last
    sound_seconds: float
    faststart: bool  # whether the index stands before the data, so that it plays while it loads
    mark: dict[str, str] | None  # see provenance.metadata


def probe(path: Path) -> FilmProbe:
    """Read all packets of the film at ``path``, decode none. Raises PictureError when it cannot be read."""
    with open_media(path, PictureError, "a film") as container:
        video = next(iter(container.streams.video), None)
        audio = next(iter(container.streams.audio), None)
        pictures, sound = _lengths(container, video, audio)
        fps = Fraction((video.average_rate or video.guessed_rate or 0) if video else 0)
        context, heard = video and video.codec_context, audio and audio.codec_context
        return FilmProbe(
            container=container.format.name,
            size=(context.width, context.height) if context else (0, 0),
            fps=fps,
            frames=pictures.count,
            video_codec=context.codec.canonical_name if context else "",
            pix_fmt=(context.pix_fmt or "") if context else "",
            audio_codec=heard.codec.canonical_name if heard else "",
            rate=heard.sample_rate if heard else 0,
            channels=heard.channels if heard else 0,
            picture_seconds=pictures.seconds(1 / fps if fps else Fraction(0), None),
            sound_seconds=sound.seconds(Fraction(0), _track(audio)),
            faststart=_faststart(path),
            mark=mark_in(dict(container.metadata)),
        )


def read_mark(path: Path) -> dict[str, str] | None:
    """The mark in the film at ``path``, or None if it has none. Raises PictureError when it cannot be read."""
    with open_media(path, PictureError, "a film") as container:
        return mark_in(dict(container.metadata))


@dataclass(slots=True)
class _Length:
    """Of one stream, gathered packet by packet."""

    count: int = 0
    end: Fraction = Fraction(0)
    timed: Fraction = Fraction(0)  # seconds of the packet that ends last

    def add(self, packet: Any) -> None:
        self.count += 1
        if packet.pts is None:
            return
        tick = Fraction(packet.time_base)
        end = (packet.pts + (packet.duration or 0)) * tick
        if end >= self.end:
            self.end, self.timed = end, (packet.duration or 0) * tick

    def seconds(self, step: Fraction, track: Fraction | None) -> float:
        """Until the end of the last packet, which lasts ``step`` if the file does not say, or of the ``track``."""
        end = self.end if self.timed else self.end + step
        return float(end if track is None else min(end, track))


def _lengths(container: Any, video: Any, audio: Any) -> tuple[_Length, _Length]:
    lengths = {stream.index: _Length() for stream in (video, audio) if stream}
    streams = [stream for stream in (video, audio) if stream]
    for packet in packets(container, streams):
        if not packet.is_discard:
            lengths[packet.stream_index].add(packet)
    return tuple(lengths[stream.index] if stream else _Length() for stream in (video, audio))  # type: ignore[return-value]


def _track(stream: Any) -> Fraction | None:
    """Seconds that the container's index gives a stream: in an mp4 it cuts the padding of the last packet."""
    return stream.duration * Fraction(stream.time_base) if stream and stream.duration else None


def _faststart(path: Path) -> bool:
    """Walk the top-level boxes of an mp4 (ISO 14496-12): is ``moov`` before ``mdat``? True for anything else."""
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
