"""Some consecutive frames of a video, as a source of their own."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from .video import VideoFileSource, VideoInfo, VideoSource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..types import Image
    from .chroma_key import Alpha


class VideoPart:
    """The ``count`` frames of ``source`` from frame ``first`` on; all of them must be there."""

    def __init__(self, source: VideoSource, first: int, count: int) -> None:
        self._source, self._first, self._count = source, first, count

    @property
    def info(self) -> VideoInfo:
        """The properties of the source, with the part's own length."""
        info = self._source.info
        return replace(info, frames=self._count, seconds=float(self._count / info.fps))

    def frames(self) -> Iterator[Image]:
        """The part's frames. A video file is read from the key frame before them where that is safe."""
        if isinstance(self._source, VideoFileSource):
            yield from islice(self._source.frames(self._first), self._count)
        else:
            yield from islice(self._source.frames(), self._first, self._first + self._count)

    def alphas(self) -> Iterator[Alpha]:
        """Their transparency; nothing if the source cannot have any."""
        yield from islice(self._source.alphas(), self._first, self._first + self._count)


__all__ = ["VideoPart"]
