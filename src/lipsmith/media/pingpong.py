"""Plays footage there and back again, as long as is wished, without a jump and in constant memory."""

from __future__ import annotations

import shutil
import tempfile
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from ..errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ..types import Image
    from .video import Footage

SPARE_BYTES = 64 << 20
"""Left free on the disk beside the spool."""


def replay(footage: Footage, count: int, spool: Path) -> Iterator[tuple[int, Image]]:
    """Yield ``count`` pairs (source index, image): 0 .. n-1, n-2 .. 1, 0 .. and so on.

    Forward sweeps decode again. The frames of a backward sweep are written raw into one temporary file inside the
    folder ``spool`` while the first forward sweep passes, and read back one by one, so they equal it exactly. A single
    image is yielded as the very same array each time.

    Raises:
        OutputError: the disk has no room for the frames, or writing them fails.
    """
    total = footage.info.frames
    if total == 1:
        image = next(footage.frames())
        yield from ((0, image) for _ in range(count))
        return
    if count <= total:
        yield from _forward(footage, count)
        return
    with _room(footage, min(total - 2, count - total), spool) as store:
        yield from _sweeps(footage, count, total, store)


def _forward(footage: Footage, count: int) -> Iterator[tuple[int, Image]]:
    yield from zip(range(count), footage.frames(), strict=False)


def _sweeps(footage: Footage, count: int, total: int, store: BinaryIO) -> Iterator[tuple[int, Image]]:
    left = count
    first_kept = max(1, total - 1 - (count - total))
    for index, image in _forward(footage, total):
        if first_kept <= index < total - 1:
            _put(store, image)
        yield index, image
    left -= total
    while left > 0:
        for index in range(total - 2, max(0, total - 2 - left), -1):
            yield index, _get(store, index - first_kept, footage.info.size)
        left -= total - 2
        yield from _forward(footage, max(0, min(left, total)))
        left -= total


def _room(footage: Footage, frames: int, spool: Path) -> BinaryIO:
    """A temporary file in ``spool`` that vanishes when closed, if ``frames`` frames fit on its disk."""
    width, height = footage.info.size
    needed = frames * width * height * 3
    try:
        free = shutil.disk_usage(spool).free
        if needed + SPARE_BYTES > free:
            raise OutputError(
                f"Playing this film backward needs {needed / 1e9:.1f} GB in {spool} but {free / 1e9:.1f} GB are free: "
                "make room, use a shorter speech, a longer or smaller film."
            )
        return tempfile.TemporaryFile(dir=spool, prefix=".lipsmith-", buffering=0)
    except OSError as reason:
        raise OutputError(
            f"{spool} cannot hold temporary frames ({reason.strerror}): choose another folder."
        ) from reason


def _put(store: BinaryIO, image: Image) -> None:
    view = np.ascontiguousarray(image).data.cast("B")
    try:
        while view:
            view = view[store.write(view) :]
    except OSError as reason:
        raise OutputError(f"Temporary frames cannot be written ({reason.strerror}): make room on the disk.") from reason


def _get(store: BinaryIO, position: int, size: tuple[int, int]) -> Image:
    width, height = size
    image = np.empty((height, width, 3), np.uint8)
    store.seek(position * image.nbytes)
    view = image.data.cast("B")
    while view:
        view = view[store.readinto(view) :]  # type: ignore[attr-defined]
    return image
