"""Phone times on the sample grid."""

import numpy as np
import pytest

from lipsmith.corpus.utterance import make_segments, peak_normalised, resample_whole, with_closures
from lipsmith.speech.phones import Segment


def spelled(segments):
    return [(segment.symbol, segment.start, segment.stop) for segment in segments]


def test_starts_become_contiguous_segments_from_the_first_sample_to_the_last():
    segments = make_segments([(0.1, "m"), (0.2, "aɪ"), (0.4, "")], 8000)
    assert spelled(segments) == [
        ("sil", 0, 1600),
        ("m", 1600, 3200),
        ("a", 3200, 5056),
        ("ɪ", 5056, 6400),
        ("sil", 6400, 8000),
    ]


def test_neighbouring_silences_are_one_and_empty_phones_are_none():
    assert spelled(make_segments([(0.0, "_"), (0.1, "t"), (0.1, "b"), (0.2, ""), (0.3, "")], 6400)) == [
        ("sil", 0, 1600),
        ("b", 1600, 3200),
        ("sil", 3200, 6400),
    ]


def test_nothing_lies_beyond_the_sound():
    assert spelled(make_segments([(0.0, "a"), (0.3, "b")], 3200)) == [("a", 0, 3200)]


@pytest.mark.parametrize(("quiet", "moved"), [(800, 800), (2000, 1280), (0, 0)])
def test_a_voiceless_stop_gets_the_silence_before_its_burst_up_to_80_ms(quiet, moved):
    samples = np.full(9600, 0.3, np.float32)
    samples[4800 - quiet : 4800] = 0
    before, stop = with_closures([Segment(0, 4800, "a"), Segment(4800, 9600, "p")], samples)
    assert (before.stop, stop.start) == (4800 - moved, 4800 - moved)


def test_the_phone_before_a_stop_keeps_20_ms_and_voiced_stops_move_nothing():
    silence = np.zeros(9600, np.float32)
    before, _ = with_closures([Segment(0, 800, "a"), Segment(800, 9600, "t")], silence)
    assert before.stop == 320
    before, _ = with_closures([Segment(0, 800, "a"), Segment(800, 9600, "b")], silence)
    assert before.stop == 800


@pytest.mark.parametrize("rate", [8000, 22_050, 32_000])
def test_a_tone_survives_the_way_to_16_khz(rate):
    def tone(at):
        return np.sin(2 * np.pi * 440 * np.arange(at) / at).astype(np.float32)

    assert np.abs(resample_whole(tone(rate), rate) - tone(16_000)).max() < 1e-3


def test_levelled_reaches_its_peak_and_leaves_silence():
    assert np.abs(peak_normalised(np.array([0.1, -0.2], np.float32))).max() == pytest.approx(0.5)
    assert not peak_normalised(np.zeros(10, np.float32)).any()
