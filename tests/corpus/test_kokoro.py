"""Kokoro in the corpus: phones of ours with their times, sentences that make sense, nothing spoken twice."""

from random import Random

import numpy as np
import pytest

from lipsmith.corpus.builder import SOURCES, CorpusOptions, CorpusSource, build_corpus
from lipsmith.corpus.kokoro import Kokoro
from lipsmith.corpus.prose import PATTERNS, WORDS, natural_sentence
from lipsmith.corpus.remembered import Remembered
from lipsmith.corpus.store import load_utterances
from lipsmith.corpus.utterance import Delivery
from lipsmith.speech.phones import PHONES
from lipsmith.tts.espeak_library import EspeakLibrary, has_espeak
from lipsmith.tts.kokoro import LANGUAGE_OF
from lipsmith.tts.kokoro_model import KokoroModel
from tests.support.fake_synthesiser import FakeSynthesiser
from tests.support.kokoro_files import write_files

pytest.importorskip("onnxruntime")
DELIVERY = Delivery("af_heart", "en-us")


@pytest.fixture(scope="module")
def kokoro(tmp_path_factory):
    if not has_espeak():
        pytest.skip("eSpeak NG is not installed")
    return Kokoro(KokoroModel.open(*write_files(tmp_path_factory.mktemp("kokoro")), threads=1), EspeakLibrary.open())


def test_an_utterance_has_phones_over_its_whole_length(kokoro):
    utterance = kokoro.speak("Peter has a big boat.", DELIVERY)
    assert utterance.voice == "kokoro:af_heart"
    assert (utterance.segments[0].start, utterance.segments[-1].stop) == (0, len(utterance.samples))
    assert all(a.stop == b.start < b.stop for a, b in zip(utterance.segments[:-1], utterance.segments[1:], strict=True))
    symbols = [segment.symbol for segment in utterance.segments]
    assert set(symbols) <= set(PHONES)
    assert "".join(symbols).replace("sil", "").startswith("piɾəɹhəzəbɪɡboʊt")
    assert np.abs(utterance.samples).max() == pytest.approx(0.5, abs=0.1)


def test_what_it_cannot_speak_is_none(kokoro):
    assert kokoro.speak("Hello there.", Delivery("af_nobody", "en-us")) is None
    assert kokoro.speak("?", DELIVERY) is None
    assert kokoro.speak("a word " * 200, DELIVERY) is None


def test_a_build_that_stopped_speaks_only_what_is_missing(tmp_path):
    class Slow(FakeSynthesiser):
        spoken = 0

        def speak(self, text, delivery):
            self.spoken += 1
            return super().speak(text + " badefiklomo", delivery)

    sources = (CorpusSource("kokoro", "kokoro", ("af_sky", "bf_emma"), ("en",), 0.3),)
    made = []
    for _ in range(2):
        made.append(Slow("kokoro"))
        remembered = Remembered(made[-1], tmp_path / "spoken")
        build_corpus(CorpusOptions(tmp_path / f"{len(made)}", sources=sources), {"kokoro": remembered})
    assert [one.spoken > 0 for one in made] == [True, False]
    first, again = (load_utterances(tmp_path / name / "kokoro.npz") for name in "12")
    assert [one.text for one in first] == [one.text for one in again]
    assert all(np.array_equal(one.samples, other.samples) for one, other in zip(first, again, strict=True))
    assert len(list((tmp_path / "spoken").glob("*.npz"))) == len(first)
    voices = {voice.partition(":")[2] for voice in (one.voice for one in first)}
    assert voices <= {"af_sky", "bf_emma"}  # one of each accent: nothing to mix


def test_voices_are_mixed_with_those_of_their_language(tmp_path):
    sources = (CorpusSource("kokoro", "kokoro", ("ef_dora", "em_alex", "if_sara"), ("es", "it"), 1.0),)
    build_corpus(CorpusOptions(tmp_path, sources=sources), {"kokoro": FakeSynthesiser("kokoro")})
    voices = {one.voice.partition(":")[2] for one in load_utterances(tmp_path / "kokoro.npz")}
    assert {"ef_dora", "em_alex", "if_sara"} <= voices
    assert voices & {"ef_dora+em_alex", "em_alex+ef_dora"}
    assert not any("if_sara" in voice and "+" in voice for voice in voices)


def test_every_voice_of_the_corpus_is_one_of_kokoros():
    sources = [source for source in SOURCES if source.synthesiser == "kokoro"]
    assert 14 <= sum(source.minutes for source in sources if not source.held_out) <= 20
    assert {voice for source in sources for voice in source.voices} <= set(LANGUAGE_OF)
    english = {voice for source in sources for voice in source.voices if LANGUAGE_OF[voice].startswith("en")}
    assert len(english) == 28


def test_sentences_are_whole_and_repeatable():
    made = [natural_sentence(Random(seed)) for seed in range(200)]
    assert made == [natural_sentence(Random(seed)) for seed in range(200)]
    assert len(set(made)) > 190
    for text in made:
        assert "<" not in text
        assert text[0].isupper()
        assert text[-1] in ".?!"
    assert all(f"<{name}>" in " ".join(PATTERNS) for name in WORDS)
    assert "A orchard" not in " ".join(made)
