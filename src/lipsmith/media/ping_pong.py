"""Plays a video forward and backward in turn, for any number of frames, in constant memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .spool import Spool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ..types import Image
    from .video import VideoSource


def ping_pong_frames(source: VideoSource, count: int, folder: Path) -> Iterator[tuple[int, Image]]:
    """Yield ``count`` pairs (source index, image): 0 .. n-1, n-2 .. 1, 0 .. and so on.

    Forward passes decode the video again. Backward passes read the frames that the first forward pass wrote to a
    temporary file in ``folder``, so both show the same pixels. A source with one image yields the same array each time.

    Raises:
        OutputError: the disk has no room for the frames, or writing them fails.
    """
    total = source.info.frames
    if total == 1:
        image = next(source.frames())
        yield from ((0, image) for _ in range(count))
    elif count <= total:
        yield from zip(range(count), source.frames(), strict=False)
    else:
        yield from _passes(source, count, folder)


def _passes(source: VideoSource, count: int, folder: Path) -> Iterator[tuple[int, Image]]:
    total = source.info.frames
    with Spool(folder, source.info.size) as spool:
        first_spooled, offset = max(1, total - 1 - (count - total)), 0
        for index, image in enumerate(source.frames()):
            if first_spooled <= index < total - 1:
                offset = spool.put(image) - index  # the same for all: they are written in order
            yield index, image
        left = count - total
        while left > 0:
            for index in range(total - 2, max(0, total - 2 - left), -1):
                yield index, spool.get(offset + index)
            left -= total - 2
            yield from zip(range(max(0, min(left, total))), source.frames() if left > 0 else (), strict=False)
            left -= total
