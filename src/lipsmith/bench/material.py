"""What is measured upon: the demo's portrait at any size, and its speech at any length."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

from ..assets import DEMO_PICTURE, DEMO_SPEECH, asset


def write_portrait(folder: Path, size: tuple[int, int]) -> Path:
    """The demo's portrait, cut to the shape of ``size`` (width, height in px) from its top, and scaled to it.

    The face fills more of a wide picture than of a square one: the eyes stand 0.11 of the height apart in a square,
    0.2 in 16:9.
    """
    from PIL import Image

    width, height = size
    with Image.open(asset(DEMO_PICTURE)) as picture:
        scale = min(picture.width / width, picture.height / height)
        left = (picture.width - width * scale) / 2
        cut = picture.resize(size, Image.Resampling.BICUBIC, (left, 0, left + width * scale, height * scale))
    path = folder / f"portrait_{width}x{height}.png"
    cut.save(path, compress_level=1)
    return path


def write_speech(folder: Path, seconds: float) -> Path:
    """The demo's speech, said again and again for ``seconds``, as 16-bit wav."""
    from ..media.sound import open_speech

    speech = open_speech(asset(DEMO_SPEECH))
    path = folder / f"speech_{seconds:g}s.wav"
    left = round(seconds * speech.rate)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, speech.rate, 0, "NONE", ""))
        while left > 0:
            for block in speech.blocks():
                file.writeframes((np.clip(block[:left], -1, 1) * 32767).astype("<i2").tobytes())
                left = max(0, left - len(block))
    return path
