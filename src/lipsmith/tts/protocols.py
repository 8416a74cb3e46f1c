"""Voices: text in, sound out, piece by piece."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass
from typing import Protocol

from ..errors import OptionError
from ..types import Samples
from .sentences import sentences, speakable


@dataclass(frozen=True, slots=True, eq=False)
class SpokenSound:
    """A piece of what is being said."""

    samples: Samples  # (n,)
    rate: int  # Hz


class Voice(Protocol):
    """Somebody who reads aloud. For one event loop; several texts at a time."""

    @property
    def name(self) -> str:
        """For people: ``espeak:en-us``."""
        ...

    @property
    def languages(self) -> tuple[str, ...]:
        """What ``speak`` takes as language; empty where the voice finds out by itself."""
        ...

    def speak(self, text: str, language: str = "") -> AsyncGenerator[SpokenSound, None]:
        """Say ``text``; what is left is given up when the iterator is closed.

        Args:
            language: one of ``languages``; "": as its letters tell.

        Raises:
            OptionError: an unknown language.
            VoiceError: it cannot be said.
        """
        ...

    async def close(self) -> None:
        """Speak no more."""
        ...


def readable(text: str) -> list[str]:
    """The pieces of ``text`` that sound, in order, ready for a voice.

    Raises:
        OptionError: there is none.
    """
    pieces = [_plain(piece) for piece in sentences(text) if speakable(piece)]
    if not pieces:
        raise OptionError("There is nothing to say: the text holds no letter and no digit.")
    return pieces


async def read_aloud(voice: Voice, pieces: Iterable[str], language: str = "") -> AsyncGenerator[SpokenSound, None]:
    """Say ``pieces`` one after the other. Raises as ``Voice.speak``."""
    for piece in pieces:
        async for sound in voice.speak(piece, language):
            yield sound


def _plain(text: str) -> str:
    """One line without control characters."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


__all__ = ["SpokenSound", "Voice", "read_aloud", "readable"]
