"""What a voice is: text in, sound out, piece by piece."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass
from typing import Protocol

from ..errors import OptionError
from ..options import nearest
from ..types import Samples
from .languages import known_as
from .sentences import sentences, speakable


@dataclass(frozen=True, slots=True)
class SpokenPhone:
    """A phone that begins within a piece of speech; it lasts until the next one begins."""

    sample: int  # in the piece, at its rate
    ipa: str  # "" for a pause


@dataclass(frozen=True, slots=True, eq=False)
class SpokenSound:
    """A piece of speech."""

    samples: Samples  # (n,)
    rate: int  # Hz
    phones: tuple[SpokenPhone, ...] = ()  # in order; empty for a voice that does not know them


SLOWEST, FASTEST = 0.5, 2.0
"""Speeds that can be asked for: how many times as fast as usual."""


@dataclass(frozen=True, slots=True)
class SpeechStyle:
    """How one text is spoken."""

    language: str = ""  # one of the voice's languages; "": guessed from the letters
    voice: str = ""  # one of the voice's ``voices``; "": the usual one
    speed: float = 1.0  # SLOWEST to FASTEST


DEFAULT_STYLE = SpeechStyle()


class Voice(Protocol):
    """A text-to-speech voice. It belongs to one event loop and may speak several texts at a time."""

    @property
    def name(self) -> str:
        """A name to show, such as ``espeak:en-us``."""
        ...

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that ``speak`` accepts; empty where the voice detects the language itself."""
        ...

    @property
    def voices(self) -> tuple[str, ...]:
        """The names that ``speak`` accepts as a style's voice; empty where a service knows them alone."""
        ...

    def speak(self, text: str, style: SpeechStyle = DEFAULT_STYLE) -> AsyncGenerator[SpokenSound, None]:
        """Speak ``text``; closing the iterator drops the rest.

        Raises:
            OptionError: an unknown language or voice.
            VoiceError: the text cannot be spoken.
        """
        ...

    async def close(self) -> None:
        """Release what the voice holds."""
        ...


def readable(text: str) -> list[str]:
    """The sentences of ``text`` that can be spoken, in order.

    Raises:
        OptionError: there is none.
    """
    pieces = [_plain(piece) for piece in sentences(text) if speakable(piece)]
    if not pieces:
        raise OptionError("There is nothing to say: the text holds no letter and no digit.")
    return pieces


def style_for(voice: Voice, language: str = "", name: str = "", speed: float = 1.0) -> SpeechStyle:
    """The style in which ``voice`` can speak, from what a caller asks for; empty texts leave the choice to the voice.

    Raises:
        OptionError: the voice has no such language or voice, or the speed is out of range; names the nearest.
    """
    if not SLOWEST <= speed <= FASTEST:
        raise OptionError(f"speed is {speed:g}; it can be {SLOWEST:g} to {FASTEST:g} times the usual one.")
    if name and voice.voices and name not in voice.voices:
        raise OptionError(f"There is no voice '{name[:40]}' here. {nearest(name[:40], voice.voices)}")
    known = known_as(language, voice.languages) if language and voice.languages else ""
    return SpeechStyle(known, name, speed)


async def read_aloud(
    voice: Voice, pieces: Iterable[str], style: SpeechStyle = DEFAULT_STYLE
) -> AsyncGenerator[SpokenSound, None]:
    """Speak ``pieces`` one after the other. Raises as ``Voice.speak``."""
    for piece in pieces:
        async for sound in voice.speak(piece, style):
            yield sound


def _plain(text: str) -> str:
    """``text`` as one line without control characters."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


__all__ = [
    "DEFAULT_STYLE",
    "FASTEST",
    "SLOWEST",
    "SpeechStyle",
    "SpokenPhone",
    "SpokenSound",
    "Voice",
    "read_aloud",
    "readable",
    "style_for",
]
