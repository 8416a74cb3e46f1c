"""eSpeak NG through its C library: over a hundred languages, sound with the sample at which each phone begins."""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib.util
import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..types import Samples

_PHONEME_EVENTS, _IPA_EVENTS = 0x1, 0x2  # espeakINITIALIZE_*
_SYNCHRONOUS, _UTF8 = 2, 1  # AUDIO_OUTPUT_SYNCHRONOUS, espeakCHARS_UTF8: no markup, no phonemes in the text
_IPA, _TIED = 0x02, 0x80  # phoneme modes of espeak_TextToPhonemes; the sign that ties stands above bit 8
_RATE, _PITCH, _RANGE = 1, 3, 4  # espeak_PARAMETER
_PHONEME = 7  # espeakEVENT_PHONEME
_WORDS_PER_MINUTE = 170


class _Name(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Name),
    ]


class _Speaker(ctypes.Structure):
    """The beginning of ``espeak_VOICE``; its languages begin after a byte of priority."""

    _fields_ = [("name", ctypes.c_char_p), ("languages", ctypes.c_char_p), ("identifier", ctypes.c_char_p)]


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


@dataclass(slots=True)
class EspeakRecording:
    """Speech with its phones."""

    blocks: list[Samples] = field(default_factory=list)  # (n,) each, at the library's rate
    phones: list[tuple[int, str]] = field(default_factory=list)  # first sample, IPA

    @property
    def samples(self) -> Samples:
        """(n,) of all blocks."""
        return np.concatenate(self.blocks) if self.blocks else np.zeros(0, np.float32)

    def receive(self, sound: Any, count: int, events: Any) -> int:
        """The library's callback: takes a block of 16-bit samples, and events up to one of type 0."""
        if count > 0 and sound:
            self.blocks.append(np.ctypeslib.as_array(sound, (count,)).astype(np.float32) / 32768)
        index = 0
        while events[index].type != 0:
            if events[index].type == _PHONEME:
                name = bytes(events[index].id.string).split(b"\0")[0].decode("utf-8", "replace")
                self.phones.append((events[index].sample, name))
            index += 1
        return 0


class EspeakLibrary:
    """The library, which keeps one voice at a time: open it once per process and use it from one thread."""

    def __init__(self, library: Any, rate: int) -> None:
        self._library, self.rate = library, rate
        self._recording = EspeakRecording()
        self._callback = _Callback(lambda sound, count, events: self._recording.receive(sound, count, events))
        library.espeak_SetSynthCallback(self._callback)
        library.espeak_Info.restype = ctypes.c_char_p
        self.version: str = library.espeak_Info(None).decode()

    @classmethod
    def open(cls) -> EspeakLibrary | None:
        """Open the library of PyPI's ``espeakng-loader``, else the system's; None where there is neither."""
        found = _packaged() or _installed()
        if found is None:
            return None
        library, data = found
        rate = library.espeak_Initialize(_SYNCHRONOUS, 0, data, _PHONEME_EVENTS | _IPA_EVENTS)
        return cls(library, rate) if rate > 0 else None

    def languages(self) -> dict[str, str]:
        """Language code (``cmn``, ``en-us``, ...) -> name of the voice for ``speak``, sorted by code."""
        listed = self._library.espeak_ListVoices
        listed.restype = ctypes.POINTER(ctypes.POINTER(_Speaker))
        voices, found, index = listed(None), {}, 0
        while voices[index]:
            speaker = voices[index].contents
            place = (speaker.identifier or b"").decode("utf-8", "replace")
            if speaker.languages and place and not place.startswith("mb/"):  # those need MBROLA
                found[speaker.languages[1:].decode("utf-8", "replace")] = place.rpartition("/")[2]
            index += 1
        return dict(sorted(found.items()))

    def speak(
        self, text: str, voice: str, tempo: float = 1.0, pitch: float = 1.0, liveliness: float = 1.0
    ) -> EspeakRecording | None:
        """Speak ``text``; None: there is no such voice. 1 is the voice's own tempo, pitch and liveliness."""
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            return None
        for parameter, value in ((_RATE, _WORDS_PER_MINUTE * tempo), (_PITCH, 50 * pitch), (_RANGE, 50 * liveliness)):
            self._library.espeak_SetParameter(parameter, round(value), 0)
        self._recording = EspeakRecording()
        encoded = _utf8(text) + b"\0"
        self._library.espeak_Synth(encoded, ctypes.c_size_t(len(encoded)), 0, 1, 0, _UTF8, None, None)
        self._library.espeak_Synchronize()
        return self._recording

    def phonemes(self, text: str, voice: str, tie: str = "^") -> list[str] | None:
        """IPA of ``text`` clause by clause, without punctuation; ``tie`` joins the letters of one phone.

        None: there is no such voice. Marks of a change of language, ``(en)``, are dropped.
        """
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            return None
        convert = self._library.espeak_TextToPhonemes
        convert.restype = ctypes.c_char_p
        convert.argtypes = [ctypes.POINTER(ctypes.c_char_p), ctypes.c_int, ctypes.c_int]
        rest, clauses = ctypes.c_char_p(_utf8(text)), []
        while rest.value:  # each call takes one clause and moves on; at the end the pointer is null
            found = convert(ctypes.byref(rest), _UTF8, _IPA | _TIED | ord(tie) << 8) or b""
            clauses.append(re.sub(r"\([a-z-]+\)", "", found.decode("utf-8", "replace")).strip())
        return clauses


def _utf8(text: str) -> bytes:
    """The bytes of a text as C takes them: without zero bytes, and "?" for what has no bytes."""
    return text.replace("\0", " ").encode("utf-8", "replace")


def has_espeak() -> bool:
    """Whether the library is on this machine; it is not loaded."""
    return bool(importlib.util.find_spec("espeakng_loader") or ctypes.util.find_library("espeak-ng"))


def _packaged() -> tuple[Any, bytes] | None:
    if importlib.util.find_spec("espeakng_loader") is None:
        return None
    import espeakng_loader

    return ctypes.CDLL(espeakng_loader.get_library_path()), espeakng_loader.get_data_path().encode()


def _installed() -> tuple[Any, None] | None:
    path = ctypes.util.find_library("espeak-ng")
    return (ctypes.CDLL(path), None) if path else None


__all__ = ["EspeakLibrary", "EspeakRecording", "has_espeak"]
