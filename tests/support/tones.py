"""Sound files for tests."""

from __future__ import annotations

import io
import wave

import numpy as np


def tone(seconds: float, rate: int = 16_000, pitch: float = 180, swell: bool = True) -> bytes:
    """A WAV of a tone, which swells unless told otherwise."""
    moments = np.arange(round(seconds * rate)) / rate
    loudness = 9000 * np.abs(np.sin(7 * moments)) if swell else 9000
    sound = (loudness * np.sin(2 * np.pi * pitch * moments)).astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((1, 2, rate, 0, "NONE", ""))
        out.writeframes(sound.tobytes())
    return file.getvalue()
