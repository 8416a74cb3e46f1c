"""Kokoro's network returns how long each symbol lasts, though its file does not; its voices are read without pickle."""

import numpy as np
import pytest

from lipsmith.errors import InputError
from lipsmith.tts.kokoro_model import DURATIONS, HOP, KokoroModel, read_voices, with_output
from lipsmith.tts.kokoro_phonemes import SYMBOLS
from tests.support.kokoro_files import network, styles, write_files

onnxruntime = pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return KokoroModel.open(*write_files(tmp_path_factory.mktemp("kokoro")), threads=1)


def test_an_output_is_added_and_the_first_one_stays():
    plain, more = (onnxruntime.InferenceSession(graph) for graph in (network(), with_output(network(), DURATIONS)))
    assert [one.name for one in plain.get_outputs()] == ["audio"]
    assert [one.name for one in more.get_outputs()] == ["audio", DURATIONS]
    given = {
        "tokens": np.array([[0, 5, 7, 0]]),
        "style": np.ones((1, 256), np.float32),
        "speed": np.ones(1, np.float32),
    }
    sound, durations = more.run(None, given)
    assert np.array_equal(plain.run(None, given)[0], sound)
    assert durations.tolist() == [[1, 3, 2, 1]]


def test_the_durations_are_those_of_the_sound(model):
    symbols = "həlˈO, wˈɜɹld!"
    sound = model.synthesise(symbols, "af_heart")
    assert len(sound.durations) == len(symbols) + 2
    assert sound.durations[1:-1].tolist() == [SYMBOLS[symbol] % 3 + 1 for symbol in symbols]
    assert len(sound.samples) == sound.durations.sum() * HOP
    assert np.array_equal(sound.samples, model.synthesise(symbols, "af_heart").samples)


@pytest.mark.parametrize(("voice", "level"), [("af_heart", 0.1), ("af_sky", 0.3), ("af_heart+af_sky", 0.2)])
def test_the_style_is_that_of_the_voice_and_of_the_length(model, voice, level):
    assert model.synthesise("a", voice).samples[0] == pytest.approx(level, abs=1e-6)
    assert model.synthesise("ab" * 50, voice).samples[0] == pytest.approx(level + 0.0099, abs=1e-6)
    assert model.synthesise("a" * 510, voice, speed=2).samples[0] == pytest.approx((level + 0.0509) / 2, abs=1e-6)


def test_what_is_not_the_network_is_told(tmp_path):
    path, voices = write_files(tmp_path)
    with pytest.raises(InputError, match="none called 'zz'; it has af_heart, af_sky, bf_emma"):
        KokoroModel.open(path, voices).synthesise("a", "zz")
    path.write_bytes(network("/other/name"))
    with pytest.raises(InputError, match=r"not Kokoro's network"):
        KokoroModel.open(path, voices)
    path.write_bytes(b"<html>")
    with pytest.raises(InputError, match=r"not Kokoro's network"):
        KokoroModel.open(path, voices)


def test_durations_that_do_not_fit_the_sound_are_refused():
    class Odd:
        def run(self, _, given):
            return np.zeros(600, np.float32), np.ones(given["tokens"].shape, np.int64)

    with pytest.raises(InputError, match=r"3 durations and 600 samples for 3 symbols.*--checksums"):
        KokoroModel(Odd(), styles()).synthesise("a", "af_heart")


def test_a_folder_of_voices_is_the_same_as_the_official_file(tmp_path):
    _, voices = write_files(tmp_path)
    for name, style in styles().items():
        style.astype("<f4").tofile(tmp_path / f"{name}.bin")
    voices.rename(tmp_path / "voices.npz")
    npz, folder = read_voices(tmp_path / "voices.npz"), read_voices(tmp_path)
    assert list(npz) == list(folder) == ["af_heart", "af_sky", "bf_emma"]
    assert all(np.array_equal(npz[name], folder[name]) for name in npz)


def test_voices_of_another_kind_are_refused(tmp_path):
    with (tmp_path / "odd.bin").open("wb") as file:
        np.savez(file, af_heart=np.zeros((5, 256), np.float32))
    (tmp_path / "cut.bin").write_bytes(b"PK\x03\x04 cut off")
    with (tmp_path / "pickled.bin").open("wb") as file:
        np.savez(file, af_heart=np.array([{"a": 1}], object))
    for name in ("odd", "cut", "pickled", "absent"):
        with pytest.raises(InputError, match="Kokoro's voices"):
            read_voices(tmp_path / f"{name}.bin")
