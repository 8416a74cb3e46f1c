"""Encoders of live streams: H.264, VP8 and JPEG for pictures, Opus for sound. One frame in, its packets out."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

import av
import numpy as np
from av.video.frame import PictureType
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from ..media.sound import Resampler
from ..timing import sample_at

if TYPE_CHECKING:
    from ..types import FilmInfo, Image, Samples

Codec = Literal["h264", "vp8"]
LIBRARIES = {"h264": "libx264", "vp8": "libvpx"}
KEY_SECONDS = 4
"""Longest time between key frames: a viewer that lost packets and cannot report it recovers after it."""
OPUS_RATES = (8000, 12000, 16000, 24000, 48000)
OPUS_CLOCK = 48_000
"""Hz of every time stamp of Opus, whatever rate it encodes."""
OPUS_BITS = 64_000
"""Bits per second."""
PACKET = 20
"""Milliseconds of one packet of sound."""
BT601 = 6
"""SMPTE 170M in ITU-T H.273: what VP8 implies, and browsers assume for H.264."""


@dataclass(frozen=True, slots=True)
class EncodedPicture:
    """One picture as bytes: an Annex B access unit of H.264, a VP8 frame or a JPEG file."""

    data: bytes
    key: bool  # whether it is a key frame, which can be decoded without those before it


@dataclass(frozen=True, slots=True)
class EncodedAudio:
    """One packet of Opus."""

    data: bytes
    start: int  # time of its first sample on ``OPUS_CLOCK``


class VideoEncoder:
    """Encodes pictures without delay. A picture of another size starts a new stream.

    Args:
        codec: "h264" (baseline, superfast) or "vp8".
        fps: frames per second of the stream, for rate control.
        bit_rate: bits per second.
    """

    def __init__(self, codec: Codec, fps: Fraction, bit_rate: int) -> None:
        self.codec: Codec = codec
        self._fps, self.bit_rate = fps, bit_rate
        self._codec_context: Any = None
        self._reformatter = VideoReformatter()  # one for all pictures, as each starts threads of its own
        self._count = 0

    def encode(self, image: Image, key: bool = False) -> EncodedPicture:
        """Encode (H, W, 3); ``key``: as a key frame."""
        image = even(image)
        height, width = image.shape[:2]
        if self._codec_context is None or (self._codec_context.width, self._codec_context.height) != (width, height):
            self._codec_context = self._open(width, height)
        frame = av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(image), format="rgb24")
        frame = self._reformatter.reformat(
            frame, format="yuv420p", dst_colorspace=Colorspace.ITU601, dst_color_range=ColorRange.MPEG, threads=1
        )
        frame.pts, frame.time_base = self._count, 1 / self._fps
        frame.pict_type = PictureType.I if key else PictureType.NONE
        self._count += 1
        packets = self._codec_context.encode(frame)
        return EncodedPicture(b"".join(map(bytes, packets)), any(packet.is_keyframe for packet in packets))

    def _open(self, width: int, height: int) -> Any:
        encoder: Any = av.CodecContext.create(LIBRARIES[self.codec], "w")
        encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
        encoder.framerate, encoder.time_base = self._fps, 1 / self._fps
        encoder.bit_rate, encoder.gop_size = self.bit_rate, max(1, round(KEY_SECONDS * self._fps))
        encoder.color_range, encoder.colorspace = ColorRange.MPEG, Colorspace.ITU601
        encoder.color_primaries = encoder.color_trc = BT601
        if self.codec == "h264":
            encoder.profile = "Baseline"
            encoder.options = {
                "preset": "superfast", "tune": "zerolatency", "forced-idr": "1", "x264-params": "repeat-headers=1",
                "maxrate": str(self.bit_rate), "bufsize": str(self.bit_rate // 2),
            }  # fmt: skip
        else:
            encoder.qmin, encoder.qmax = 2, 56
            encoder.options = {
                "deadline": "realtime", "cpu-used": "-6", "lag-in-frames": "0", "error-resilient": "default",
                "minrate": str(self.bit_rate), "maxrate": str(self.bit_rate), "bufsize": str(self.bit_rate),
                "static-thresh": "1", "undershoot-pct": "100", "overshoot-pct": "15",
            }  # fmt: skip
        encoder.thread_count = 1
        return encoder


class AudioEncoder:
    """Cuts a stream's sound into packets of 20 ms. Their times come from the frames, so sound cannot drift.

    Opus knows ``OPUS_RATES``; any other rate is resampled to the next higher one first.
    """

    def __init__(self, info: FilmInfo) -> None:
        self._info = info
        self._rate = next((rate for rate in OPUS_RATES if rate >= info.rate), OPUS_CLOCK)
        self._codec_context: Any = None
        self._resampler = Resampler(info.rate, self._rate)
        self._rest: Samples = np.zeros(0, np.float32)
        self._next = 0  # index of the frame that is expected
        self._start = self._packets = 0  # time of the first frame since the last gap, and packets made since

    def encode(self, index: int, samples: Samples) -> list[EncodedAudio]:
        """Add the (n,) samples of frame ``index``; returns complete packets. After a gap the stream starts anew."""
        if self._codec_context is None or index != self._next:
            self._begin(index)
        self._next = index + 1
        self._rest = np.concatenate([self._rest, self._resampler.push(samples)])
        size = self._rate * PACKET // 1000
        found = []
        while len(self._rest) >= size:
            block, self._rest = self._rest[:size], self._rest[size:]
            found += self._packet(block)
        return found

    def _begin(self, index: int) -> None:
        self._codec_context = self._codec_context or self._open()
        self._resampler, self._rest = Resampler(self._info.rate, self._rate), np.zeros(0, np.float32)
        self._start, self._packets = sample_at(index, self._info.fps, OPUS_CLOCK), 0

    def _packet(self, block: Samples) -> list[EncodedAudio]:
        frame = av.AudioFrame.from_ndarray(to_pcm(block)[None, :], format="s16", layout="mono")
        frame.sample_rate = self._rate
        frame.pts = None
        start = self._start + self._packets * OPUS_CLOCK * PACKET // 1000
        self._packets += 1
        return [EncodedAudio(bytes(packet), start) for packet in self._codec_context.encode(frame)]

    def _open(self) -> Any:
        encoder: Any = av.CodecContext.create("libopus", "w")
        encoder.sample_rate, encoder.format, encoder.layout = self._rate, "s16", "mono"
        encoder.bit_rate, encoder.time_base = OPUS_BITS, Fraction(1, self._rate)
        encoder.options = {"application": "voip"}
        return encoder


def to_jpeg(image: Image, quality: int) -> bytes:
    """(H, W, 3) as a JPEG file; ``quality`` 1..100."""
    import cv2

    done, data = cv2.imencode(".jpg", image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"a picture of shape {image.shape} cannot become a JPEG")
    return data.tobytes()


def to_pcm(samples: Samples) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    """(n,) floats as 16-bit integers; samples above full scale are clipped."""
    scaled: np.ndarray[tuple[int], np.dtype[np.int16]] = np.clip(np.rint(samples * 32767), -32768, 32767).astype(
        np.int16
    )
    return scaled


def even(image: Image) -> Image:
    """The image with its last row or column repeated where their number is odd, as 4:2:0 needs even sides."""
    height, width = image.shape[:2]
    if height % 2 or width % 2:
        return np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return image


__all__ = ["AudioEncoder", "Codec", "EncodedAudio", "EncodedPicture", "VideoEncoder", "even", "to_jpeg", "to_pcm"]
