"""One connection to a streaming server over RTMP or SRT, through PyAV. It blocks, so it runs in a ``SinkProcess``."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np

from ..media.soundtrack import FrameSound
from ..provenance.metadata import mark_of
from ..timing import sample_at
from ..types import AVFrame
from .encoding import even
from .push import PushOptions, check_target

if TYPE_CHECKING:
    from ..types import FilmInfo, Image
    from .frame_queue import QueuedFrame


class PushStream:
    """One connection, with the AI mark in its metadata. Its time stamps begin at 0 with its first frame, a key frame.

    Args:
        first: index of the session's frame that comes first.
    """

    def __init__(self, url: str, info: FilmInfo, options: PushOptions, first: int) -> None:
        self._info, self._first, self._next = info, first, first
        self._output: Any = av.open(url, "w", format=check_target(url))
        self._output.metadata.update(mark_of(options.engine))
        self._video = self._output.add_stream("libx264", rate=info.fps)
        self._video.width, self._video.height = (side + side % 2 for side in info.size)
        self._video.pix_fmt, self._video.bit_rate = "yuv420p", options.bit_rate
        self._video.options = {
            "preset": "superfast", "tune": "zerolatency", "g": str(round(options.key_seconds * info.fps)),
            "maxrate": str(options.bit_rate), "bufsize": str(options.bit_rate),
        }  # fmt: skip
        self._sound = FrameSound(self._output, "mp4", info)  # AAC
        self._output.start_encoding()

    def write(self, frame: QueuedFrame) -> None:
        """Encode and send a frame. Frames missing before it become silence."""
        for index in range(self._next, frame.index):
            self._add_sound(index, None)
        if frame.image is not None:
            self._add_picture(frame.index, frame.image)
        self._add_sound(frame.index, frame.samples)
        self._next = frame.index + 1

    def _add_picture(self, index: int, image: Image) -> None:
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(even(image)), format="rgb24")
        picture = picture.reformat(format="yuv420p")
        picture.pts, picture.time_base = index - self._first, 1 / Fraction(self._info.fps)
        self._output.mux(self._video.encode(picture))

    def _add_sound(self, index: int, samples: Any) -> None:
        if samples is None:
            fps, rate = self._info.fps, self._info.rate
            samples = np.zeros(sample_at(index + 1, fps, rate) - sample_at(index, fps, rate), np.float32)
        self._sound.hear(AVFrame(index, np.zeros((0, 0, 3), np.uint8), samples))

    def close(self) -> None:
        """Send what the encoders still hold, and end the stream."""
        try:
            self._output.mux(self._video.encode(None))
            self._sound.finish()
        finally:
            self._output.close()


__all__ = ["PushStream"]
