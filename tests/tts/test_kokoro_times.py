"""Whose frames are whose, and where Kokoro's pauses are: the network books silence to the last phone of a sentence."""

from itertools import pairwise

import numpy as np
import pytest

from lipsmith.tts.kokoro_model import HOP, RATE, KokoroSound
from lipsmith.tts.kokoro_times import CLOSURE, SHIFT, booked_symbols, ipa_starts, phone_times


def booked(symbols, seconds):
    return [(one.symbol, round(one.start, 3), round(one.stop, 3)) for one in booked_symbols(symbols, seconds)]


def test_a_stress_goes_to_the_phone_after_and_a_length_to_the_one_before():
    assert booked("tˈɑːk", [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]) == [
        ("", 0, 0.1), ("t", 0.1, 0.3), ("ɑ", 0.3, 1.5), ("k", 1.5, 2.1), ("", 2.1, 2.8),
    ]  # fmt: skip


def test_a_space_is_halved_and_one_beside_a_mark_is_a_pause():
    assert booked("a b, k.", [0.1] * 9) == [
        ("", 0, 0.1), ("a", 0.1, 0.25), ("b", 0.25, 0.4), ("", 0.4, 0.6), ("k", 0.6, 0.7), ("", 0.7, 0.9),
    ]  # fmt: skip
    assert booked("a (b", [0.1] * 6)[2] == ("", 0.2, 0.4)
    assert booked("a ˈb", [0.1] * 6) == [("", 0, 0.1), ("a", 0.1, 0.25), ("b", 0.25, 0.5), ("", 0.5, 0.6)]


def sound_of(symbols, frames, spoken):
    """Noise in the stretches of seconds ``spoken``, and silence between."""
    durations = np.array(frames, np.int64)
    samples = np.zeros(durations.sum() * HOP, np.float32)
    for start, stop in spoken:
        part = slice(round(start * RATE), round(stop * RATE))
        samples[part] = np.random.default_rng(0).normal(0, 0.1, len(samples[part]))
    return KokoroSound(samples, durations), len(samples) / RATE


def times(symbols, frames, spoken):
    sound, length = sound_of(symbols, frames, spoken)
    found = phone_times(symbols, sound)
    assert (found[0].start, found[-1].stop) == (0, pytest.approx(length))
    assert all(one.stop == after.start and one.stop > one.start for one, after in pairwise(found))
    return [(one.symbol, round(one.start, 3)) for one in found]


def test_phones_sound_earlier_than_they_are_booked():
    spoken = times("asi", [10, 8, 8, 8, 10], [(0.19, 0.79)])
    assert spoken == [("", 0), ("a", 0.19), ("s", 0.39), ("i", 0.59), ("", 0.79)]  # booked 60 ms later


def test_a_last_phone_ends_where_the_sound_does():
    assert times("ak.", [10, 8, 20, 2, 10], [(0.19, 0.5)])[-2:] == [("k", 0.39), ("", 0.5)]
    assert times("a.", [10, 20, 2, 10], [(0.19, 0.4)])[-2:] == [("a", 0.19), ("", 0.4)]


def test_a_stop_after_a_pause_keeps_its_closure_and_other_phones_begin_with_the_sound():
    assert times("ta", [10, 8, 8, 10], [(0.3, 0.6)])[:2] == [("", 0), ("t", pytest.approx(0.3 - CLOSURE))]
    assert times("sa", [10, 8, 8, 10], [(0.3, 0.6)])[:2] == [("", 0), ("s", 0.3)]


def test_a_comma_without_a_silence_is_no_pause():
    through = times("a, i", [10, 8, 2, 2, 8, 10], [(0.19, 0.69)])
    assert [symbol for symbol, _ in through] == ["", "a", "i", ""]
    assert through[2][1] == pytest.approx(0.45 + 0.05 - SHIFT)
    paused = times("a, i", [10, 8, 2, 2, 8, 10], [(0.19, 0.37), (0.46, 0.69)])
    assert paused == [("", 0), ("a", 0.19), ("", 0.37), ("i", 0.46), ("", 0.69)]


@pytest.mark.parametrize("spoken", [[], [(0.0, 1.1)]])
def test_silence_and_endless_sound_have_times_too(spoken):
    assert len(times("a, k.", [10, 8, 2, 2, 8, 4, 10], spoken)) >= 3


def test_letters_of_two_sounds_are_spelt_out():
    sound, _ = sound_of("ʤOT", [4, 4, 4, 4, 4], [(0.05, 0.4)])
    assert [ipa for _, ipa in ipa_starts(phone_times("ʤOT", sound))] == ["dʒ", "oʊ", "ɾ", ""]
