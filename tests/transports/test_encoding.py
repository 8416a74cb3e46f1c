"""Live pictures of every size arrive whole."""

from __future__ import annotations

import io
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image as Pillow

from lipsmith.transports.encoding import Codec, VideoEncoder, even, to_jpeg
from lipsmith.types import Image

SIZES = [(16, 16), (17, 16), (16, 17), (19, 35), (255, 256), (1921, 17)]


def ramp(size: tuple[int, int]) -> Image:
    """(height, width, 3): grey that rises from the left to the right, and slower from the top to the bottom."""
    width, height = size
    values = np.add.outer(np.linspace(0, 40, height), np.linspace(30, 200, width))
    return np.repeat(values[..., None], 3, axis=2).astype(np.uint8)


@pytest.mark.parametrize("codec", ["h264", "vp8"])
def test_an_encoder_takes_every_size_in_turn(codec: Codec) -> None:
    encoder = VideoEncoder(codec, Fraction(25), 1_000_000)
    for size in SIZES:
        image = ramp(size)
        picture = encoder.encode(image)
        decoder: Any = av.CodecContext.create(codec, "r")
        (frame,) = [*decoder.decode(av.Packet(picture.data)), *decoder.decode(None)]
        seen = frame.to_ndarray(format="rgb24")
        assert picture.key
        assert seen.shape == even(image).shape
        assert np.abs(seen[: size[1], : size[0]].astype(int) - image).mean() < 4


@pytest.mark.parametrize("size", SIZES)
def test_a_jpeg_keeps_every_size(size: tuple[int, int]) -> None:
    seen = np.asarray(Pillow.open(io.BytesIO(to_jpeg(ramp(size), 90))).convert("RGB"))
    assert np.abs(seen.astype(int) - ramp(size)).mean() < 3
