"""Converts synthesisers' phone names to IPA, and IPA to the symbols of ``speech.phones.PHONES``."""

from __future__ import annotations

import unicodedata

from ..speech.phones import PHONES, SILENCE

ARPABET = {
    "aa": "ɑ", "ae": "æ", "ah": "ʌ", "ao": "ɔ", "aw": "aʊ", "ax": "ə", "axr": "ɚ", "ay": "aɪ", "b": "b", "ch": "tʃ",
    "d": "d", "dh": "ð", "dx": "ɾ", "eh": "ɛ", "el": "l", "em": "m", "en": "n", "er": "ɚ", "ey": "eɪ", "f": "f",
    "g": "ɡ", "hh": "h", "hv": "h", "ih": "ɪ", "iy": "i", "jh": "dʒ", "k": "k", "l": "l", "m": "m", "n": "n",
    "ng": "ŋ", "nx": "n", "ow": "oʊ", "oy": "ɔɪ", "p": "p", "r": "ɹ", "s": "s", "sh": "ʃ", "t": "t", "th": "θ",
    "uh": "ʊ", "uw": "u", "v": "v", "w": "w", "y": "j", "z": "z", "zh": "ʒ",
}  # fmt: skip
"""American English as flite and festival spell it."""

ITALIAN = {
    "a": "a", "e": "e", "E": "ɛ", "i": "i", "o": "o", "O": "ɔ", "u": "u", "b": "b", "d": "d", "f": "f", "g": "ɡ",
    "j": "j", "k": "k", "l": "l", "m": "m", "n": "n", "ng": "ŋ", "nf": "n", "p": "p", "r": "r", "s": "s", "t": "t",
    "v": "v", "w": "w", "z": "z", "J": "ɲ", "L": "ʎ", "S": "ʃ", "ts": "ts", "dz": "dz", "tS": "tʃ", "dZ": "dʒ",
}  # fmt: skip
"""Festival's Italian voices; a stressed vowel has a 1 after its letter."""

FINNISH = {
    "a": "a", "@": "æ", "e": "e", "i": "i", "o": "o", "7": "ø", "u": "u", "y": "y", "b": "b", "d": "d", "f": "f",
    "g": "ɡ", "h": "h", "j": "j", "k": "k", "l": "l", "m": "m", "n": "n", "N": "ŋ", "p": "p", "r": "r", "s": "s",
    "S": "ʃ", "t": "t", "v": "ʋ",
}  # fmt: skip
"""Festival's Finnish voices; a long sound has a colon."""

CZECH = {
    "a": "a", "e": "ɛ", "i": "ɪ", "o": "o", "u": "u", "b": "b", "c": "ts", "ch": "x", "c~": "tʃ", "d": "d", "d~": "ɟ",
    "dz": "dz", "dz~": "dʒ", "f": "f", "g": "ɡ", "h": "ɦ", "j": "j", "k": "k", "l": "l", "m": "m", "n": "n", "n*": "ŋ",
    "n~": "ɲ", "p": "p", "r": "r", "r~": "rʒ", "r~*": "rʒ", "s": "s", "s~": "ʃ", "t": "t", "t~": "c", "v": "v",
    "z": "z", "z~": "ʒ",
}  # fmt: skip
"""Festival's Czech voices; a long vowel has a colon."""

RUSSIAN = {
    "a": "ɐ", "aa": "a", "ae": "ə", "ay": "ɪ", "e": "ɛ", "ee": "e", "i": "ɪ", "ii": "i", "o": "o", "oo": "o", "u": "ʊ",
    "ur": "ʊ", "uu": "u", "y": "ɨ", "yy": "ɨ", "b": "b", "bb": "b", "c": "ts", "ch": "tɕ", "d": "d", "dd": "d",
    "f": "f", "ff": "f", "g": "ɡ", "gg": "ɡ", "h": "x", "hh": "x", "j": "j", "k": "k", "kk": "k", "l": "ɫ", "ll": "l",
    "m": "m", "mm": "m", "n": "n", "nn": "n", "p": "p", "pp": "p", "r": "r", "rr": "r", "s": "s", "ss": "s", "sch": "ɕ",
    "sh": "ʂ", "t": "t", "tt": "t", "v": "v", "vv": "v", "z": "z", "zh": "ʐ", "zz": "z",
}  # fmt: skip
"""Festival's Russian voice; a doubled consonant is palatalised, a doubled vowel stressed."""

CATALAN = {
    "a": "a", "ax": "ə", "e": "e", "E": "ɛ", "i": "i", "o": "o", "O": "ɔ", "u": "u", "b": "b", "d": "d", "f": "f",
    "g": "ɡ", "j": "j", "k": "k", "l": "l", "L": "ʎ", "m": "m", "n": "n", "J": "ɲ", "p": "p", "r": "ɾ", "rr": "r",
    "s": "s", "S": "ʃ", "t": "t", "w": "w", "z": "z", "Z": "ʒ", "N": "ŋ", "v": "v", "x": "x",
}  # fmt: skip
"""Festival's Catalan voice; a stressed vowel has a 1."""

_PAUSES = frozenset({"pau", "sil", "ssil", "brth", "#", "h#", "_", ""})


def ipa_of(name: str, names: dict[str, str]) -> str | None:
    """The IPA string of a synthesiser's phone; ``""`` for a pause, None for an unknown name."""
    if name in _PAUSES:
        return ""
    plain = name if name in names else name.rstrip("0123456789:")
    return names.get(plain)


def split_ipa(ipa: str) -> list[tuple[str, float]]:
    """Split an IPA string (``tʃ``, ``aʊ``, ``pʰ``...) into symbols of ``PHONES``, each with its share of the duration.

    Marks of length, stress and aspiration are dropped. A string without a known symbol is a silence.
    """
    composed = unicodedata.normalize("NFD", ipa).replace("c\u0327", "ç")
    found = [sign for sign in composed if sign in PHONES]
    if "." in composed:  # eSpeak writes the retroflex sibilants of Mandarin with a dot
        found = [{"s": "ʂ", "z": "ʐ"}.get(sign, sign) for sign in found]
    if "h" in found and len(found) > 1:
        found = [sign for sign in found if sign != "h"]
    if not found:
        return [(SILENCE, 1.0)]
    shares = _shares(found)
    return [(sign, share / sum(shares)) for sign, share in zip(found, shares, strict=True)]


def _shares(found: list[str]) -> list[float]:
    vowels = [PHONES[sign].kind == "vowel" for sign in found]
    if len(found) == 2 and all(vowels):
        return [0.58, 0.42]
    if len(found) == 2 and not any(vowels):
        return [0.4, 0.6]
    return [1.5 if vowel else 1.0 for vowel in vowels]
