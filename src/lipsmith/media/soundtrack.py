"""Sound into the film: the source's own packets copied, or one encode; always in step with the frames written."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, Protocol

import av
import numpy as np

from ..errors import SoundError
from ..timing import sample_at
from .demux import open_media, packets

if TYPE_CHECKING:
    from av.container import OutputContainer

    from ..types import Array, AVFrame, FilmInfo
    from .sound import Speech

COPIED = {
    "mp4": {"aac", "mp3", "alac"},
    "mov": {"aac", "mp3", "alac", "pcm_s16le", "pcm_s24le"},
    "webm": {"opus", "vorbis"},
}
"""Sound that a container takes as it is."""
ENCODERS = {"mp4": "aac", "mov": "aac", "webm": "libopus"}
RATES = {
    "aac": (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000),
    "libopus": (48000,),  # at its other rates FFmpeg writes a wrong pre-skip into webm
}
"""Hz that the encoders take; any other becomes the next higher one."""
BIT_RATES = {"aac": 192_000, "libopus": 128_000}
"""Bits a second, for one channel as for two: at 96 000 FFmpeg's AAC is 20 dB worse on a 44.1 kHz tone (measured)."""


class Soundtrack(Protocol):
    """The film's sound, moved on frame by frame so that it lies beside its pictures in the file."""

    def hear(self, frame: AVFrame) -> None:
        """Bring the sound up to the end of ``frame``, the next one."""
        ...

    def finish(self) -> None:
        """The film ends with the last frame heard: end within one frame of it."""
        ...

    def close(self) -> None:
        """Let go of the source."""
        ...


def soundtrack(
    output: OutputContainer, kind: str, info: FilmInfo, sound: Speech | None, frames: int | None
) -> Soundtrack:
    """Choose how sound gets into a ``kind`` ("mp4", "mov", "webm") film announced to have ``frames`` frames.

    Without ``sound`` the frames' own samples are encoded. Else packets are copied if the container takes them and the
    sound is known to cover the film to within one frame. Times rounded to ms (mkv, flv) are copied into webm only,
    which rounds them as well: in an mp4 they would make every packet some samples longer or shorter than it sounds.
    """
    if sound is None:
        return FrameSound(output, kind, info)
    covers = frames is not None and (frames - 1) / info.fps <= Fraction(sound.samples, sound.rate)
    exact = sound.exact or kind == "webm"
    if covers and exact and not sound.lead and sound.codec in COPIED[kind]:
        return CopiedSound(output, info, sound)
    return EncodedSound(output, kind, info, sound)


class CopiedSound:
    """The very packets of the source, up to the end of the film."""

    def __init__(self, output: OutputContainer, info: FilmInfo, sound: Speech) -> None:
        self._output, self._fps, self._seconds = output, info.fps, Fraction(sound.samples, sound.rate)
        self._source = open_media(sound.path, SoundError, "speech")
        stream = self._source.streams.audio[0]
        self._stream = output.add_stream_from_template(stream)
        self._start = stream.start_time or 0
        self._packets = packets(self._source, stream)
        self._coming = next(self._packets, None)
        self._frames = 0

    def hear(self, frame: AVFrame) -> None:
        """Copy what begins before the end of ``frame``, save the packet that may be the last."""
        self._frames += 1
        while self._coming is not None and self._end(self._coming) <= self._film_end():
            self._put(self._coming)
            self._coming = next(self._packets, None)

    def finish(self) -> None:
        """Shorten the last packet to the end of the film or of the sound itself, if it goes beyond."""
        packet = self._coming
        if packet is None:
            return
        left = round((self._film_end() - self._time(packet)) / packet.time_base)
        if left > 0:
            packet.duration = min(packet.duration or left, left)
            self._put(packet)

    def close(self) -> None:
        """Close the source."""
        self._source.close()

    def _film_end(self) -> Fraction:
        return min(self._frames / self._fps, self._seconds)

    def _time(self, packet: Any) -> Fraction:
        return Fraction(packet.time_base) * int(packet.pts - self._start)

    def _end(self, packet: Any) -> Fraction:
        return self._time(packet) + (packet.duration or 0) * Fraction(packet.time_base)

    def _put(self, packet: Any) -> None:
        packet.pts -= self._start
        packet.dts = packet.pts if packet.dts is None else packet.dts - self._start
        packet.stream = self._stream
        self._output.mux(packet)


