"""Sentences made by rule."""

from random import Random

import pytest

from lipsmith.corpus.sentences import COMMON, SPELLINGS, random_sentence


@pytest.mark.parametrize("language", ["en-us", "de", "fr", "cmn-latn-pinyin", "ja", "ru", "el", "hi", "fi", "cs", "nl"])
def test_the_same_random_makes_the_same_sentence_and_another_another(language):
    first, again, other = (random_sentence(language, Random(seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert first.strip() == first


def test_mandarin_syllables_carry_tones():
    words = random_sentence("cmn-latn-pinyin", Random(5)).rstrip(".?!").replace(",", "").split()
    assert all(word[-1] in "1234" for word in words)


def test_every_onset_meets_every_nucleus():
    random = Random(1)
    text = " ".join(random_sentence("it", random) for _ in range(1500))
    spelling = SPELLINGS["latin"]
    for onset in ("p", "b", "m", "f", "v", "s", "t", "k"):
        for nucleus in spelling.nuclei:
            assert onset + nucleus in text


def test_common_words_are_words_once_each():
    assert len(set(COMMON)) == len(COMMON) > 400
    assert all(word.isalpha() and word.islower() for word in COMMON)
