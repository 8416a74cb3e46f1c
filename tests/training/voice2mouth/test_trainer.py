"""The training, on a corpus of tones: it learns, it resumes, and what is written is what was learnt."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from lipsmith.errors import EngineUnavailable, InputError
from lipsmith.libraries import install_hint
from lipsmith.training.voice2mouth import trainer
from lipsmith.training.voice2mouth.trainer import TrainOptions, one_cycle


def test_the_learning_rate_rises_then_falls_to_nearly_nothing():
    course = [one_cycle(share) for share in np.linspace(0, 1, 101)]
    assert max(course) == pytest.approx(1, abs=0.01)
    assert course.index(max(course)) == 8
    assert course[0] < 0.1
    assert course[-1] < 0.001


def test_without_torch_the_remedy_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    with pytest.raises(EngineUnavailable, match=re.escape(install_hint("train"))):
        trainer.train(TrainOptions(tmp_path, tmp_path / "x.onnx"))


@pytest.fixture
def options(tmp_path, monkeypatch):
    pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from lipsmith.corpus.builder import CorpusOptions, CorpusSource, build_corpus
    from lipsmith.corpus.utterance import LabelledUtterance, make_segments

    class Tones:
        name, version = "fake", "1"

        def speak(self, text, delivery):
            letters = [letter for letter in text if letter in "abemou"][:12]
            time = np.arange(2400) / 16_000
            tones = [np.sin(2 * np.pi * 400 * ("abemou".index(letter) + 1) * time) for letter in letters]
            if len(tones) < 6:
                return None
            samples = (0.4 * np.concatenate(tones)).astype(np.float32)
            starts = [(index * 0.15, letter) for index, letter in enumerate(letters)]
            return LabelledUtterance("fake:tones", text, samples, make_segments(starts, len(samples)))

    sources = (
        CorpusSource("one", "fake", ("a",), ("it",), 0.5),
        CorpusSource("two", "fake", ("b",), ("it",), 0.1, held_out=True),
    )
    build_corpus(CorpusOptions(tmp_path, sources=sources), {"fake": Tones()})
    monkeypatch.setattr(trainer, "noise_mels", lambda seed: [np.full((900, 40), -12, np.float32)])
    return TrainOptions(
        tmp_path, tmp_path / "student.onnx", steps=12, clips=4, clip_steps=20, width=12, dense=16, hidden=8
    )


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_it_trains_and_writes_what_it_learnt(options):
    from lipsmith.speech.student import read_student

    told = []
    figures = trainer.train(options, lambda stage, share: told.append((stage, share)))
    model = options.output.read_bytes()
    assert figures["bytes"] == len(model)
    assert json.loads(options.output.with_suffix(".json").read_text()) == json.loads(json.dumps(figures))
    assert {"held_out_speech", "mean_opening_without_speech", "corpus"} <= set(figures)
    student = read_student(model)
    drive, after = student.step(np.zeros((12, 40), np.float32), student.initial_state)
    assert drive.shape == (8,)
    assert after.shape == student.initial_state.shape
    assert told[0][0] == "reading the corpus"

    resumed = trainer.Trainer(options)  # its checkpoint is complete: nothing is left to learn
    resumed.run(None, lambda *_: None)
    assert resumed.losses == []
    with pytest.raises(InputError, match="other options"):
        trainer.Trainer(replace(options, steps=13))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_training_that_was_broken_off_ends_in_the_same_file(options, monkeypatch):
    monkeypatch.setattr(trainer, "_scores", lambda options, model: {})
    trainer.train(options)
    whole = options.output.read_bytes()
    (options.folder / "checkpoint.pt").unlink()
    monkeypatch.setattr(trainer, "_SAVE_EVERY", 5)
    step = trainer.Trainer._step

    def until_the_ninth(self, dataset):
        if self._done == 8:
            raise KeyboardInterrupt
        return step(self, dataset)

    monkeypatch.setattr(trainer.Trainer, "_step", until_the_ninth)
    with pytest.raises(KeyboardInterrupt):
        trainer.train(options)
    taken = []
    monkeypatch.setattr(trainer.Trainer, "_step", lambda self, dataset: taken.append(1) or step(self, dataset))
    trainer.train(options)
    assert len(taken) == 7  # it stood at the fifth of twelve
    assert options.output.read_bytes() == whole


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_student_that_begins_with_trained_weights_goes_on_from_them(options, monkeypatch):
    monkeypatch.setattr(trainer, "_scores", lambda options, model: {})
    trainer.train(options)
    (options.folder / "checkpoint.pt").unlink()
    start = options.output.rename(options.folder / "start.onnx")
    further = trainer.Trainer(replace(options, start=start, steps=2, rate=0.0))
    further.run(trainer.Dataset.of(trainer.training_samples(options.folder, 2), trainer.noise_mels(2)), lambda *_: None)
    assert trainer.read_weights(start.read_bytes()).keys() == further.averaged().state_dict().keys()
    for name, value in further.averaged().state_dict().items():
        assert np.allclose(value.numpy(), trainer.read_weights(start.read_bytes())[name], atol=1e-3), name
    with pytest.raises(InputError, match="other sizes"):
        trainer.Trainer(replace(options, start=start, hidden=9, folder=options.output.parent / "new"))


def test_the_file_computes_what_the_network_does():
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from lipsmith.speech.student import read_student
    from lipsmith.training.voice2mouth.network import StudentSize, build_network, forward
    from lipsmith.training.voice2mouth.onnx_export import OutputScaling, to_onnx

    torch.manual_seed(1)
    shape = StudentSize(width=12, dense=16, hidden=8)
    net = build_network(shape).half().float()  # weights that 16 bits hold exactly
    rest, gain = np.linspace(0, 0.3, 8, dtype=np.float32), np.linspace(1, 2, 8, dtype=np.float32)
    student = read_student(to_onnx(net, shape, OutputScaling(rest, gain)))
    mel = torch.randn(1, 5, 12 * 40)
    with torch.no_grad():
        expected = np.clip(gain * (forward(net, mel)[0][0].numpy() - rest), 0, 1)
    state = np.zeros((2, 8), np.float32)
    for step in range(5):
        drive, state = student.step(mel[0, step].numpy().reshape(12, 40), state)
        assert np.abs(drive - expected[step]).max() < 1e-5


def test_a_start_that_is_no_student_is_refused():
    pytest.importorskip("onnx")
    with pytest.raises(InputError, match="no student network"):
        trainer.read_weights(b"no network")
