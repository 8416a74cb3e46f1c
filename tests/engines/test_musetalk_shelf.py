import numpy as np

from lipsmith.engines.musetalk.shelf import SHAPE, LatentShelf
from lipsmith.types import Array, Image


def test_a_face_is_encoded_once_and_read_back_bit_for_bit() -> None:
    random, seen = np.random.default_rng(5), []

    def encode(picture: Image) -> Array:
        seen.append(picture)
        return random.standard_normal(SHAPE).astype(np.float32)

    pictures = [random.integers(0, 256, (256, 256, 3), np.uint8) for _ in range(3)]
    shelf = LatentShelf(encode)
    first = [shelf(picture) for picture in pictures]
    again = [shelf(picture.copy()) for picture in pictures[::-1]][::-1]
    assert len(seen) == 3
    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))
