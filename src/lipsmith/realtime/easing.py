"""How a mouth comes in and goes out, so that nothing pops.

Over a film, whose idle pictures are its own, the drawn mouth is faded in over its plate and out again. A still face
that moves by itself is always drawn; there the drives glide from one stream of speech to the next.
"""

from __future__ import annotations

import numpy as np

from ..types import Array, Image


def fade(source_frame: Image, picture: Image, share: float) -> Image:
    """``picture`` over the (H, W, 3) ``source_frame`` it was drawn on; where both are alike, so is what comes out."""
    if share >= 1 or picture is source_frame:
        return picture
    import cv2

    return np.asarray(cv2.addWeighted(picture, share, source_frame, 1 - share, 0), np.uint8)


class DriveEasing:
    """Carries drives over from the last one to a new stream's within ``frames`` frames."""

    def __init__(self, frames: int) -> None:
        self._frames = frames
        self._left = 0
        self._from: Array | None = None
        self._last: Array | None = None

    def begin(self, last: Array | None = None) -> None:
        """A new stream comes next; the face is at ``last``, or where the last drive left it."""
        self._from = self._last = self._last if last is None else last
        self._left = self._frames

    def next(self, drive: Array) -> Array:
        """The drive to use for the stream's ``drive``, of the same shape."""
        if self._left and self._from is not None:
            share = np.float32(1 - self._left / (self._frames + 1))
            drive = np.asarray(self._from + share * (drive - self._from), np.float32)
        self._left = max(0, self._left - 1)
        self._last = drive
        return drive
