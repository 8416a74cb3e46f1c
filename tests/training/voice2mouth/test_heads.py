"""The whole training of the heads, on a corpus of tones: the same seed gives the same file, stopped or not."""

import json

import numpy as np
import pytest

from lipsmith.corpus.builder import CorpusOptions, CorpusSource, build_corpus
from lipsmith.corpus.utterance import LabelledUtterance, make_segments
from lipsmith.errors import InputError
from lipsmith.speech.encoder_windows import SlidingWindows
from lipsmith.speech.mouth_heads import read_heads
from lipsmith.training.voice2mouth import heads, pipeline
from lipsmith.training.voice2mouth.heads import HeadOptions, train_heads
from lipsmith.training.voice2mouth.pipeline import VoiceOptions, corpus_sources, student_options, train_voice2mouth
from lipsmith.training.voice2mouth.ridge import RidgeOptions


class Tones:
    """Speaks letters as tones: open vowels high, closed lips low."""

    name, version = "espeak", "1"

    def speak(self, text, delivery):
        letters = [letter for letter in text if letter in "abemou"][:20]
        if len(letters) < 6:
            return None
        time = np.arange(2400) / 16_000
        tones = [np.sin(2 * np.pi * 300 * ("abemou".index(letter) + 1) * time) for letter in letters]
        samples = (0.4 * np.concatenate(tones)).astype(np.float32)
        starts = [(index * 0.15, letter) for index, letter in enumerate(letters)]
        return LabelledUtterance(f"espeak:{delivery.voice}", text, samples, make_segments(starts, len(samples)))


SOURCES = (
    CorpusSource("espeak", "espeak", ("a",), ("it",), 0.3),
    CorpusSource("held-out-espeak", "espeak", ("b",), ("it",), 0.05, held_out=True),
)


@pytest.fixture
def options(tmp_path, monkeypatch):
    build_corpus(CorpusOptions(tmp_path / "work", sources=SOURCES), {"espeak": Tones()})
    monkeypatch.setattr(heads, "LIVE", SlidingWindows(width=60, block=40, ahead=2))
    monkeypatch.setattr(heads, "background_noises", lambda seed: [np.ones(160_000, np.float32) * 1e-4])
    monkeypatch.setattr(heads, "score_stillness", lambda curves, seed: {})
    small = RidgeOptions(1, 0, components=64)
    return HeadOptions(tmp_path / "work", tmp_path / "heads.npz", copies=1, file=small, live=small)


def test_the_heads_hear_and_the_same_seed_writes_the_same_file_also_when_stopped(options):
    told = []
    scores = train_heads(options, lambda stage, share: told.append(stage.split(",")[0]))
    assert told == ["hearing in WholeWindows", "fitting", "hearing in SlidingWindows", "fitting", "scoring the heads"]
    first = options.output.read_bytes()
    assert scores["bytes"] == len(first)
    assert json.loads(options.output.with_suffix(".json").read_text()) == json.loads(json.dumps(scores))
    assert scores["file"]["held_out_speech"]["jaw"] > 0.3
    assert scores["about"]["minutes"] == {"kokoro": 0.0, "espeak": pytest.approx(0.3, abs=0.06)}
    made = read_heads(options.output)
    assert (made.file.before, made.file.after, made.live.windows.block) == (1, 0, 40)
    stored = sorted((options.folder / "features").iterdir())
    stored[0].unlink()  # as if it had been stopped there
    train_heads(options, lambda *_: None)
    assert options.output.read_bytes() == first
    assert sorted((options.folder / "features").iterdir()) == stored


def test_a_corpus_without_a_known_synthesiser_is_refused(tmp_path):
    build_corpus(
        CorpusOptions(tmp_path, sources=(CorpusSource("flite-a", "espeak", ("a",), ("it",), 0.05),)),
        {"espeak": Tones()},
    )
    with pytest.raises(InputError, match="no speech by kokoro or espeak"):
        train_heads(HeadOptions(tmp_path, tmp_path / "heads.npz"), lambda *_: None)


def test_the_command_builds_what_is_missing_and_makes_the_part_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(pipeline, "train_heads", lambda options, _progress: {"heads of": str(options.output)})
    built = []
    monkeypatch.setattr(pipeline, "require_corpus", lambda options, _progress: built.append(options))
    made = train_voice2mouth(VoiceOptions(tmp_path, tmp_path / "work", "heads", seed=7, share=0.5))
    assert made == {"heads": {"heads of": str(tmp_path / "mouth_heads.npz")}}
    assert (built[0].folder, built[0].seed, built[0].share) == (tmp_path / "work", 7, 0.5)


@pytest.mark.parametrize("changed", [{"seed": 3}, {"share": 0.5}, {"start": "random"}])
def test_a_corpus_of_other_options_is_refused(options, monkeypatch, changed):
    monkeypatch.setattr(pipeline, "require_packages", lambda: None)
    monkeypatch.setattr(pipeline, "SOURCES", SOURCES)
    if "start" in changed:
        monkeypatch.setattr(pipeline, "SOURCES", (*SOURCES, CorpusSource("more", "flite", ("x",), ("en",), 1)))
    with pytest.raises(InputError, match=r"made with seed 2 and share 1\.0.*another folder|made without more"):
        train_voice2mouth(VoiceOptions(options.output.parent, options.folder, **changed))


def test_a_tuned_student_begins_as_shipped_and_takes_few_small_steps(tmp_path):
    tuned = student_options(VoiceOptions(tmp_path, tmp_path))
    fresh = student_options(VoiceOptions(tmp_path, tmp_path, start="random"))
    assert tuned.start.name == "voice2mouth.onnx"
    assert fresh.start is None
    assert tuned.steps < fresh.steps / 10
    assert tuned.rate < fresh.rate / 3
    with pytest.raises(InputError, match="no student"):
        student_options(VoiceOptions(tmp_path, tmp_path, start=str(tmp_path / "none.onnx")))


def test_only_a_student_from_nothing_needs_the_large_corpus(tmp_path):
    tuned, fresh = (corpus_sources(VoiceOptions(tmp_path, tmp_path, start=start)) for start in ("shipped", "random"))
    assert {source.synthesiser for source in tuned} == {"kokoro", "espeak"}
    assert sum(source.minutes for source in tuned) < 0.3 * sum(source.minutes for source in fresh)
    assert any(source.held_out for source in tuned)
