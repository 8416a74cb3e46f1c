"""Text to the phoneme symbols of Kokoro-82M, by way of eSpeak NG's IPA: clause by clause, punctuation kept.

The network was trained on the symbols of the text front end ``misaki`` (Apache-2.0): IPA in which one letter stands
for a diphthong or an affricate. The tables here say which letter, for eSpeak's spelling; they are facts of the network.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..errors import VoiceError
from .espeak_library import EspeakLibrary

MOST_SYMBOLS = 510
"""The longest text of one call: the network's 512 positions without its two ends."""

_IDENTIFIERS = (
    (1, ";:,.!?"), (9, '—…"()“” \u0303ʣʥʦʨᵝꭧAI'), (31, "O"), (33, "Q"), (35, "ST"), (39, "W"), (41, "Yᵊabcdef"),
    (50, "hijklmnopqrstuvwxyzɑɐɒæ"), (75, "βɔɕç"), (80, "ɖðʤə"), (85, "ɚɛɜ"), (90, "ɟ"), (92, "ɡ"), (99, "ɥ"),
    (101, "ɨɪʝ"), (110, "ɯɰŋɳɲɴø"), (118, "ɸθœ"), (123, "ɹ"), (125, "ɾɻ"), (128, "ʁɽʂʃʈʧ"), (135, "ʊʋ"), (138, "ʌɣɤ"),
    (142, "χʎ"), (147, "ʒʔ"), (156, "ˈˌː"), (162, "ʰ"), (164, "ʲ"), (169, "↓"), (171, "→↗↘"), (177, "ᵻ"),
)  # fmt: skip
SYMBOLS: dict[str, int] = {
    symbol: first + place for first, symbols in _IDENTIFIERS for place, symbol in enumerate(symbols)
}
"""Symbol -> its number in the network's table; 0 stands at both ends of a text."""

LANGUAGES = {
    "en-us": "en-us", "en-gb": "en-gb-x-rp", "es": "es", "fr-fr": "fr", "hi": "hi", "it": "it", "pt-br": "pt-br",
}  # fmt: skip
"""Language -> eSpeak's voice for its phonemes. Japanese and Mandarin need front ends that are not here."""

_LIGATURES = (
    ("a^ɪ", "I"), ("a^ʊ", "W"), ("e^ɪ", "A"), ("ɔ^ɪ", "Y"), ("d^ʒ", "ʤ"), ("t^ʃ", "ʧ"), ("d^z", "ʣ"), ("t^s", "ʦ"),
    ("d^ʑ", "ʥ"), ("t^ɕ", "ʨ"), ("o^ʊ", "O"), ("ə^ʊ", "Q"),
)  # fmt: skip
_ENGLISH = (
    ("ʔˌn\u0329", "tᵊn"), ("ʔn\u0329", "tᵊn"), ("ʔn", "tᵊn"), *_LIGATURES, ("ə^l", "ᵊl"), ("r", "ɹ"), ("x", "k"),
    ("ç", "k"), ("ɐ", "ə"), ("ɚ", "əɹ"), ("ɬ", "l"), ("ʔ", "t"), ("ʲ", ""), ("\u0303", ""),
)  # fmt: skip
_AMERICAN = (
    ("Q", "O"), ("e^ə", "ɛɹ"), ("ɜːɹ", "ɜɹ"), ("ɜː", "ɜɹ"), ("i^ə", "iə"), ("ɪə", "iə"), ("ː", ""), ("ɾ", "T"),
)  # fmt: skip
_BRITISH = (("O", "Q"), ("e^ə", "ɛː"), ("i^ə", "ɪə"), ("iə", "ɪə"))
_MARKS = str.maketrans({
    "，": ",", "、": ",", "。": ".", "！": "!", "？": "?", "；": ";", "：": ":", "।": ".", "–": "—", "’": "'", "‘": "'",
    '"': None, "“": None, "”": None, "„": None, "«": None, "»": None,
})  # fmt: skip
_CLAUSE = re.compile(r"([;:,.!?—…()]+(?=\s|$)|[;!?—…()]+)")
"""Punctuation that the network knows, without quotation marks. A full stop, comma or colon within a number or a word
stays in the text."""


def to_symbols(espeak: EspeakLibrary, text: str, language: str) -> str:
    """The symbols of ``text``: those of ``SYMBOLS`` alone, of any length.

    Raises:
        VoiceError: eSpeak NG lacks the language.
    """
    spoken = "".join(_clauses(espeak, text.translate(_MARKS), language))
    spoken = re.sub(r"\s+([;:,.!?…)])", r"\1", re.sub(r"\s+", " ", spoken)).strip()
    return "".join(symbol for symbol in spoken if symbol in SYMBOLS)


def split_symbols(symbols: str, most: int = MOST_SYMBOLS) -> list[str]:
    """Pieces of at most ``most`` symbols: cut after the last clause that fits, else at a space, else anywhere."""
    pieces, rest = [], symbols
    while len(rest) > most:
        clauses = [mark.end() for mark in re.finditer(r"[;:,.!?—…] ?", rest[:most])]
        space = rest.rfind(" ", 1, most)
        cut = clauses[-1] if clauses else space + 1 if space > 0 else most
        pieces.append(rest[:cut].strip())
        rest = rest[cut:].strip()
    return [piece for piece in (*pieces, rest) if piece]


def _clauses(espeak: EspeakLibrary, text: str, language: str) -> Iterator[str]:
    """Phonemes and punctuation in turns, with spaces around."""
    for place, part in enumerate(_CLAUSE.split(text)):
        if place % 2:
            yield f" {part[0]}" if part[0] == "(" else f"{part[0]} "
        elif part.strip():
            found = espeak.phonemes(part.strip(), LANGUAGES[language])
            if found is None:
                raise VoiceError(f"eSpeak NG has no voice '{LANGUAGES[language]}', which Kokoro's phonemes need.")
            yield " ".join(_spelt(clause, language) for clause in found)


def _spelt(ipa: str, language: str) -> str:
    """eSpeak's tied IPA in Kokoro's letters."""
    english = language.startswith("en")
    accent = () if not english else _BRITISH if language == "en-gb" else _AMERICAN
    for seen, letter in (*(_ENGLISH if english else _LIGATURES), *accent):
        ipa = ipa.replace(seen, letter)
    return re.sub("(\\S)\u0329", r"ᵊ\1", ipa).replace("^", "")


__all__ = ["LANGUAGES", "MOST_SYMBOLS", "SYMBOLS", "split_symbols", "to_symbols"]
