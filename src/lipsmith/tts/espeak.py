"""The voice of eSpeak NG: over a hundred languages, nothing to download, a sentence within a tenth of a second."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from ..errors import LipsmithError, OptionError, VoiceError
from ..libraries import install_hint
from ..options import build, check, parse_settings
from ..workers.process import module_command
from .espeak_library import has_espeak
from .languages import guess, known_as
from .protocols import DEFAULT_STYLE, SpeechStyle, SpokenSound
from .voice_process import VoiceProcess

COMMAND = module_command("lipsmith.tts.espeak_worker")
VARIANTS = (*(f"f{number}" for number in range(1, 6)), *(f"m{number}" for number in range(1, 9)), "croak", "whisper")
"""Variants of every language's voice, which come with eSpeak NG."""
SLOWEST, FASTEST = 0.5, 2.5
SENTENCE_SECONDS = 20.0
"""How long one sentence may take; it usually takes a tenth of a second."""


class EspeakVoice:
    """One process for all texts; their sentences take turns.

    Args:
        voice: a language, with a variant of the voice if wanted: ``en-us``, ``cmn``, ``de+f3``.
        tempo: how many times as fast as usual, 0.5 to 2.5.

    Raises:
        VoiceError: eSpeak NG is not installed, or does not start.
        OptionError: an unknown language, or a tempo out of range.
    """

    def __init__(self, voice: str = "en-us", tempo: float = 1.0, command: Sequence[str] = COMMAND) -> None:
        if not has_espeak():
            raise VoiceError(f"eSpeak NG is not installed; this brings it: {install_hint('voice')}")
        if not SLOWEST <= tempo <= FASTEST:
            raise OptionError(f"The voice's speed is {tempo:g}; it can be {SLOWEST:g} to {FASTEST:g}.")
        language, sign, variant = voice.partition("+")
        if sign and not re.fullmatch(r"[A-Za-z0-9_-]{1,20}", variant):
            raise OptionError(f"voice is '{voice}'; a variant is a word like f3 or m1: espeak:{language}+f3.")
        self._variant, self._tempo = sign + variant, tempo
        self._process = VoiceProcess("eSpeak NG", command, SENTENCE_SECONDS)
        try:
            self._voices: dict[str, str] = self._process.ask({}).header["voices"]  # language -> voice
            self._default = known_as(language, self._voices)
        except LipsmithError:
            self._process.abandon()
            raise
        warm = {"text": "a", "voice": self._voices[self._default] + self._variant, "tempo": tempo}
        self._process.prepare(warm)  # loads the dictionary before somebody waits

    @property
    def name(self) -> str:
        """``espeak:`` and the default language."""
        return f"espeak:{self._default}{self._variant}"

    @property
    def languages(self) -> tuple[str, ...]:
        """The codes of the languages, sorted."""
        return tuple(self._voices)

    @property
    def voices(self) -> tuple[str, ...]:
        """The variants, which every language has."""
        return VARIANTS

    async def speak(self, text: str, style: SpeechStyle = DEFAULT_STYLE) -> AsyncGenerator[SpokenSound, None]:
        """As ``Voice.speak``."""
        language = self._voices[known_as(style.language or guess(text, self._default), self._voices)]
        voice = language + (f"+{style.voice}" if style.voice else self._variant)
        tempo = min(FASTEST, max(SLOWEST, self._tempo * style.speed))
        async for sound in self._process.sounds({"text": text, "voice": voice, "tempo": tempo}):
            yield sound

    async def close(self) -> None:
        """End the process."""
        await self._process.close()


@dataclass(frozen=True, slots=True)
class EspeakOptions:
    """How eSpeak NG speaks."""

    speed: float = 1.0  # how many times as fast as usual

    def __post_init__(self) -> None:
        check(self)


def open_espeak(rest: str) -> EspeakVoice:
    """The voice of what stands after ``espeak:``: ``LANGUAGE?speed=1.1``. Raises as ``EspeakVoice``."""
    voice, _, query = rest.partition("?")
    settings = parse_settings(f"{name}={value}" for name, value in parse_qsl(query, keep_blank_values=True))
    return EspeakVoice(voice or "en-us", build(EspeakOptions, settings).speed)


__all__ = ["EspeakOptions", "EspeakVoice", "open_espeak"]