class _Encoder:
    """One sound stream of a film, fed with float32 at any rate."""

    def __init__(self, output: OutputContainer, kind: str, rate: int, channels: int) -> None:
        codec = ENCODERS[kind]
        taken = [allowed for allowed in RATES[codec] if allowed >= rate]
        layout = "mono" if channels == 1 else "stereo"
        self._output, self._rate, self._position = output, rate, 0
        self._layout = layout
        add: Any = output.add_stream
        self._stream = add(codec, rate=taken[0] if taken else 48000, layout=layout)
        self._stream.bit_rate = BIT_RATES[codec]
        self._fit = av.AudioResampler(format=self._stream.format, layout=layout, rate=self._stream.rate)

    @property
    def position(self) -> int:
        """Samples written so far, at the rate given."""
        return self._position

    def write(self, block: Array) -> None:
        """Encode (channels, n) float32."""
        if not block.shape[1]:
            return
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), format="fltp", layout=self._layout)
        frame.sample_rate, frame.pts, frame.time_base = self._rate, self._position, Fraction(1, self._rate)
        self._position += block.shape[1]
        for part in self._fit.resample(frame):
            self._output.mux(self._stream.encode(part))

    def silence(self, channels: int, samples: int) -> None:
        """Encode ``samples`` zeros."""
        for start in range(0, samples, 65536):
            self.write(np.zeros((channels, min(65536, samples - start)), np.float32))

    def flush(self) -> None:
        """Write what is still inside."""
        for part in self._fit.resample(None):
            self._output.mux(self._stream.encode(part))
        self._output.mux(self._stream.encode(None))


class EncodedSound:
    """The source's sound, encoded once at its own rate; silence after its end if the film is longer."""

    def __init__(self, output: OutputContainer, kind: str, info: FilmInfo, sound: Speech) -> None:
        self._fps, self._rate, self._channels = info.fps, sound.rate, sound.channels
        self._encoder = _Encoder(output, kind, sound.rate, sound.channels)
        self._blocks = sound.channel_blocks(4096)
        self._left = np.zeros((sound.channels, 0), np.float32)
        self._frames = 0

    def hear(self, frame: AVFrame) -> None:
        """Encode up to the end of ``frame``."""
        self._frames += 1
        self._advance(sample_at(self._frames, self._fps, self._rate))

    def finish(self) -> None:
        """Add silence unless less than a frame is missing."""
        end = sample_at(self._frames, self._fps, self._rate)
        missing = end - self._encoder.position
        if missing * self._fps >= self._rate:
            self._encoder.silence(self._channels, missing)
        self._encoder.flush()

    def close(self) -> None:
        """Close the source."""
        self._blocks.close()  # type: ignore[attr-defined]

    def _advance(self, end: int) -> None:
        while (wanted := end - self._encoder.position) > 0:
            if not self._left.shape[1]:
                block = next(self._blocks, None)
                if block is None:
                    return
                self._left = block
            self._encoder.write(self._left[:, :wanted])
            self._left = self._left[:, wanted:]


class FrameSound:
    """The samples that come with the frames, mono at the film's rate."""

    def __init__(self, output: OutputContainer, kind: str, info: FilmInfo) -> None:
        self._encoder = _Encoder(output, kind, info.rate, 1)

    def hear(self, frame: AVFrame) -> None:
        """Encode the frame's own samples."""
        self._encoder.write(np.asarray(frame.samples, np.float32)[None])

    def finish(self) -> None:
        """Write what is still inside the encoder."""
        self._encoder.flush()

    def close(self) -> None:
        """There is no source to close."""
