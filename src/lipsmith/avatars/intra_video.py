"""An avatar's pictures as H.264 with intra frames only, so that each can be decoded alone and in any order.

Video frames are stored in 4:2:0 at a constant quality whose loss cannot be seen (their own chroma is no finer). Drawn
and photographed pictures are stored in RGB without loss. docs/avatars.md has the measured sizes and times.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from ..errors import AvatarBroken, OutputError
from ..types import Image

Pixels = Literal["yuv420p", "rgb"]
_CODEC = {"yuv420p": "libx264", "rgb": "libx264rgb"}
_CODED_FORMAT = {"yuv420p": "yuv420p", "rgb": "rgb24"}
_QUALITY = {"yuv420p": {"crf": "8"}, "rgb": {"qp": "0"}}
_INTRA_ONLY = "keyint=1:bframes=0:cabac=0:scenecut=0"


@dataclass(frozen=True, slots=True)
class PictureFormat:
    """What a decoder needs to know."""

    pixels: Pixels
    size: tuple[int, int]  # width, height of the pictures in px; may be odd
    header: bytes  # H.264 parameter sets

    @property
    def coded_size(self) -> tuple[int, int]:
        """Width and height in px, rounded up to even numbers as the codec needs them."""
        return self.size[0] + self.size[0] % 2, self.size[1] + self.size[1] % 2


class IntraVideoEncoder:
    """Encodes images (H, W, 3) RGB uint8 of one size.

    Raises:
        OutputError: the codec takes no pictures of this size.
    """

    def __init__(self, pixels: Pixels, size: tuple[int, int]) -> None:
        import av
        from av.error import FFmpegError

        bare = PictureFormat(pixels, size, b"")
        encoder: Any = av.CodecContext.create(_CODEC[pixels], "w")
        encoder.width, encoder.height = bare.coded_size
        encoder.pix_fmt, encoder.time_base = _CODED_FORMAT[pixels], Fraction(1, 25)
        encoder.thread_count, encoder.max_b_frames = 1, 0
        encoder.flags |= 1 << 22  # AV_CODEC_FLAG_GLOBAL_HEADER: the parameter sets come once, as extradata
        encoder.options = {"preset": "veryfast", "tune": "zerolatency", "x264-params": _INTRA_ONLY, **_QUALITY[pixels]}
        try:
            encoder.open()
        except FFmpegError as problem:
            raise OutputError(f"Pictures of {size[0]}x{size[1]} px cannot be stored ({problem}).") from problem
        self._encoder: Any = encoder
        self.format = PictureFormat(pixels, size, bytes(encoder.extradata))
        self._count = 0

    def encode(self, image: Image) -> bytes:
        """The packet of one image."""
        frame = _to_coded(image, self.format)
        frame.pts, self._count = self._count, self._count + 1
        return b"".join(bytes(packet) for packet in self._encoder.encode(frame))


class IntraVideoDecoder:
    """Decodes packets to images (H, W, 3) RGB uint8. One thread at a time may use it."""

    def __init__(self, picture_format: PictureFormat) -> None:
        import av

        self._format = picture_format
        self._decoder: Any = av.CodecContext.create("h264", "r")
        self._decoder.extradata, self._decoder.thread_count = picture_format.header, 1
        self._decoder.flags |= 1 << 19  # AV_CODEC_FLAG_LOW_DELAY: one packet in, one picture out

    def decode(self, packet: bytes) -> Image:
        """The image of one packet.

        Raises:
            AvatarBroken: the packet holds no picture of the avatar's size.
        """
        import av
        from av.error import FFmpegError

        try:
            frames = self._decoder.decode(av.Packet(packet))
        except FFmpegError as problem:
            raise AvatarBroken(f"A stored picture cannot be decoded ({problem}).") from problem
        if len(frames) != 1 or (frames[0].width, frames[0].height) != self._format.coded_size:
            raise AvatarBroken("A stored packet holds no picture of the avatar's size.")
        return _to_image(frames[0], self._format)


def _to_coded(image: Image, picture_format: PictureFormat) -> Any:
    import av
    from av.video.reformatter import ColorRange, Colorspace

    height, width = image.shape[:2]
    if height % 2 or width % 2:
        image = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
    if picture_format.pixels == "rgb":
        return frame
    return frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.JPEG)


def _to_image(frame: Any, picture_format: PictureFormat) -> Image:
    from av.video.reformatter import ColorRange, Colorspace

    width, height = picture_format.size
    if picture_format.pixels == "rgb":
        picture = frame.to_ndarray(format="rgb24")
    else:
        picture = frame.reformat(
            format="rgb24", src_colorspace=Colorspace.ITU709, src_color_range=ColorRange.JPEG
        ).to_ndarray()
    return np.ascontiguousarray(picture[:height, :width])


__all__ = ["IntraVideoDecoder", "IntraVideoEncoder", "PictureFormat", "Pixels"]
