"""Reads the 16-bit mono WAV files that the synthesisers write."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

from ..errors import SoundError
from ..types import Samples
from .utterance import resample_whole


def read_wav(path: Path) -> Samples | None:
    """(n,) samples of a 16-bit mono WAV, resampled to 16 kHz; None if the file is missing or incomplete.

    Raises:
        SoundError: another kind of WAV.
    """
    try:
        with wave.open(str(path), "rb") as file:
            kind, rate = (file.getsampwidth(), file.getnchannels()), file.getframerate()
            frames = file.readframes(file.getnframes())
    except (OSError, EOFError, wave.Error):
        return None
    if kind != (2, 1):
        raise SoundError(f"{path} is not 16-bit mono; the synthesiser should write 16-bit mono WAV.")
    sound = np.frombuffer(frames[: len(frames) // 2 * 2], "<i2").astype(np.float32) / 32768
    return resample_whole(sound, rate)
