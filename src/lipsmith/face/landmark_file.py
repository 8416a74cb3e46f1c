"""Keeps the landmarks of a whole film on disk, not in memory."""

from __future__ import annotations

import tempfile
import weakref

import numpy as np

from ..errors import OutputError
from ..types import Array
from .mediapipe_nets import LANDMARKS


class LandmarkFile:
    """An unnamed temporary file of landmarks, deleted with the object. Ten minutes of one face take 86 MB.

    Args:
        points: of each face.
    """

    def __init__(self, points: int = LANDMARKS) -> None:
        self.shape = (points, 3)
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 (lives as long as this object)
        self._count = 0
        weakref.finalize(self, self._file.close)

    def append(self, landmarks: Array) -> int:
        """Store (points, 3) landmarks and return their number, from 0. Raises OutputError if the disk is full."""
        data = np.ascontiguousarray(landmarks, np.float32).tobytes()
        try:
            self._file.seek(self._count * len(data))
            written = self._file.write(data)
        except OSError as error:
            raise OutputError(_full(error.strerror)) from error
        if written != len(data):
            raise OutputError(_full("disk full"))
        self._count += 1
        return self._count - 1

    def read(self, number: int) -> Array:
        """The (points, 3) landmarks stored under ``number``."""
        size = 4 * self.shape[0] * self.shape[1]
        self._file.seek(number * size)
        return np.frombuffer(self._file.read(size), np.float32).reshape(self.shape)


def _full(reason: str | None) -> str:
    return (
        f"The landmarks of the film could not be kept in {tempfile.gettempdir()} ({reason}). "
        "They need about 9 MB per minute and face; free some space there, or set TMPDIR to a folder with more."
    )
