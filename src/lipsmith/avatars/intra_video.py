"""Plates' pictures as H.264 in which every picture stands alone, so that any can be had in any order.

A video's frames are kept in 4:2:0 at a constant quality whose loss nobody sees (its own chroma is no finer); drawn and
photographed pictures are kept in RGB without any loss. Measured sizes and times stand in docs/avatars.md.
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
_CODED = {"yuv420p": "yuv420p", "rgb": "rgb24"}
_QUALITY = {"yuv420p": {"crf": "8"}, "rgb": {"qp": "0"}}
_ALONE = "keyint=1:bframes=0:cabac=0:scenecut=0"


@dataclass(frozen=True, slots=True)
class PictureFormat:
    """What a decoder must know."""

    pixels: Pixels
    size: tuple[int, int]  # width, height in px, as the pictures have them; coded sizes are even
    header: bytes  # H.264's parameter sets

    @property
    def coded(self) -> tuple[int, int]:
        """Width and height in px with odd ones grown by one."""
        return self.size[0] + self.size[0] % 2, self.size[1] + self.size[1] % 2


class IntraVideoEncoder:
    """Images (H, W, 3) RGB uint8 of one size to packets."""

    def __init__(self, pixels: Pixels, size: tuple[int, int]) -> None:
        import av
        from av.error import FFmpegError

        bare = PictureFormat(pixels, size, b"")
        coder: Any = av.CodecContext.create(_CODEC[pixels], "w")
        coder.width, coder.height = bare.coded
        coder.pix_fmt, coder.time_base = _CODED[pixels], Fraction(1, 25)
        coder.thread_count, coder.max_b_frames = 1, 0
        coder.flags |= 1 << 22  # AV_CODEC_FLAG_GLOBAL_HEADER: the parameter sets are told apart
        coder.options = {"preset": "veryfast", "tune": "zerolatency", "x264-params": _ALONE, **_QUALITY[pixels]}
        try:
            coder.open()
        except FFmpegError as problem:
            raise OutputError(f"Pictures of {size[0]}x{size[1]} px cannot be kept ({problem}).") from problem
        self._coder: Any = coder
        self.format = PictureFormat(pixels, size, bytes(coder.extradata))
        self._count = 0

    def code(self, image: Image) -> bytes:
        """One packet."""
        frame = _to_coded(image, self.format)
        frame.pts, self._count = self._count, self._count + 1
        return b"".join(bytes(packet) for packet in self._coder.encode(frame))


class IntraVideoDecoder:
    """Packets back to images (H, W, 3) RGB uint8. Not for several threads at once."""

    def __init__(self, shape: PictureFormat) -> None:
        import av

        self._format = shape
        self._decoder: Any = av.CodecContext.create("h264", "r")
        self._decoder.extradata, self._decoder.thread_count = shape.header, 1
        self._decoder.flags |= 1 << 19  # AV_CODEC_FLAG_LOW_DELAY: one packet in, one picture out

    def read(self, packet: bytes) -> Image:
        """The image of one packet.

        Raises:
            AvatarBroken: it is no picture of the size that all have.
        """
        import av
        from av.error import FFmpegError

        try:
            frames = self._decoder.decode(av.Packet(packet))
        except FFmpegError as problem:
            raise AvatarBroken(f"A stored picture cannot be decoded ({problem}).") from problem
        if len(frames) != 1 or (frames[0].width, frames[0].height) != self._format.coded:
            raise AvatarBroken("A stored packet holds no picture of the avatar's size.")
        return _to_image(frames[0], self._format)


def _to_coded(image: Image, shape: PictureFormat) -> Any:
    import av
    from av.video.reformatter import ColorRange, Colorspace

    height, width = image.shape[:2]
    if height % 2 or width % 2:
        image = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
    if shape.pixels == "rgb":
        return frame
    return frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.JPEG)


def _to_image(frame: Any, shape: PictureFormat) -> Image:
    from av.video.reformatter import ColorRange, Colorspace

    width, height = shape.size
    if shape.pixels == "rgb":
        picture = frame.to_ndarray(format="rgb24")
    else:
        picture = frame.reformat(
            format="rgb24", src_colorspace=Colorspace.ITU709, src_color_range=ColorRange.JPEG
        ).to_ndarray()
    return np.ascontiguousarray(picture[:height, :width])


__all__ = ["IntraVideoDecoder", "IntraVideoEncoder", "PictureFormat", "Pixels"]
