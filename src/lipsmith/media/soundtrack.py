"""Writes a film's sound: copies the source's packets or encodes once, always in step with the frames written."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, Protocol

import av
import numpy as np

from ..errors import SoundError
from ..timing import sample_at
from .demux import open_media, packets
from .tracks import sound_track

if TYPE_CHECKING:
    from av.container import OutputContainer

    from ..types import Array, AVFrame, FilmInfo
    from .sound import Speech

COPYABLE_CODECS = {
    "mp4": {"aac", "mp3", "alac"},
    "mov": {"aac", "mp3", "alac", "pcm_s16le", "pcm_s24le"},
    "webm": {"opus", "vorbis"},
}
"""Codecs whose packets each container accepts unchanged."""
ENCODERS = {"mp4": "aac", "mov": "aac", "webm": "libopus"}
ENCODER_RATES = {
    "aac": (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000),
    "libopus": (48000,),  # at its other rates FFmpeg writes a wrong pre-skip into webm
}
"""Hz that each encoder accepts; other rates are resampled to the next higher one."""
BIT_RATES = {"aac": 192_000, "libopus": 128_000}
"""Bits per second, for one channel or two: FFmpeg's AAC at 96 000 is 20 dB worse on a 44.1 kHz tone (measured)."""


class Soundtrack(Protocol):
    """The sound of a film that is being written. It advances frame by frame, so that the file is well interleaved."""

    def add_frame(self, frame: AVFrame) -> None:
        """Write sound up to the end of ``frame``, the film's next frame."""
        ...

    def finish(self) -> None:
        """End the sound within one frame of the last frame added."""
        ...

    def close(self) -> None:
        """Close the source."""
        ...


def open_soundtrack(
    output: OutputContainer, kind: str, info: FilmInfo, sound: Speech | None, frames: int | None
) -> Soundtrack:
    """Choose how to write the sound of a film.

    Without ``sound``, encode the frames' own samples. Otherwise copy the packets if the container accepts the codec and
    the sound lasts until the film's last frame; else encode. Timestamps rounded to ms (mkv, flv) are copied into webm
    only, which rounds them too: in an mp4 they would change the length of each packet by some samples.

    Args:
        output: the open container.
        kind: of the container: "mp4", "mov" or "webm".
        info: of the film.
        sound: the speech file; None: the frames carry the sound.
        frames: how many will be written; None: not known.
    """
    if sound is None:
        return FrameSoundtrack(output, kind, info)
    covers = frames is not None and (frames - 1) / info.fps <= Fraction(sound.samples, sound.rate)
    exact = sound.exact_timestamps or kind == "webm"
    if covers and exact and not (sound.start_offset or sound.skipped) and sound.codec in COPYABLE_CODECS[kind]:
        return CopiedSoundtrack(output, info, sound)
    return EncodedSoundtrack(output, kind, info, sound)


class CopiedSoundtrack:
    """Copies the packets of the source, up to the end of the film."""

    def __init__(self, output: OutputContainer, info: FilmInfo, sound: Speech) -> None:
        self._output, self._fps, self._seconds = output, info.fps, Fraction(sound.samples, sound.rate)
        self._source = open_media(sound.path, SoundError, "speech")
        stream = sound_track(self._source, sound.path, sound.track)
        self._stream = output.add_stream_from_template(stream)
        self._start = round(sound.first_time / Fraction(stream.time_base or 1))
        self._packets = packets(self._source, stream)
        self._next_packet = next(self._packets, None)
        self._frames = 0

    def add_frame(self, frame: AVFrame) -> None:
        """Copy the packets that end before the end of ``frame``; hold back the one that may be the last."""
        self._frames += 1
        while self._next_packet is not None and self._end_time(self._next_packet) <= self._film_end():
            self._mux(self._next_packet)
            self._next_packet = next(self._packets, None)

    def finish(self) -> None:
        """Write the last packet, shortened to the end of the film or of the sound."""
        packet = self._next_packet
        if packet is None:
            return
        left = round((self._film_end() - self._start_time(packet)) / packet.time_base)
        if left > 0:
            packet.duration = min(packet.duration or left, left)
            self._mux(packet)

    def close(self) -> None:
        """Close the source."""
        self._source.close()

    def _film_end(self) -> Fraction:
        return min(self._frames / self._fps, self._seconds)

    def _start_time(self, packet: Any) -> Fraction:
        return Fraction(packet.time_base) * int(packet.pts - self._start)

    def _end_time(self, packet: Any) -> Fraction:
        return self._start_time(packet) + (packet.duration or 0) * Fraction(packet.time_base)

    def _mux(self, packet: Any) -> None:
        packet.pts -= self._start
        packet.dts = packet.pts if packet.dts is None else packet.dts - self._start
        packet.stream = self._stream
        self._output.mux(packet)


