"""Whisper's log-mel against MuseTalk's goldens and transformers' own extractor."""

import warnings

import numpy as np
import pytest

from lipsmith.speech.whisper_mel import BANDS, WhisperMelStream, encoder_input, filter_bank, segment_mel
from tests.support.goldens import golden_arrays, synth_audio

GOLDEN = golden_arrays("audio")
SPEECH = synth_audio(3.0).astype(np.float32) / 32_768


def test_three_seconds_are_heard_as_musetalk_hears_them():
    mel = segment_mel(SPEECH)
    assert mel.shape == (80, 3000)
    assert mel.dtype == np.float32
    np.testing.assert_allclose(mel[:, :320:4], GOLDEN["synth3_mel"], atol=1e-4)
    np.testing.assert_allclose(mel[:, -20:], GOLDEN["synth3_mel_tail"], atol=1e-4)


def test_the_second_block_of_long_speech_is_heard_on_its_own():
    speech = synth_audio(31.7).astype(np.float32) / 32_768
    np.testing.assert_allclose(segment_mel(speech[480_000:])[:, :200:4], GOLDEN["synth31p7_mel"], atol=1e-4)


@pytest.mark.parametrize("count", [150, 16_000, 479_900, 480_000])
def test_transformers_agrees(count):
    pytest.importorskip("transformers")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from transformers import WhisperFeatureExtractor

        sound = np.resize(SPEECH, count)
        theirs = WhisperFeatureExtractor()(sound, sampling_rate=16_000, return_tensors="np").input_features[0]
    np.testing.assert_allclose(segment_mel(sound), theirs, atol=1e-4)


def test_the_stream_is_the_whole_sound_followed_by_silence():
    stream = WhisperMelStream()
    frames = np.concatenate([stream.push(SPEECH), stream.push(np.zeros(560, np.float32))])
    assert np.array_equal(encoder_input(frames, 3000), segment_mel(SPEECH))


@pytest.mark.parametrize("sizes", [[1] * 500, [160] * 90, [0, 199, 1, 1, 399], [33_333]])
def test_any_chunking_gives_the_same_bits(sizes):
    whole, stream, parts, at = WhisperMelStream().push(SPEECH), WhisperMelStream(), [], 0
    for size in [*sizes, len(SPEECH)]:
        parts.append(stream.push(SPEECH[at : at + size]))
        at += size
    assert np.array_equal(np.concatenate(parts), whole)


def test_a_tone_sounds_in_its_band():
    tone = 0.1 * np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000)
    frame = WhisperMelStream().push(tone.astype(np.float32))[50]
    assert np.argmax(frame) == np.argmax(filter_bank()[25])  # 25 * 40 Hz


def test_silence_reads_the_floor_everywhere():
    assert np.all(segment_mel(np.zeros(16_000, np.float32)) == np.float32(-1.5))
    assert np.all(encoder_input(np.zeros((0, BANDS), np.float32), 4) == np.float32(-1.5))
