"""eSpeak NG through its C library: over a hundred languages, phone events with their sample."""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib.util
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..types import Samples
from .utterance import Delivery, Utterance, at_hearing_rate, levelled, segmented, with_closures

_PHONEME_EVENTS, _IPA_EVENTS = 0x1, 0x2  # espeakINITIALIZE_*
_SYNCHRONOUS, _UTF8 = 2, 1  # AUDIO_OUTPUT_SYNCHRONOUS, espeakCHARS_UTF8
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


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


@dataclass(slots=True)
class _Recording:
    blocks: list[Samples] = field(default_factory=list)
    phones: list[tuple[int, str]] = field(default_factory=list)

    def hear(self, sound: Any, count: int, events: Any) -> int:
        if count > 0 and sound:
            self.blocks.append(np.ctypeslib.as_array(sound, (count,)).astype(np.float32) / 32768)
        index = 0
        while events[index].type != 0:
            if events[index].type == _PHONEME:
                name = bytes(events[index].id.string).split(b"\0")[0].decode("utf-8", "replace")
                self.phones.append((events[index].sample, name))
            index += 1
        return 0


class Espeak:
    """The library, opened once; it keeps one voice at a time, so one instance per process and no threads."""

    name = "espeak"

    def __init__(self, library: Any, rate: int) -> None:
        self._library = library
        self._rate = rate
        self._recording = _Recording()
        self._callback = _Callback(lambda sound, count, events: self._recording.hear(sound, count, events))
        library.espeak_SetSynthCallback(self._callback)
        library.espeak_Info.restype = ctypes.c_char_p
        self.version = library.espeak_Info(None).decode()

    @classmethod
    def open(cls) -> Espeak | None:
        """The library of PyPI's ``espeakng-loader``, else the system's; None where there is neither."""
        found = _packaged() or _installed()
        if found is None:
            return None
        library, data = found
        rate = library.espeak_Initialize(_SYNCHRONOUS, 0, data, _PHONEME_EVENTS | _IPA_EVENTS)
        return cls(library, rate) if rate > 0 else None

    def speak(self, text: str, delivery: Delivery) -> Utterance | None:
        if self._library.espeak_SetVoiceByName(delivery.voice.encode()) != 0:
            return None
        for parameter, value in (
            (_RATE, _WORDS_PER_MINUTE * delivery.tempo),
            (_PITCH, 50 * delivery.pitch),
            (_RANGE, 50 * delivery.liveliness),
        ):
            self._library.espeak_SetParameter(parameter, round(value), 0)
        self._recording = _Recording()
        encoded = text.encode() + b"\0"
        self._library.espeak_Synth(encoded, ctypes.c_size_t(len(encoded)), 0, 1, 0, _UTF8, None, None)
        self._library.espeak_Synchronize()
        return self._utterance(text, delivery)

    def _utterance(self, text: str, delivery: Delivery) -> Utterance | None:
        if sum(map(len, self._recording.blocks)) < 0.7 * self._rate:
            return None
        samples = at_hearing_rate(np.concatenate(self._recording.blocks), self._rate)
        starts = [(at / self._rate, ipa) for at, ipa in self._recording.phones if not ipa.startswith("(")]
        segments = segmented(_in_order(starts), len(samples))
        samples = levelled(samples)
        return Utterance(f"espeak:{delivery.voice}", text, samples, with_closures(segments, samples))


def _in_order(starts: list[tuple[float, str]]) -> list[tuple[float, str]]:
    """Drop a phone that the next one, at the same sample, takes the place of."""
    following = [start for start, _ in starts[1:]] + [float("inf")]
    return [pair for pair, after in zip(starts, following, strict=True) if pair[0] < after]


def _packaged() -> tuple[Any, bytes] | None:
    if importlib.util.find_spec("espeakng_loader") is None:
        return None
    import espeakng_loader

    return ctypes.CDLL(espeakng_loader.get_library_path()), espeakng_loader.get_data_path().encode()


def _installed() -> tuple[Any, None] | None:
    path = ctypes.util.find_library("espeak-ng")
    return (ctypes.CDLL(path), None) if path else None