class _SoundEncoder:
    """Encodes one sound stream from float32 samples at any rate."""

    def __init__(self, output: OutputContainer, kind: str, rate: int, channels: int) -> None:
        codec = ENCODERS[kind]
        allowed_rates = [allowed for allowed in ENCODER_RATES[codec] if allowed >= rate]
        layout = "mono" if channels == 1 else "stereo"
        self._output, self._rate, self._written = output, rate, 0
        self._layout = layout
        add: Any = output.add_stream
        self._stream = add(codec, rate=allowed_rates[0] if allowed_rates else 48000, layout=layout)
        self._stream.bit_rate = BIT_RATES[codec]
        self._resampler = av.AudioResampler(format=self._stream.format, layout=layout, rate=self._stream.rate)

    @property
    def position(self) -> int:
        """Samples written so far, at the input rate."""
        return self._written

    def write(self, block: Array) -> None:
        """Encode (channels, n) float32."""
        if not block.shape[1]:
            return
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), format="fltp", layout=self._layout)
        frame.sample_rate, frame.pts, frame.time_base = self._rate, self._written, Fraction(1, self._rate)
        self._written += block.shape[1]
        for part in self._resampler.resample(frame):
            self._output.mux(self._stream.encode(part))

    def silence(self, channels: int, samples: int) -> None:
        """Encode ``samples`` samples of silence."""
        for start in range(0, samples, 65536):
            self.write(np.zeros((channels, min(65536, samples - start)), np.float32))

    def flush(self) -> None:
        """Write what the encoder still holds."""
        for part in self._resampler.resample(None):
            self._output.mux(self._stream.encode(part))
        self._output.mux(self._stream.encode(None))


class EncodedSoundtrack:
    """Encodes the source's sound at its own rate, and silence after it if the film is longer."""

    def __init__(self, output: OutputContainer, kind: str, info: FilmInfo, sound: Speech) -> None:
        self._fps, self._rate, self._channels = info.fps, sound.rate, sound.channels
        self._encoder = _SoundEncoder(output, kind, sound.rate, sound.channels)
        self._blocks = sound.channel_blocks(4096)
        self._remaining = np.zeros((sound.channels, 0), np.float32)
        self._frames = 0

    def add_frame(self, frame: AVFrame) -> None:
        """Encode up to the end of ``frame``."""
        self._frames += 1
        self._advance(sample_at(self._frames, self._fps, self._rate))

    def finish(self) -> None:
        """Add silence if a frame or more is missing."""
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
            if not self._remaining.shape[1]:
                block = next(self._blocks, None)
                if block is None:
                    return
                self._remaining = block
            self._encoder.write(self._remaining[:, :wanted])
            self._remaining = self._remaining[:, wanted:]


class FrameSoundtrack:
    """Encodes the samples that the frames carry, mono at the film's rate."""

    def __init__(self, output: OutputContainer, kind: str, info: FilmInfo) -> None:
        self._encoder = _SoundEncoder(output, kind, info.rate, 1)

    def add_frame(self, frame: AVFrame) -> None:
        """Encode the frame's own samples."""
        self._encoder.write(np.asarray(frame.samples, np.float32)[None])

    def finish(self) -> None:
        """Write what the encoder still holds."""
        self._encoder.flush()

    def close(self) -> None:
        """There is no source to close."""
