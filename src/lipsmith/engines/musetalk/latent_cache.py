"""Latents of faces that were encoded before, so that a film played forward and backward is encoded once.

They are in an unnamed temporary file, 32 KiB per face, and are found by a hash of the face's picture. When the file is
full, the least recently used is replaced. If the disk is full, nothing is cached.
"""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Callable
from hashlib import blake2b
from threading import Lock

import numpy as np

from ...types import Array, Image

SHAPE = (8, 32, 32)
MOST = 15_000
"""Faces that are remembered: 10 minutes at 25 frames a second, 0.5 GB."""
_BYTES = int(np.prod(SHAPE)) * 4


class LatentCache:
    """Remembers the last ``most`` answers of ``encode``. Safe for several threads, which then take turns."""

    def __init__(self, encode: Callable[[Image], Array], most: int = MOST) -> None:
        self._encode, self._most = encode, most
        self._places: dict[bytes, int] = {}  # the longest unused first
        self._file = tempfile.TemporaryFile(prefix="lipsmith-latents-", buffering=0)  # noqa: SIM115 - lives as long
        self._lock = Lock()
        weakref.finalize(self, self._file.close)

    def __call__(self, picture: Image) -> Array:
        """(8, 32, 32) latents of a (256, 256, 3) picture."""
        name = blake2b(np.ascontiguousarray(picture).tobytes(), digest_size=16).digest()
        with self._lock:
            place = self._places.pop(name, None)
            if place is None:
                return self._written(name, self._encode(picture))
            self._places[name] = place
            self._file.seek(place * _BYTES)
            return np.frombuffer(self._file.read(_BYTES), np.float32).reshape(SHAPE)

    def _written(self, name: bytes, latents: Array) -> Array:
        full = len(self._places) >= self._most
        place = self._places.pop(next(iter(self._places))) if full else len(self._places)
        self._file.seek(place * _BYTES)
        try:
            whole = self._file.write(latents.astype(np.float32).tobytes()) == _BYTES
        except OSError:
            whole = False
        if whole:
            self._places[name] = place
        else:  # the disk is full
            self._places.clear()
        return latents
