"""Latents that were made before come back as they were, up to a bound."""

import os

import numpy as np
import pytest

from lipsmith.engines.musetalk.latent_cache import SHAPE, LatentCache
from lipsmith.types import Array, Image


def test_a_face_is_encoded_once_and_read_back_bit_for_bit() -> None:
    random, seen = np.random.default_rng(5), []

    def encode(picture: Image) -> Array:
        seen.append(picture)
        return random.standard_normal(SHAPE).astype(np.float32)

    pictures = [random.integers(0, 256, (256, 256, 3), np.uint8) for _ in range(3)]
    cache = LatentCache(encode)
    first = [cache(picture) for picture in pictures]
    again = [cache(picture.copy()) for picture in pictures[::-1]][::-1]
    assert len(seen) == 3
    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))


def test_a_full_shelf_forgets_what_was_unused_for_longest_and_grows_no_more() -> None:
    seen: list[int] = []

    def encode(picture: Image) -> Array:
        seen.append(int(picture[0, 0, 0]))
        return np.full(SHAPE, picture[0, 0, 0], np.float32)

    cache = LatentCache(encode, most=3)
    for value in (0, 1, 2, 3, 4, 3, 2, 1, 2, 3):
        assert (cache(np.full((4, 4, 3), value, np.uint8)) == value).all()
    assert seen == [0, 1, 2, 3, 4, 1]  # there and back: when 1 comes again, 4 has waited longest
    assert os.fstat(cache._file.fileno()).st_size == 3 * np.prod(SHAPE) * 4


def test_on_a_full_disk_nothing_is_remembered_and_nothing_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def seek(self, place: int) -> None: ...

        def write(self, data: bytes) -> int:
            raise OSError(28, "No space left on device")

    cache = LatentCache(lambda picture: np.full(SHAPE, picture[0, 0, 0], np.float32), most=2)
    pictures = [np.full((4, 4, 3), value, np.uint8) for value in range(3)]
    for picture in pictures:
        cache(picture)
    with monkeypatch.context() as full:
        full.setattr(cache, "_file", Full())
        assert [cache(picture)[0, 0, 0] for picture in pictures] == [0, 1, 2]
    assert [cache(picture)[0, 0, 0] for picture in [*pictures, *pictures]] == [0, 1, 2, 0, 1, 2]
