"""Plays footage there and back again, as long as is wished, without a jump and in constant memory."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from .spool import open_spool
from .video import FileSource

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ..types import Image
    from .video import VideoSource


def replay(footage: VideoSource, count: int, spool: Path) -> Iterator[tuple[int, Image]]:
    """Yield ``count`` pairs (source index, image): 0 .. n-1, n-2 .. 1, 0 .. and so on.

    Forward sweeps decode again. The frames of a backward sweep are written into one temporary file inside the folder
    ``spool`` while the first forward sweep passes, and read back one by one, so they equal it exactly. A single image
    is yielded as the very same array each time.

    Raises:
        OutputError: the disk has no room for the frames, or writing them fails.
    """
    total = footage.info.frames
    if total == 1:
        image = next(footage.frames())
        yield from ((0, image) for _ in range(count))
    elif count <= total:
        yield from zip(range(count), footage.frames(), strict=False)
    else:
        yield from _sweeps(footage, count, spool)


def _sweeps(footage: VideoSource, count: int, folder: Path) -> Iterator[tuple[int, Image]]:
    total = footage.info.frames
    exposures = _exposures(footage)
    first = next(exposures)
    with open_spool(footage, min(total - 2, count - total), folder, *first) as spool:
        first_kept, place = max(1, total - 1 - (count - total)), 0
        for index, (image, decoded) in enumerate(chain([first], exposures)):
            if first_kept <= index < total - 1:
                place = spool.put(image, decoded) - index  # they lie in a row
            yield index, image
        left = count - total
        while left > 0:
            for index in range(total - 2, max(0, total - 2 - left), -1):
                yield index, spool.get(place + index)
            left -= total - 2
            yield from zip(range(max(0, min(left, total))), footage.frames() if left > 0 else (), strict=False)
            left -= total


def _exposures(footage: VideoSource) -> Iterator[tuple[Image, Any]]:
    return footage.exposures() if isinstance(footage, FileSource) else ((image, None) for image in footage.frames())
