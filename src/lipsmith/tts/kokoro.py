"""The natural voices of Kokoro-82M, on the CPU: 41 of them, in seven languages; 120 MB to download once."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from ..errors import OptionError, VoiceError
from ..libraries import install_hint
from ..options import build, check, nearest, parse_settings
from ..weights import find, readable_size, search, search_folders
from ..workers.process import module_command
from .espeak_library import has_espeak
from .kokoro_phonemes import LANGUAGES
from .kokoro_weights import KOKORO
from .languages import guess, known_as
from .protocols import DEFAULT_STYLE, FASTEST, SLOWEST, SpeechStyle, SpokenSound
from .voice_process import VoiceProcess

COMMAND = module_command("lipsmith.tts.kokoro_worker")
SENTENCE_SECONDS = 120.0
"""How long one sentence may take; it usually takes a third of its own length on one core."""

VOICES: dict[str, tuple[str, ...]] = {
    "en-us": (
        "af_heart", "af_alloy", "af_aoede", "af_bella", "af_jessica", "af_kore", "af_nicole", "af_nova",
        "af_river", "af_sarah", "af_sky", "am_adam", "am_echo", "am_eric", "am_fenrir", "am_liam", "am_michael",
        "am_onyx", "am_puck", "am_santa",
    ),
    "en-gb": (
        "bf_emma", "bf_alice", "bf_isabella", "bf_lily", "bm_daniel", "bm_fable", "bm_george", "bm_lewis",
    ),
    "es": ("ef_dora", "em_alex", "em_santa"),
    "fr-fr": ("ff_siwis",),
    "hi": ("hf_alpha", "hf_beta", "hm_omega", "hm_psi"),
    "it": ("if_sara", "im_nicola"),
    "pt-br": ("pf_dora", "pm_alex", "pm_santa"),
}  # fmt: skip
"""Language -> its voices; the first one is taken where only the language is named. The second letter tells f or m."""
LANGUAGE_OF = {voice: language for language, voices in VOICES.items() for voice in voices}


@dataclass(frozen=True, slots=True)
class KokoroOptions:
    """How Kokoro speaks.

    Raises:
        OptionError: a value out of range.
    """

    speed: float = 1.0  # how many times as fast as usual

    def __post_init__(self) -> None:
        check(self)
        if not SLOWEST <= self.speed <= FASTEST:
            raise OptionError(f"The voice's speed is {self.speed:g}; it can be {SLOWEST:g} to {FASTEST:g}.")


class KokoroVoice:
    """One process for all texts; their sentences take turns.

    Args:
        voice: one of ``VOICES``, two of a language as ``one+another`` for their mean, or a language.

    Raises:
        VoiceError: the weights or eSpeak NG, which gives the phonemes, are not on this machine.
        OptionError: an unknown voice.
    """

    languages = tuple(LANGUAGES)
    voices = tuple(LANGUAGE_OF)

    def __init__(
        self, voice: str = "af_heart", options: KokoroOptions | None = None, command: Sequence[str] = COMMAND
    ) -> None:
        self._voice = voice_called(voice)
        self._default = LANGUAGE_OF[self._voice.split("+")[0]]
        self._speed = (options or KokoroOptions()).speed
        if reason := unavailable_reason():
            raise VoiceError(reason)
        found = find(KOKORO)
        files = (str(found.path), str(found.folder / found.part.companions[0].name))
        self._process = VoiceProcess("Kokoro", (*command, *files), SENTENCE_SECONDS)
        self._process.prepare(self._request("a", self._default))

    @property
    def name(self) -> str:
        """``kokoro:`` and the voice."""
        return f"kokoro:{self._voice}"

    async def speak(self, text: str, style: SpeechStyle = DEFAULT_STYLE) -> AsyncGenerator[SpokenSound, None]:
        """As ``Voice.speak``. A text in another language is spoken by a voice of that language."""
        default = LANGUAGE_OF[style.voice] if style.voice else self._default
        known = known_as(style.language or guess(text, default), LANGUAGES)
        if known[:2] == default[:2]:
            known = default  # a British voice keeps its accent
        async for sound in self._process.sounds(self._request(text, known, style)):
            yield sound

    async def close(self) -> None:
        """End the process."""
        await self._process.close()

    def _request(self, text: str, language: str, style: SpeechStyle = DEFAULT_STYLE) -> dict[str, str | float]:
        voice = style.voice or self._voice
        if language != LANGUAGE_OF[voice.split("+")[0]]:
            voice = native_voice(voice, language)
        speed = min(FASTEST, max(SLOWEST, self._speed * style.speed))
        return {"text": text, "language": language, "voice": voice, "speed": speed}


def open_kokoro(rest: str) -> KokoroVoice:
    """The voice of what stands after ``kokoro:``: ``VOICE?speed=1.1``. Raises as ``KokoroVoice``."""
    voice, _, query = rest.partition("?")
    settings = parse_settings(f"{name}={value}" for name, value in parse_qsl(query, keep_blank_values=True))
    return KokoroVoice(voice or "af_heart", build(KokoroOptions, settings))


def unavailable_reason() -> str | None:
    """Why Kokoro cannot speak on this machine, and the command that helps; None: it can."""
    if search(KOKORO) is None:
        folders = ", ".join(map(str, search_folders()))
        return (
            f"Kokoro's weights ({readable_size(KOKORO.size)}) are not in {folders}: "
            "`lipsmith weights fetch kokoro` downloads them."
        )
    if not has_espeak():
        return f"Kokoro takes its phonemes from eSpeak NG; this brings it: {install_hint('voice')}"
    return None


def voice_called(name: str) -> str:
    """The full name of the voice that a caller means.

    Raises:
        OptionError: there is none; names the nearest.
    """
    plain = name.strip().lower()
    voices = plain.split("+")
    if len(voices) in (1, 2) and all(one in LANGUAGE_OF for one in voices):
        return plain
    try:
        return VOICES[known_as(plain, LANGUAGES)][0]
    except OptionError:
        raise OptionError(
            f"Kokoro has no voice '{name[:40]}'; it can be {', '.join(LANGUAGE_OF)}, two of them as one+another, or a "
            f"language. {nearest(plain[:40], [*LANGUAGE_OF, *LANGUAGES])}"
        ) from None


def native_voice(voice: str, language: str) -> str:
    """A voice of ``language``, of the same gender if there is one."""
    same = [one for one in VOICES[language] if one[1] == voice[1]]
    return (same or list(VOICES[language]))[0]


__all__ = ["KokoroOptions", "KokoroVoice", "native_voice", "open_kokoro", "unavailable_reason", "voice_called"]
