"""Which language a text is taken to be in, and what callers may call it."""

from __future__ import annotations

import pytest

from lipsmith.errors import OptionError
from lipsmith.tts.languages import guess, known_as

KNOWN = ("cmn", "de", "en-gb", "en-us", "fr-be", "fr-fr", "ja", "pt", "pt-br", "yue")


@pytest.mark.parametrize(
    ("text", "usual", "language"),
    [
        ("Hello", "en-us", "en-us"), ("Guten Tag", "de", "de"), ("你好，world", "en-us", "cmn"), ("你好", "yue", "yue"),
        ("こんにちは世界", "en-us", "ja"), ("안녕하세요", "en-us", "ko"), ("Привет", "en-us", "ru"),
        ("Привіт", "uk", "uk"), ("42!", "en-us", "en-us"), ("مرحبا", "de", "ar"),
    ],
)  # fmt: skip
def test_letters_tell_the_language(text: str, usual: str, language: str) -> None:
    assert guess(text, usual) == language


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("zh-CN", "cmn"), ("zh", "cmn"), ("zh_HK", "yue"), ("en", "en-us"), ("en-GB", "en-gb"), ("en-au", "en-us"),
        ("fr", "fr-fr"), ("de-DE", "de"), ("pt-BR", "pt-br"), ("JA", "ja"),
    ],
)  # fmt: skip
def test_languages_may_be_called_as_the_web_does(name: str, language: str) -> None:
    assert known_as(name, KNOWN) == language


@pytest.mark.parametrize("name", ["xx", "", "-", "../de", "deutsch"])
def test_an_unknown_language_is_told(name: str) -> None:
    with pytest.raises(OptionError, match="does not know"):
        known_as(name, KNOWN)
