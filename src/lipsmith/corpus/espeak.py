"""eSpeak NG as a synthesiser of the corpus: its speech with phone times."""

from __future__ import annotations

from ..tts.espeak_library import EspeakLibrary, EspeakRecording
from .utterance import Delivery, LabelledUtterance, make_segments, peak_normalised, resample_whole, with_closures


class Espeak:
    """Speaks over a hundred languages. One instance per process; not thread-safe."""

    name = "espeak"

    def __init__(self, library: EspeakLibrary) -> None:
        self._library = library
        self.version = library.version

    def speak(self, text: str, delivery: Delivery) -> LabelledUtterance | None:
        manner = (delivery.tempo, delivery.pitch, delivery.intonation)
        recording = self._library.speak(text, delivery.voice, *manner)
        return self._utterance(text, delivery, recording) if recording else None

    def _utterance(self, text: str, delivery: Delivery, recording: EspeakRecording) -> LabelledUtterance | None:
        rate = self._library.rate
        if len(recording.samples) < 0.7 * rate:
            return None
        samples = resample_whole(recording.samples, rate)
        starts = [(at / rate, ipa) for at, ipa in recording.phones if not ipa.startswith("(")]
        segments = make_segments(_without_empty_phones(starts), len(samples))
        samples = peak_normalised(samples)
        return LabelledUtterance(f"espeak:{delivery.voice}", text, samples, with_closures(segments, samples))


def _without_empty_phones(starts: list[tuple[float, str]]) -> list[tuple[float, str]]:
    """Drop a phone that starts with the next one: it has no duration."""
    following = [start for start, _ in starts[1:]] + [float("inf")]
    return [pair for pair, after in zip(starts, following, strict=True) if pair[0] < after]
