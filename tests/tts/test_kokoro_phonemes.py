"""Text becomes Kokoro's own letters, punctuation stays, and long texts are cut where people breathe."""

import pytest

from lipsmith.errors import VoiceError
from lipsmith.tts.espeak_library import EspeakLibrary, has_espeak
from lipsmith.tts.kokoro_phonemes import LANGUAGES, SYMBOLS, split_symbols, to_symbols

with_espeak = pytest.mark.skipif(not has_espeak(), reason="eSpeak NG is not installed")


@pytest.fixture(scope="module")
def espeak():
    return EspeakLibrary.open()


def test_the_table_is_that_of_the_network():
    assert len(SYMBOLS) == len(set(SYMBOLS.values())) == 114
    official = {";": 1, "…": 10, " ": 16, "A": 24, "Y": 41, "z": 68, "ɑ": 69, "ʤ": 82, "ŋ": 112, "ɹ": 123, "ʒ": 147,
                "ˈ": 156, "ː": 158, "ʲ": 164, "↘": 173, "ᵻ": 177}  # fmt: skip
    assert {symbol: SYMBOLS[symbol] for symbol in official} == official


@with_espeak
@pytest.mark.parametrize(
    ("language", "text", "symbols"),
    [
        ("en-us", "Hello, my joy!", "həlˈO, mI ʤˈY!"),
        ("en-us", "Water, button, little church.", "wˈɔTəɹ, bˈʌtᵊn, lˈɪTᵊl ʧˈɜɹʧ."),
        ("en-us", 'He said: "go (now)"', "hi sˈɛd: ɡˈO (nˈW)"),
        ("en-gb", "Go there, near home.", "ɡˌQ ðˈɛː, nˌɪə hˈQm."),
        ("it", "Una pizza!", "ˌʊna pˈiʦːa!"),
        ("fr-fr", "Bonjour.", "bɔ̃ʒˈuʁ."),
        ("es", "¿Qué?", "kˈe?"),
    ],
)
def test_ipa_is_spelt_as_the_network_learnt_it(espeak, language, text, symbols):
    assert to_symbols(espeak, text, language) == symbols


@with_espeak
def test_numbers_keep_their_points(espeak):
    assert to_symbols(espeak, "3.5", "en-us") == "θɹˈi pYnt fˈIv"
    assert "," not in to_symbols(espeak, "1,000 men", "en-us")


@with_espeak
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_a_voice_and_only_symbols_come_out(espeak, language):
    symbols = to_symbols(espeak, "Maria, 12 x (ok) — <b>&amp; नमस्ते ø [[h@l]] \U0001f600?", language)
    assert len(symbols) > 5
    assert set(symbols) <= set(SYMBOLS)


@with_espeak
def test_a_language_without_a_voice_is_told(espeak, monkeypatch):
    monkeypatch.setitem(LANGUAGES, "xx", "no-such-voice")
    with pytest.raises(VoiceError, match="no-such-voice"):
        to_symbols(espeak, "a", "xx")


def test_long_texts_are_cut_at_clauses_then_spaces_then_anywhere():
    assert split_symbols("") == []
    assert split_symbols("aa, bb cc", 9) == ["aa, bb cc"]
    assert split_symbols("aa, bb cc", 8) == ["aa,", "bb cc"]
    assert split_symbols("aa bb cc", 6) == ["aa bb", "cc"]
    assert split_symbols("aaaaaaaa", 3) == ["aaa", "aaa", "aa"]
    long = "wˈʌn, tˈu " * 200
    pieces = split_symbols(long)
    assert max(map(len, pieces)) <= 510
    assert "".join(pieces).replace(" ", "") == long.replace(" ", "")


def test_what_has_no_bytes_is_passed_over(espeak):
    assert to_symbols(espeak, "hi \ud800 there", "en-us")
    assert to_symbols(espeak, "one\0two", "en-us") == to_symbols(espeak, "one two", "en-us")
