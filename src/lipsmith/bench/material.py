"""Test material: the shipped portrait at any size, still or moving, and its speech at any length."""

from __future__ import annotations

import wave
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from ..assets import DEMO_SPEECH, TEST_PICTURE, asset
from ..types import Image


def write_portrait(folder: Path, size: tuple[int, int]) -> Path:
    """The shipped portrait, cropped from its top to the shape of ``size`` (width, height in px), and scaled to it.

    The face fills more of a wide picture than of a square one: the distance between the eyes is 0.11 of the height in
    a square, 0.2 in 16:9.
    """
    width, height = size
    with Pillow.open(asset(TEST_PICTURE)) as picture:
        scale = min(picture.width / width, picture.height / height)
        left = (picture.width - width * scale) / 2
        cut = picture.resize(size, Pillow.Resampling.BICUBIC, (left, 0, left + width * scale, height * scale))
    path = folder / f"portrait_{width}x{height}.png"
    cut.save(path, compress_level=1)
    return path


def write_moving_portrait(folder: Path, size: tuple[int, int], seconds: float, fps: int = 25) -> Path:
    """The same portrait as a film, in which it sways and zooms by fractions of a pixel per frame."""
    import cv2

    still = np.asarray(Pillow.open(write_portrait(folder, size)))
    width, height = size

    def moved(index: int) -> Image:
        turn = 2 * np.pi * index / fps
        scale = 1.06 + 0.02 * np.sin(turn / 7)
        x, y = width * 0.008 * np.sin(turn / 4), height * 0.006 * np.sin(turn / 3)
        move = np.array([[scale, 0, x + width * (1 - scale) / 2], [0, scale, y + height * (1 - scale) / 2]])
        return np.asarray(cv2.warpAffine(still, move, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)

    path = folder / f"moving_{width}x{height}_{seconds:g}s.mp4"
    return write_film(path, (moved(index) for index in range(round(seconds * fps))), size, Fraction(fps))


def write_film(path: Path, images: Iterable[Image], size: tuple[int, int], fps: Fraction) -> Path:
    """``images`` (H, W, 3) as a silent film of ``size`` (width, height in px, padded to even numbers)."""
    import av

    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=fps, options={"crf": "16", "preset": "veryfast"})
        video.width, video.height, video.pix_fmt = size[0] + size[0] % 2, size[1] + size[1] % 2, "yuv420p"
        for image in images:
            even = np.pad(image, ((0, size[1] % 2), (0, size[0] % 2), (0, 0)), mode="edge")
            container.mux(video.encode(av.VideoFrame.from_ndarray(even, format="rgb24")))
        container.mux(video.encode())
    return path


def write_speech(folder: Path, seconds: float) -> Path:
    """The demo's speech, repeated for ``seconds``, as 16-bit WAV."""
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
