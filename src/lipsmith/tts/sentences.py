"""Cuts text into sentences, so that the first one plays while the others are still being synthesized."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

MOST, FIRST_MOST = 200, 90
"""Most letters of a piece, and of the first piece, which somebody waits for."""
ABBREVIATIONS = frozenset({
    "mr", "mrs", "ms", "dr", "prof", "sr", "jr", "st", "vs", "etc", "approx", "dept", "est", "gen", "gov", "hon",
    "inc", "ltd", "co", "corp", "rev", "sen", "rep", "capt", "col", "lt", "sgt", "mt", "ave", "blvd", "jan", "feb",
    "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec", "bzw", "ca", "usw", "str", "hr", "mme",
    "mlle", "e.g", "i.e", "a.m", "p.m", "u.s", "u.k", "ph.d", "z.b", "d.h", "u.a", "p.ex",
})  # fmt: skip
"""Words after which a full stop ends no sentence, in lower case."""
BEFORE_NUMBERS = frozenset(("no", "nos", "nr", "vol", "fig", "figs", "p", "pp", "ch", "sec", "art"))
"""Words after which a full stop ends no sentence before a digit."""
LONGEST_WORD = 40
"""Letters before a full stop that are looked at."""
_CLOSERS = re.escape("\"'”’»)]}」』）】》〉")
_LATIN = rf"(?<![.!?…])[.!?…]++(?=[{_CLOSERS}]*+(?:\s|$|[^\x00-\x7f]))"
_END = re.compile(rf"(?:[。！？｡؟।]++|{_LATIN})[{_CLOSERS}]*+\s*|\n\s*")
_CLAUSE = re.compile(r"[,;:](?=\s)\s*|[，；：、—]+\s*")
_LAST_WORD = re.compile(r"[^\s(\[\"“'‘]+$")


def sentences(text: str) -> list[str]:
    """``text`` in pieces for a voice, in order; joined they are ``text`` again.

    A piece ends with a sentence of any script, or with a line. A piece longer than ``MOST`` (``FIRST_MOST`` for the
    first) is cut at the last comma or space before. Full stops of abbreviations, initials and numbers end no piece.
    """
    pieces: list[str] = []
    for sentence in _whole(text):
        rest = sentence
        while len(rest.rstrip()) > (most := MOST if pieces else FIRST_MOST):
            cut = _cut(rest, most)
            pieces.append(rest[:cut])
            rest = rest[cut:]
        pieces.append(rest)
    return pieces


def speakable(text: str) -> bool:
    """Whether ``text`` holds a letter or a digit."""
    return any(unicodedata.category(letter)[0] in "LN" for letter in text)


def _whole(text: str) -> Iterator[str]:
    start = 0
    for end in _END.finditer(text):
        if end.start() >= start and not _continues(
            text[max(start, end.start() - LONGEST_WORD) : end.start()], end[0], text[end.end() : end.end() + 1]
        ):
            yield text[start : end.end()]
            start = end.end()
    if start < len(text):
        yield text[start:]


def _continues(before: str, mark: str, after: str) -> bool:
    """Whether a full stop belongs to a word, or the sentence continues after it."""
    if "\n" in mark or not mark.startswith(".") or mark.startswith(".."):
        return bool(mark.startswith("..") and after.islower())
    found = _LAST_WORD.search(before)
    word = found[0] if found else ""
    initial = len(word) == 1 and word.isalpha() and word.isascii() and word.isupper() and word != "I"
    numbered = word.lower() in BEFORE_NUMBERS and after.isdigit()
    return initial or numbered or word.lower() in ABBREVIATIONS or after.islower()


def _cut(text: str, most: int) -> int:
    """Where to cut a text longer than ``most``: after the last clause that fits, else after a space, else anywhere."""
    clauses = [mark.end() for mark in _CLAUSE.finditer(text[:most]) if mark.end() > most // 3]
    if clauses:
        return clauses[-1]
    space = text.rfind(" ", most // 3, most)
    return most if space < 0 else space + 1


__all__ = ["FIRST_MOST", "MOST", "sentences", "speakable"]
