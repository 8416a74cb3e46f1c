"""Latents of faces that were encoded before: a film played again, forward and backward, is encoded once.

They lie in a nameless temporary file, 32 KiB a face, and are found by the bytes of the face's picture.
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
_BYTES = int(np.prod(SHAPE)) * 4


class LatentShelf:
    """Remembers ``encode``. Safe for several threads, which then take turns."""

    def __init__(self, encode: Callable[[Image], Array]) -> None:
        self._encode = encode
        self._places: dict[bytes, int] = {}
        self._file = tempfile.TemporaryFile(prefix="lipsmith-latents-")  # noqa: SIM115 - lives as long as the shelf
        self._lock = Lock()
        weakref.finalize(self, self._file.close)

    def __call__(self, picture: Image) -> Array:
        """(8, 32, 32) latents of a (256, 256, 3) picture."""
        name = blake2b(np.ascontiguousarray(picture).tobytes(), digest_size=16).digest()
        with self._lock:
            place = self._places.get(name)
            return self._read(place) if place is not None else self._write(name, self._encode(picture))

    def _read(self, place: int) -> Array:
        self._file.seek(place * _BYTES)
        return np.frombuffer(self._file.read(_BYTES), np.float32).reshape(SHAPE)

    def _write(self, name: bytes, latents: Array) -> Array:
        place = len(self._places)
        self._file.seek(place * _BYTES)
        self._file.write(latents.astype(np.float32).tobytes())
        self._places[name] = place
        return latents
