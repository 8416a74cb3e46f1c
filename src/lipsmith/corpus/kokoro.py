"""Kokoro-82M as a synthesiser of the corpus: natural voices, with phone times from the network's own durations."""

from __future__ import annotations

from ..tts.espeak_library import EspeakLibrary
from ..tts.kokoro_model import RATE, KokoroModel
from ..tts.kokoro_phonemes import MOST_SYMBOLS, to_symbols
from ..tts.kokoro_times import ipa_starts, phone_times
from ..tts.kokoro_weights import KOKORO
from ..weights import search
from .utterance import Delivery, LabelledUtterance, make_segments, peak_normalised, resample_whole, with_closures

SLOWEST, FASTEST = 0.75, 1.3
"""Speeds beyond these slur, or fall apart."""


class Kokoro:
    """Speaks English and the Romance languages on one core, a little faster than real time.

    ``Delivery.voice`` is a voice, or ``one+another`` for the mean of two. Its pitch and intonation are the voice's own.
    One instance per process; not thread-safe.
    """

    name = "kokoro"
    version = "v1.0 int8"

    def __init__(self, model: KokoroModel, espeak: EspeakLibrary) -> None:
        self._model, self._espeak = model, espeak

    @classmethod
    def open(cls, espeak: EspeakLibrary) -> Kokoro | None:
        """Open the weights; None if they are not on this machine.

        Raises:
            InputError: they are damaged.
        """
        found = search(KOKORO)
        if found is None:
            return None
        voices = found.folder / found.part.companions[0].name
        return cls(KokoroModel.open(found.path, voices, threads=1), espeak)

    def speak(self, text: str, delivery: Delivery) -> LabelledUtterance | None:
        symbols = to_symbols(self._espeak, text, delivery.language)
        if not 1 <= len(symbols) <= MOST_SYMBOLS or not set(delivery.voice.split("+")) <= set(self._model.voices):
            return None
        speed = min(FASTEST, max(SLOWEST, delivery.tempo))
        sound = self._model.synthesise(symbols, delivery.voice, speed)
        if len(sound.samples) < 0.7 * RATE:
            return None
        samples = peak_normalised(resample_whole(sound.samples, RATE))
        segments = make_segments(ipa_starts(phone_times(symbols, sound)), len(samples))
        return LabelledUtterance(f"kokoro:{delivery.voice}", text, samples, with_closures(segments, samples))
