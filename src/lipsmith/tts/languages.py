"""Guesses a text's language from its letters, and matches the language that a caller names with those of a voice."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Collection

from ..errors import OptionError
from ..options import nearest

SCRIPTS: dict[str, tuple[str, ...]] = {
    "CJK": ("cmn", "yue", "hak", "ja"),
    "HIRAGANA": ("ja",),
    "KATAKANA": ("ja",),
    "HANGUL": ("ko",),
    "CYRILLIC": ("ru", "uk", "be", "bg", "sr", "mk", "kk", "ky", "tt", "ba", "cv"),
    "GREEK": ("el", "grc"),
    "ARABIC": ("ar", "fa", "ur", "sd", "ug", "ku"),
    "HEBREW": ("he",),
    "THAI": ("th",),
    "DEVANAGARI": ("hi", "mr", "ne", "kok"),
}
"""First word of a letter's Unicode name -> languages written in that script; the first one is guessed."""
OTHER_NAMES = {"zh": "cmn", "zh-cn": "cmn", "zh-tw": "cmn", "zh-hans": "cmn", "zh-hant": "cmn", "zh-hk": "yue",
               "no": "nb", "en": "en-us"}  # fmt: skip
"""Name of a language on the web -> name in eSpeak NG."""


def guess(text: str, default: str) -> str:
    """The language of ``text``: ``default``, unless most non-Latin letters belong to a script that it does not use."""
    scripts = Counter(unicodedata.name(letter, "").split(" ")[0].split("-")[0] for letter in text if letter.isalpha())
    found = {script: count for script, count in scripts.items() if script in SCRIPTS}
    if not found:
        return default
    kana = [script for script in ("HIRAGANA", "KATAKANA") if script in found]
    script = kana[0] if kana else max(found, key=lambda name: found[name])
    return default if default.split("-")[0] in SCRIPTS[script] else SCRIPTS[script][0]


def known_as(name: str, known: Collection[str]) -> str:
    """Which of ``known`` a caller means by ``name``: ``zh-CN`` is ``cmn``, ``fr`` ``fr-fr``, ``de-DE`` ``de``.

    Raises:
        OptionError: no such language; names the nearest.
    """
    plain = name.strip().lower().replace("_", "-")
    short = plain.split("-")[0]
    wanted = (plain, OTHER_NAMES.get(plain, ""), OTHER_NAMES.get(short, ""), short, f"{short}-{short}")
    found = next((one for one in wanted if one in known), None)
    found = found or next((one for one in sorted(known) if one.split("-")[0] == short), None)
    if found is None or not short:
        raise OptionError(f"The voice does not know the language '{name[:40]}'. {nearest(plain[:40], known)}")
    return found


__all__ = ["guess", "known_as"]
