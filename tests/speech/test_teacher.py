"""The teacher: closures close, rounding rounds, teeth are touched, silence is shut; all of it in range and smooth."""

import numpy as np
import pytest

from lipsmith.speech.lips import lip_opening
from lipsmith.speech.phones import PHONES, Segment
from lipsmith.speech.teacher import CURVE_RATE, emphasis_of, mouth_curves, viseme_classes
from lipsmith.types import MOUTH_CONTROLS

PRESS, BITE, PUCKER, JAW = (MOUTH_CONTROLS.index(name) for name in ("press", "bite", "pucker", "jaw"))


def spoken(*symbols, duration=0.1):
    edges = np.round(np.arange(len(symbols) + 3) * duration * 16_000).astype(int)
    names = ("sil", *symbols, "sil")
    return [Segment(int(a), int(b), name) for a, b, name in zip(edges[:-1], edges[1:], names, strict=True)]


def curves(*symbols, duration=0.1):
    segments = spoken(*symbols, duration=duration)
    return mouth_curves(segments, segments[-1].stop)


def at(given, index, duration=0.1):
    """The points inside the middle half of one phone."""
    start = (index + 1) * duration * CURVE_RATE
    return given[round(start + duration * 25) : round(start + duration * 75)]


@pytest.mark.parametrize("vowels", ["aa", "iu", "ɑo", "æi"])
@pytest.mark.parametrize("closure", "pbm")
@pytest.mark.parametrize("duration", [0.06, 0.1, 0.2])
def test_lips_close_fully_between_any_vowels(vowels, closure, duration):
    given = at(curves(vowels[0], closure, vowels[1], duration=duration), 1, duration)
    assert given[:, PRESS].max() >= 0.97
    assert lip_opening(given).min() <= 0.003


@pytest.mark.parametrize("closure", "pbm")
def test_a_vowel_between_two_closures_still_opens(closure):
    given = at(curves(closure, "a", closure), 1)
    assert given[:, PRESS].min() <= 0.2
    assert lip_opening(given).max() >= 0.06


@pytest.mark.parametrize("bite", "fv")
def test_teeth_touch_the_lip(bite):
    assert at(curves("a", bite, "a"), 1)[:, BITE].max() >= 0.85


@pytest.mark.parametrize("round_one", "uowy")
def test_rounded_phones_pucker_and_stay_small(round_one):
    given = at(curves("t", round_one, "t", duration=0.15), 1, 0.15)
    assert given[:, PUCKER].mean() >= 0.6
    assert lip_opening(given).mean() <= 0.075


def test_open_vowels_open_wider_than_close_ones_and_silence_is_shut():
    openings = {vowel: lip_opening(at(curves(vowel, duration=0.2), 0, 0.2)).mean() for vowel in "ɑaɛəiu"}
    assert openings["ɑ"] > openings["ɛ"] > openings["ə"] > openings["i"] > openings["u"]
    assert 0.24 <= openings["ɑ"] <= 0.3  # as wide as people on film; 1.6 times the textbook's mouth
    assert lip_opening(mouth_curves([Segment(0, 16_000, "sil")], 16_000)).max() == 0


def test_a_velar_follows_its_neighbours():
    wide, narrow = (at(curves(vowel, "k", vowel), 1)[:, JAW].mean() for vowel in ("ɑ", "u"))
    assert wide > narrow + 0.1


def test_curves_stay_in_range_and_move_smoothly_whatever_is_said():
    generator = np.random.default_rng(1)
    symbols = [str(name) for name in generator.choice(sorted(PHONES), 200)]
    given = curves(*symbols, duration=0.07)
    assert given.min() >= 0
    assert given.max() <= 1
    assert np.abs(np.diff(given, axis=0)).max() <= 0.45


def test_a_point_every_hundredth_of_a_second():
    assert mouth_curves(spoken("a"), 4799).shape == (29, 8)
    assert mouth_curves([], 0).shape == (0, 8)


def test_classes_follow_the_phones():
    segments = spoken("m", "a")
    classes = viseme_classes(segments, segments[-1].stop)
    assert [classes[5], classes[15], classes[25], classes[35]] == [0, 1, 10, 0]


def test_louder_vowels_are_emphasised():
    segments = spoken("a", "m", "a")
    samples = np.full(segments[-1].stop, 0.1, np.float32)
    samples[segments[1].start : segments[1].stop] = 0.4
    emphasis = emphasis_of(segments, samples)
    assert emphasis[1] > 1 > emphasis[3]
    assert emphasis[0] == emphasis[2] == 1
    plain, wide = (mouth_curves(segments, len(samples), scale)[:, JAW] for scale in (None, emphasis))
    assert wide[15] > plain[15]


def test_a_short_pause_leaves_the_mouth_ajar_and_a_long_one_shuts_it():
    """People on film shut their mouths in long pauses only."""

    def opening_after(pause):
        edges = np.cumsum([0, 0.5, 0.15, pause, 0.15, 0.5])
        names = ("sil", "a", "sil", "a", "sil")
        segments = [
            Segment(round(a * 16_000), round(b * 16_000), name)
            for a, b, name in zip(edges[:-1], edges[1:], names, strict=True)
        ]
        given = lip_opening(mouth_curves(segments, segments[-1].stop))
        return given[round((edges[2] + pause / 2) * CURVE_RATE)]

    assert opening_after(0.2) > 0.05
    assert opening_after(1.5) < 0.005


def test_the_mouth_of_rounded_phones_and_of_r_is_smaller_than_that_of_their_spread_kin():
    jaws = {symbol: PHONES[symbol].target[JAW] for symbol in "uoɔɹwiɛak"}
    assert jaws["a"] > jaws["ɛ"] > jaws["k"] > jaws["ɔ"]
    assert max(jaws["u"], jaws["w"], jaws["ɹ"]) < jaws["i"]
