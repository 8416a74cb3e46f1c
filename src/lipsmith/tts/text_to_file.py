"""A text spoken into a sound file."""

from __future__ import annotations

import asyncio
import wave
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..errors import OptionError, VoiceError
from ..libraries import install_hint
from .protocols import DEFAULT_STYLE, SpeechStyle, Voice, read_aloud, readable
from .registry import open_voice


@dataclass(frozen=True, slots=True)
class TextToFile:
    """A text and the voice that speaks it."""

    text: str = ""
    voice: str = "auto"  # a name for ``open_voice``
    style: SpeechStyle = field(default=DEFAULT_STYLE, metadata={"flag": False})

    def write(self, path: Path) -> None:
        """Write the spoken text as a 16-bit mono WAV.

        Raises:
            OptionError: the text holds nothing to speak, or there is no such voice.
            VoiceError: no voice is installed, or it fails.
        """
        pieces, voice = readable(self.text), open_voice(self.voice)
        if voice is None and self.voice == "none":
            raise OptionError("voice is 'none', and there is a text to be read: name a voice, such as espeak:en.")
        if voice is None:
            raise VoiceError(
                f"Nobody can read the text: say --voice openai:URL, or bring eSpeak NG by {install_hint('voice')}"
            )
        asyncio.run(_record(voice, pieces, self.style, path))


async def _record(voice: Voice, pieces: list[str], style: SpeechStyle, path: Path) -> None:
    rate = 0
    try:
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, 16_000, 0, "NONE", ""))  # until the first piece brings its rate
            async for sound in read_aloud(voice, pieces, style):
                if rate != sound.rate:
                    _check_rate(rate, sound.rate)
                    rate = sound.rate
                    file.setframerate(rate)
                file.writeframes((np.clip(sound.samples, -1, 1) * 32767).astype("<i2").tobytes())
    finally:
        await voice.close()
    if not rate:
        raise VoiceError("The voice made no sound of this text: is it in another language?")


def _check_rate(before: int, now: int) -> None:
    if before:
        raise VoiceError(f"The voice changed from {before} to {now} Hz in the middle of a text.")


__all__ = ["TextToFile"]
