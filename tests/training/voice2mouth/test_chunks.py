"""Chunks: sound and phones stay together, pauses are one silence, an eighth is without words."""

from itertools import pairwise

import numpy as np
import pytest

from lipsmith.corpus.utterance import LabelledUtterance
from lipsmith.speech.lips import lip_opening
from lipsmith.speech.phones import SILENCE, Segment
from lipsmith.speech.student import STEP
from lipsmith.training.voice2mouth import chunks
from lipsmith.training.voice2mouth.chunks import CHUNK, make_chunks

NOISES = [np.random.default_rng(9).normal(0, 0.1, CHUNK).astype(np.float32)]


def utterance(number, seconds=3.0):
    """A vowel, loud exactly as long as its phone, between two silences of .25 s."""
    count = int(seconds * 16_000)
    samples = np.zeros(count, np.float32)
    samples[4_000 : count - 4_000] = np.random.default_rng(number).normal(0, 0.1, count - 8_000)
    edges = (0, 4_000, count - 4_000, count)
    segments = [
        Segment(*span, symbol) for *span, symbol in zip(edges[:-1], edges[1:], (SILENCE, "a", SILENCE), strict=True)
    ]
    return LabelledUtterance("fake:a", str(number), samples, tuple(segments))


@pytest.fixture(scope="module")
def made():
    return make_chunks([utterance(number) for number in range(18)], NOISES, seed=2)


def test_phones_cover_every_chunk_without_a_gap(made):
    for chunk in made:
        assert len(chunk.samples) == CHUNK
        assert (chunk.segments[0].start, chunk.segments[-1].stop) == (0, CHUNK)
        assert all(one.stop == other.start for one, other in pairwise(chunk.segments))
        assert len(chunk.emphasis) == len(chunk.segments)


def test_a_pause_is_one_silence(made):
    for chunk in made:
        silent = [segment.symbol == SILENCE for segment in chunk.segments]
        assert not any(one and other for one, other in pairwise(silent))


def test_the_sound_is_where_its_phone_is(monkeypatch):
    monkeypatch.setattr(chunks, "_CLEAN", 1)
    made = make_chunks([utterance(number) for number in range(6)], NOISES, seed=2)
    vowels = [(chunk.samples, one) for chunk in made for one in chunk.segments if one.symbol == "a"]
    assert len(vowels) == 12
    for samples, vowel in vowels:
        assert np.abs(samples[vowel.start + 20 : vowel.start + 200]).mean() > 0.02
        assert np.abs(samples[vowel.stop - 200 : vowel.stop - 20]).mean() > 0.02
        assert np.abs(samples[vowel.start - 200 : vowel.start - 20]).max() < 1e-6
        assert np.abs(samples[vowel.stop + 20 : vowel.stop + 200]).max() < 1e-6


def test_every_sentence_is_there_as_often_as_asked(made):
    vowels = sum(segment.symbol == "a" for chunk in made for segment in chunk.segments)
    assert vowels == 36


def test_an_eighth_has_no_words_and_a_shut_mouth(made):
    wordless = [chunk for chunk in made if len(chunk.segments) == 1]
    assert len(wordless) == round(len(made) * 0.12)
    assert all(lip_opening(chunk.targets()).max() == 0 for chunk in wordless)


def test_targets_are_the_teachers_at_the_middle_of_each_step(made):
    chunk = next(chunk for chunk in made if len(chunk.segments) > 1)
    targets = chunk.targets()
    assert targets.shape == (CHUNK // STEP, 8)
    middles = [(one.start + one.stop) // 2 for one in chunk.segments]
    jaws = {one.symbol: targets[at // STEP, 0] for one, at in zip(chunk.segments, middles, strict=True)}
    assert jaws["a"] > 0.9
    assert jaws[SILENCE] < 0.1


def test_what_reaches_beyond_a_chunk_is_cut(monkeypatch):
    monkeypatch.setattr(chunks, "_LONGEST_PAUSE", 1)
    long = make_chunks([utterance(1, seconds=12)], NOISES, seed=1, copies=1)
    assert len(long) == 1
    assert [segment.symbol for segment in long[0].segments] == [SILENCE, "a"]


def test_the_same_seed_makes_the_same_chunks():
    first, again = (make_chunks([utterance(1), utterance(2)], NOISES, seed=5) for _ in range(2))
    assert all(np.array_equal(a.samples, b.samples) for a, b in zip(first, again, strict=True))
    assert [chunk.segments for chunk in first] == [chunk.segments for chunk in again]
