"""How a drawn mouth comes and goes without a jump.

Over a film, whose idle pictures are its own, the drawn mouth fades in over its source frame and out again. A still face
that moves by itself is always drawn; there the drives are eased from one stream of sound to the next.
"""

from __future__ import annotations

import numpy as np

from ..types import Array, Image


def fade(source_frame: Image, picture: Image, share: float) -> Image:
    """Mix ``picture`` over the ``source_frame`` it was drawn on, both (H, W, 3) uint8, by ``share`` 0..1.

    Pixels that are equal in both stay as they are.
    """
    if share >= 1 or picture is source_frame:
        return picture
    import cv2

    return np.asarray(cv2.addWeighted(picture, share, source_frame, 1 - share, 0), np.uint8)


class DriveEasing:
    """Eases from the last drive of one stream to the drives of the next.

    Drives have the engine's own shape; they are mixed linearly, number by number.

    Args:
        frames: that a mouth takes.
        pace: (n,) how many times as long each number of a drive takes, see ``PortraitMotion``; None: all as long.
    """

    def __init__(self, frames: int, pace: Array | None = None) -> None:
        self._frames = np.float32(frames) * (np.ones(1, np.float32) if pace is None else pace)  # (n,) or (1,)
        self._given = 0  # drives of the stream so far
        self._from: Array | None = None
        self._last: Array | None = None

    def begin(self, last: Array | None = None) -> None:
        """A new stream comes next. The face is where ``last``, or else the drive given last, left it."""
        self._from = self._last = self._last if last is None else last
        self._given = 0

    def next(self, drive: Array) -> Array:
        """The drive to use instead of the stream's own ``drive``."""
        self._given += 1
        if self._from is not None and self._given <= self._frames.max():
            share = np.minimum(self._given / (self._frames + 1), 1).astype(np.float32)
            mixed = np.where(self._given <= self._frames, self._from + share * (drive - self._from), drive)
            drive = np.asarray(mixed, np.float32)
        self._last = drive
        return drive
