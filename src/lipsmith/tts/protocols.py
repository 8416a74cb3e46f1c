"""What a voice is: text in, sound out, piece by piece."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass
from typing import Protocol

from ..errors import OptionError
from ..types import Samples
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

    def speak(self, text: str, language: str = "") -> AsyncGenerator[SpokenSound, None]:
        """Speak ``text``; closing the iterator drops the rest.

        Args:
            language: one of ``languages``; "": guessed from the text's letters.

        Raises:
            OptionError: an unknown language.
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


async def read_aloud(voice: Voice, pieces: Iterable[str], language: str = "") -> AsyncGenerator[SpokenSound, None]:
    """Speak ``pieces`` one after the other. Raises as ``Voice.speak``."""
    for piece in pieces:
        async for sound in voice.speak(piece, language):
            yield sound


def _plain(text: str) -> str:
    """``text`` as one line without control characters."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


__all__ = ["SpokenPhone", "SpokenSound", "Voice", "read_aloud", "readable"]
