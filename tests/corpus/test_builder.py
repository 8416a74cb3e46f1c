"""The corpus: the same seed makes the same files; held-out sentences are never trained on; missing voices are named."""

import numpy as np
import pytest

from lipsmith.corpus.builder import SOURCES, CorpusOptions, CorpusSource, build_corpus
from lipsmith.corpus.store import load_utterances, read_summary
from lipsmith.errors import InputError
from tests.support.fake_synthesiser import FakeSynthesiser

TINY = (
    CorpusSource("one", "fake", ("low", "high"), ("en", "it"), 0.1),
    CorpusSource("other", "fake", ("other",), ("de",), 0.05, held_out=True),
    CorpusSource("absent", "nobody", ("none",), ("en",), 1),
    CorpusSource("mute", "fake", ("mute",), ("en",), 1),
)


def made(folder, seed=2):
    synthesisers = {"fake": FakeSynthesiser(refuses=("mute",))}
    return build_corpus(CorpusOptions(folder, seed, sources=TINY), synthesisers)


def test_the_same_seed_makes_the_same_bytes(tmp_path):
    made(tmp_path / "a")
    made(tmp_path / "b")
    made(tmp_path / "c", seed=3)
    for name in ("one", "other"):
        first, again, third = (load_utterances(tmp_path / folder / f"{name}.npz") for folder in "abc")
        assert [each.text for each in first] == [each.text for each in again]
        assert all(np.array_equal(a.samples, b.samples) for a, b in zip(first, again, strict=True))
        assert [each.text for each in first] != [each.text for each in third]


def test_what_is_missing_is_named_and_skipped(tmp_path):
    report = made(tmp_path)
    assert set(report.minutes) == {"one", "other"}
    assert report.minutes["one"] >= 0.1
    assert [line.split(":")[0] for line in report.skipped] == ["absent", "mute"]
    assert set(report.dropped) == set(report.minutes)
    summary = read_summary(tmp_path)
    assert summary["trained"] == ["one"]
    assert summary["held_out"] == ["other"]
    assert summary["synthesisers"] == {"fake": "1"}


class Stumbler(FakeSynthesiser):
    """Gives nothing for every third sentence, as one that fails or hangs."""

    def __init__(self):
        super().__init__()
        self.asked = 0

    def speak(self, text, delivery):
        self.asked += 1
        return None if self.asked % 3 == 0 else super().speak(text + " badefiklomo", delivery)


def test_sentences_that_come_to_nothing_are_skipped_and_counted(tmp_path):
    stumbler = Stumbler()
    report = build_corpus(CorpusOptions(tmp_path, sources=TINY[:1]), {"fake": stumbler})
    assert report.minutes["one"] >= 0.1
    assert report.dropped == {"one": stumbler.asked // 3}
    assert read_summary(tmp_path)["dropped"] == report.dropped


def test_held_out_voices_and_sentences_are_never_trained_on(tmp_path):
    trained = {voice for source in SOURCES if not source.held_out for voice in source.voices}
    held_out = {voice for source in SOURCES if source.held_out for voice in source.voices}
    assert not trained & held_out
    made(tmp_path)
    sentences = [{each.text for each in load_utterances(tmp_path / f"{name}.npz")} for name in ("one", "other")]
    assert not sentences[0] & sentences[1]


def test_a_machine_without_synthesisers_is_told_what_to_install(tmp_path):
    with pytest.raises(InputError, match="espeakng-loader"):
        build_corpus(CorpusOptions(tmp_path), {})
