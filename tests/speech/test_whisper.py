"""Whisper's rows around every frame: MuseTalk's numbers in strict mode, the laws of an encoder in every mode."""

from fractions import Fraction

import numpy as np
import pytest

from lipsmith import errors
from lipsmith.speech import whisper as room
from lipsmith.speech.feature_streams import HIDDEN
from lipsmith.speech.feature_windows import WindowPlan, gather_windows, window_table
from lipsmith.speech.whisper import WhisperEncoder
from lipsmith.timing import frame_count
from tests.support.chunked import drives
from tests.support.goldens import golden_arrays, load_key_seeded, synth_audio

GOLDEN = golden_arrays("audio")
SPEECH = synth_audio(7.0).astype(np.float32) / 32_768
NTSC = Fraction(30_000, 1001)
PAL = Fraction(25)


class Ear:
    """150 rows (3 s) at once, in numpy."""

    steps = 150

    def hidden(self, mel, position=0):
        rows = mel[:48].T[::2] + 0.01 * mel.mean() + 0.01 * (position + np.arange(mel.shape[1] // 2))[:, None]
        return np.ascontiguousarray(np.broadcast_to(np.tile(rows, 8)[:, None], (len(rows), *HIDDEN)), np.float32)


MODES = {"whole": {}, "live": {"live": True}, "strict": {"strict": True}}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("fps", [PAL, Fraction(24), NTSC, Fraction(48)])
@pytest.mark.parametrize("sizes", [[640] * 150, [1, 1, 70_000, 0], [331] * 90])
def test_any_chunking_gives_the_same_bits(mode, fps, sizes):
    given, whole = (drives(WhisperEncoder(fps, Ear(), **MODES[mode]), SPEECH, some) for some in (sizes, ()))
    assert np.array_equal(given, whole)


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("fps", [Fraction(10), Fraction(24), PAL, NTSC, Fraction(50), Fraction(60), Fraction(120)])
@pytest.mark.parametrize("count", [1, 200, 319, 641, 1599, 9999])
def test_exactly_one_drive_per_frame_of_the_sound(live, fps, count):
    given = drives(WhisperEncoder(fps, Ear(), live=live), SPEECH[:count])
    assert given.shape == (frame_count(count, fps), 50, 384)
    assert given.dtype == np.float32
    assert np.all(np.isfinite(given))


def test_no_sound_gives_no_drives():
    for mode in MODES.values():
        encoder = WhisperEncoder(PAL, Ear(), **mode)
        assert encoder.push(np.zeros(0, np.float32)) == []
        assert encoder.flush() == []


@pytest.mark.parametrize("fps", [Fraction(15), PAL, NTSC, Fraction(60)])
@pytest.mark.parametrize("count", [1_000, 33_333, 47_000])
def test_drives_are_the_rows_that_the_table_names(fps, count):
    encoder = WhisperEncoder(fps, Ear())
    plan = WindowPlan(fps)
    features = Ear().hidden(room_mel(SPEECH[:count]))
    expected = gather_windows(features, window_table(count, plan))
    np.testing.assert_allclose(drives(encoder, SPEECH[:count]), expected, atol=1e-6)


def room_mel(samples):
    from lipsmith.speech.whisper_mel import segment_mel

    return segment_mel(samples, 300)


@pytest.mark.parametrize(("left", "right"), [(0, 0), (1, 3), (5, 0)])
def test_padding_makes_more_or_fewer_tokens(left, right):
    given = drives(WhisperEncoder(PAL, Ear(), left, right), SPEECH[:16_000])
    assert given.shape == (25, 10 * (left + right + 1), 384)


def test_live_drives_come_within_a_quarter_of_a_second_of_their_frame():
    """Two frames of 40 ms wait for one window: it ends 80 ms after their last row, whose spectrum reaches 2.5 ms on."""
    encoder, given = WhisperEncoder(PAL, Ear(), live=True), 0
    for start in range(0, 40_000, 40):
        new = len(encoder.push(SPEECH[start : start + 40]))
        for frame in range(given, given + new):
            assert start + 40 - 40 < 640 * frame + (3880 if frame % 2 == 0 else 3240) <= start + 40
        given += new
    assert given == 2 * ((40_000 - 3880) // 1280 + 1)


def test_live_drives_know_where_the_sound_ends():
    """The last rows come at the end, and those after the sound are zeros, as in films."""
    given = drives(WhisperEncoder(PAL, Ear(), live=True), SPEECH[:9_999], [640] * 15)
    rows = given.reshape(-1, 10, 5 * 384)
    assert len(rows) == 16
    assert rows[-1, :5].any(1).all()
    assert not rows[-1, 5:].any()


def test_strict_mode_refuses_what_musetalk_refuses():
    for fps, count, words in ((50, 16_000, "exit"), (25, 320, "ValueError"), (25, 640, "exit")):
        encoder = WhisperEncoder(Fraction(fps), Ear(), strict=True)
        encoder.push(SPEECH[:count])
        with pytest.raises(errors.SoundError, match=words):
            encoder.flush()


def test_strict_mode_gives_a_film_at_ntsc_all_its_frames():
    """MuseTalk makes 29 frames of a second that has 29.97: the last ones go on with its count."""
    given = drives(WhisperEncoder(NTSC, Ear(), strict=True), SPEECH[:96_000])
    assert len(given) == frame_count(96_000, NTSC) == 180
    features = np.concatenate([Ear().hidden(room_mel(SPEECH[at : at + 48_000])) for at in (0, 48_000)])
    expected = gather_windows(features, window_table(96_000, WindowPlan(NTSC, strict=True)))
    assert len(expected) == 174
    np.testing.assert_array_equal(given[:174], expected)


@pytest.mark.parametrize("samples", [np.array([0.0, np.nan]), np.array([np.inf]), np.zeros((2, 2))])
def test_sound_that_is_not_numbers_is_refused(samples):
    with pytest.raises(errors.SoundError, match="not numbers"):
        WhisperEncoder(PAL, Ear()).push(samples.astype(np.float32))


def test_impossible_padding_is_refused():
    with pytest.raises(errors.OptionError, match="padding"):
        WhisperEncoder(PAL, Ear(), padding_left=-1)


def test_strict_mode_is_not_live():
    with pytest.raises(errors.OptionError, match="choose it or live"):
        WhisperEncoder(PAL, Ear(), strict=True, live=True)


@pytest.fixture(scope="module")
def golden_whisper():
    """Whisper-tiny's full encoder with the goldens' weights."""
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    made = room.random_whisper()
    load_key_seeded(made.encoder, keep=("embed_positions",))
    return made


def test_three_seconds_have_musetalk_s_features(golden_whisper):
    encoder = WhisperEncoder(PAL, golden_whisper)
    speech = synth_audio(3.0).astype(np.float32) / 32_768
    given = drives(encoder, speech)
    assert given.shape == (75, 50, 384)
    close(given[GOLDEN["synth3_chunk_frames"]][..., ::8], GOLDEN["synth3_chunks"])
    rows = next(iter(encoder._features._cache.values()))
    close(rows[GOLDEN["synth3_hidden_t"]], GOLDEN["synth3_hidden"])


def test_strict_long_speech_has_musetalk_s_features_across_the_join(golden_whisper):
    encoder = WhisperEncoder(PAL, golden_whisper, strict=True)
    speech = synth_audio(31.7).astype(np.float32) / 32_768
    given = drives(encoder, speech, [160_000] * 3)
    assert len(given) == 793  # MuseTalk: 792 and a part of a frame
    close(given[GOLDEN["synth31p7_chunk_frames"]][..., ::8], GOLDEN["synth31p7_chunks"])
    blocks = encoder._features._cache
    rows = np.concatenate([blocks[0], blocks[1]])
    close(rows[GOLDEN["synth31p7_hidden_t"]], GOLDEN["synth31p7_hidden"])


def test_live_embeddings_are_those_of_the_whole(golden_whisper):
    """What the layers add rests on the whole window; docs/musetalk-hearing.md says how much with trained weights."""
    speech = synth_audio(4.0).astype(np.float32) / 32_768
    whole, live = (drives(WhisperEncoder(PAL, golden_whisper, live=live), speech) for live in (False, True))
    embedded = slice(None, None, 5)
    np.testing.assert_allclose(live[50:, embedded], whole[50:, embedded], atol=1e-3)
    assert not np.allclose(live, whole, atol=1e-3)


def close(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


def test_hidden_states_are_transformers_own(golden_whisper):
    """Ours also takes less than 30 s: rows of a short window that begins at row 700 have the positions from 700 on."""
    import torch

    mel = np.random.default_rng(0).normal(0, 0.3, (80, 3000)).astype(np.float32)
    with torch.inference_mode():
        theirs = golden_whisper.encoder(torch.from_numpy(mel)[None], output_hidden_states=True).hidden_states
    assert np.array_equal(golden_whisper.hidden(mel), torch.stack(theirs, 2)[0].numpy())
    short = golden_whisper.hidden(mel[:, 1400:1640], 700)
    np.testing.assert_allclose(short[1:-1, 0], theirs[0][0, 701:819].numpy(), atol=1e-5)


def test_random_weights_depend_on_the_seed_alone():
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    state = torch.random.get_rng_state()
    mel = room_mel(SPEECH[:8_000])
    ours, same, other = (room.random_whisper(seed, tiny=True).hidden(mel) for seed in (1, 1, 2))
    assert ours.shape == (150, 5, 384)
    assert np.array_equal(ours, same)
    assert not np.allclose(ours, other, atol=1e-2)
    assert torch.equal(state, torch.random.get_rng_state())


def test_tiny_random_whisper_streams_as_it_hears_whole():
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    tiny = room.random_whisper(tiny=True)
    given, whole = (drives(WhisperEncoder(PAL, tiny), SPEECH, some) for some in ([1_000] * 50, ()))
    assert np.array_equal(given, whole)
    live, at_once = (drives(WhisperEncoder(PAL, tiny, live=True), SPEECH, some) for some in ([1_000] * 50, ()))
    assert live.shape == whole.shape
    assert np.array_equal(live, at_once)


@pytest.fixture
def folder(golden_whisper, tmp_path):
    """A folder of whisper-tiny's own layout: the encoder, and a decoder that nobody reads."""
    import torch

    state = {f"model.encoder.{key}": value for key, value in golden_whisper.encoder.state_dict().items()}
    state["model.decoder.layer_norm.weight"] = torch.ones(384)
    torch.save(state, tmp_path / "pytorch_model.bin")
    return tmp_path


def test_a_folder_is_read_as_it_is(folder, golden_whisper):
    from safetensors.torch import save_file

    mel = np.zeros((80, 3000), np.float32)
    theirs = golden_whisper.hidden(mel)
    assert np.array_equal(room.load_whisper(folder).hidden(mel), theirs)
    state = {f"encoder.{key}": value + 1 for key, value in golden_whisper.encoder.state_dict().items()}
    save_file(state, folder / "model.safetensors")  # preferred
    assert not np.allclose(room.load_whisper(folder).encoder.conv1.bias, golden_whisper.encoder.conv1.bias)


def test_a_folder_without_weights_says_what_to_fetch(tmp_path):
    with pytest.raises(errors.WeightsMissing, match="weights fetch whisper"):
        room.load_whisper(tmp_path)


def test_a_damaged_or_other_whisper_names_what_is_off(folder):
    import torch

    state = torch.load(folder / "pytorch_model.bin", weights_only=True)
    torch.save({**state, "model.encoder.conv1.weight": torch.zeros(512, 80, 3)}, folder / "pytorch_model.bin")
    with pytest.raises(errors.InputError, match=r"conv1\.weight is 512x80x3"):
        room.load_whisper(folder)
    (folder / "pytorch_model.bin").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(errors.InputError, match="damaged"):
        room.load_whisper(folder)


def test_without_transformers_the_package_is_named(monkeypatch):
    monkeypatch.setattr(room, "find_spec", lambda name: None)
    with pytest.raises(errors.EngineUnavailable, match=r"\[torch\]"):
        room.random_whisper()


def test_half_precision_stays_close(golden_whisper):
    pytest.importorskip("torch")
    tiny, half = (room.random_whisper(tiny=True, precision=name) for name in ("float32", "bfloat16"))
    mel = room_mel(SPEECH[:48_000])
    assert half.hidden(mel).dtype == np.float32
    assert np.abs(half.hidden(mel) - tiny.hidden(mel)).max() < 0.1
