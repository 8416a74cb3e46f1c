"""Reads the plain 16-bit mono WAV files that the synthesisers write."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

from ..errors import SoundError
from ..types import Samples
from .utterance import at_hearing_rate


def read_wav(path: Path) -> Samples:
    """(n,) samples of a 16-bit mono WAV, at 16 kHz.

    Raises:
        SoundError: another kind of WAV.
    """
    with wave.open(str(path), "rb") as file:
        if file.getsampwidth() != 2 or file.getnchannels() != 1:
            raise SoundError(f"{path} is not 16-bit mono; the synthesiser should write 16-bit mono WAV.")
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768
        return at_hearing_rate(sound, file.getframerate())
