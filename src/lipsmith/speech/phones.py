"""The phones of the corpus: the mouth controls that each aims at, how strongly, and its viseme.

A phone's targets are the renderer's own eight controls (``types.MOUTH_CONTROLS``), so the student needs no mapping. The
numbers are our own: vowel heights and roundings in the order of phonetics textbooks, changed where people on film do
otherwise (open vowels, [e] and velars open wider; rounded vowels, [w] and [r] open less). ``jaw`` is the movement of
the chin; ``upper`` and ``lower`` add that of the lips. ``OPENING`` multiplies these three.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SILENCE = "sil"
VISEMES = (
    "silence", "p b m", "f v", "th", "t d n l", "k g h", "sh", "s z", "r", "schwa", "a", "e", "i j", "o", "u w",
)  # fmt: skip
"""Names of the viseme classes that the student's second head predicts."""

Kind = Literal["vowel", "consonant", "silence"]

OPENING = 1.6
"""Factor of the table's jaw, upper and lower: with it, a mouth opens as wide on average as those of people on film."""
_OPENERS = ("jaw", "upper", "lower")


@dataclass(frozen=True, slots=True)
class Segment:
    """One phone of ``PHONES`` with its half-open range of samples at 16 kHz."""

    start: int
    stop: int
    symbol: str


@dataclass(frozen=True, slots=True)
class Phone:
    """The mouth controls of one phone. Both tuples are in the order of ``types.MOUTH_CONTROLS``."""

    kind: Kind
    viseme: int  # index into VISEMES
    target: tuple[float, ...]  # (8,) controls
    weight: tuple[float, ...]  # (8,) its dominance over its neighbours
    reach: float  # s: how far its influence reaches into its neighbours


def _vowel(
    viseme: int, jaw: float, upper: float, lower: float, spread: float = 0, pucker: float = 0, weight: float = 1
) -> Phone:
    target = (_wide(jaw), spread, pucker, _wide(upper), _wide(lower), 0.0, 0.0, 0.05)
    return Phone("vowel", viseme, target, (weight,) * 7 + (weight / 2,), 0.075)


def _wide(target: float) -> float:
    return min(1.0, OPENING * target)


def _consonant(viseme: int, reach: float = 0.045, **controls: tuple[float, float]) -> Phone:
    """``controls``: (target, weight) by control; the others have resting targets with little weight."""
    resting = {
        "jaw": (0.15, 0.5), "spread": (0.0, 0.2), "pucker": (0.0, 0.15), "upper": (0.25, 0.5), "lower": (0.35, 0.5),
        "press": (0.0, 1.0), "bite": (0.0, 1.0), "tongue": (0.05, 0.5),
    }  # fmt: skip
    asked = resting | controls
    targets = tuple(_wide(target) if name in _OPENERS else target for name, (target, _) in asked.items())
    return Phone("consonant", viseme, targets, tuple(weight for _, weight in asked.values()), reach)


_CONSONANTS = {  # by the symbols that share it: viseme, reach, (target, weight) by control
    "pbm": _consonant(
        1, 0.045, jaw=(0.06, 2.0), spread=(0.0, 0.3), pucker=(0.0, 0.3), upper=(0.0, 3.0), lower=(0.0, 3.0),
        press=(1.15, 2.5), tongue=(0.05, 0.2),
    ),
    "fvʋ": _consonant(
        2, 0.05, jaw=(0.1, 1.2), spread=(0.1, 0.5), pucker=(0.0, 0.5), upper=(0.15, 1.5), lower=(0.0, 3.0),
        press=(0.0, 1.5), bite=(1.1, 2.5), tongue=(0.05, 0.2),
    ),
    "wɥʍ": _consonant(
        14, 0.06, jaw=(0.05, 1.2), spread=(0.0, 3.0), pucker=(1.0, 3.0), upper=(0.0, 2.5), lower=(0.0, 2.5),
    ),
    "θð": _consonant(3, jaw=(0.14, 0.9), upper=(0.25, 0.9), lower=(0.4, 0.9), tongue=(0.9, 2.0)),
    "tdnʈɖɳ": _consonant(4, jaw=(0.12, 0.8), upper=(0.25, 0.7), lower=(0.35, 0.7), tongue=(0.5, 2.0)),
    "sz": _consonant(7, jaw=(0.05, 1.6), spread=(0.3, 0.7), upper=(0.3, 1.2), lower=(0.4, 1.2), tongue=(0.2, 1.5)),
    "ʃʒʂʐ": _consonant(
        6, 0.055, jaw=(0.07, 1.5), spread=(0.0, 1.5), pucker=(0.55, 1.8), upper=(0.5, 1.2), lower=(0.6, 1.2),
        tongue=(0.2, 1.5),
    ),
    "ɕʑ": _consonant(
        6, 0.05, jaw=(0.07, 1.5), spread=(0.1, 0.8), pucker=(0.25, 0.9), upper=(0.45, 1.1), lower=(0.6, 1.1),
        tongue=(0.2, 1.5),
    ),
    "lɫɭʎɬ": _consonant(4, jaw=(0.2, 0.7), upper=(0.25, 0.6), lower=(0.3, 0.6), tongue=(1.0, 2.0)),
    "rɾɽ": _consonant(4, jaw=(0.18, 0.6), upper=(0.2, 0.5), lower=(0.3, 0.5), tongue=(0.5, 1.5)),
    "ɹɻ": _consonant(
        8, 0.055, jaw=(0.08, 1.2), spread=(0.0, 0.8), pucker=(0.45, 1.1), upper=(0.05, 1.2), lower=(0.1, 1.0)
    ),
    "jʝɲçɟc": _consonant(12, 0.05, jaw=(0.11, 0.8), spread=(0.35, 0.8), upper=(0.4, 0.7), lower=(0.45, 0.7)),
    "kɡgŋxɣqχʁ": _consonant(
        5, jaw=(0.3, 0.5), spread=(0.05, 0.1), pucker=(0.0, 0.08), upper=(0.3, 0.5), lower=(0.4, 0.5)
    ),
    "hʔħʕɦ": _consonant(
        5, jaw=(0.34, 0.3), spread=(0.0, 0.05), pucker=(0.0, 0.05), upper=(0.35, 0.3), lower=(0.45, 0.3)
    ),
    "ɸβ": _consonant(1, jaw=(0.1, 1.2), pucker=(0.1, 0.5), upper=(0.0, 4.0), lower=(0.0, 4.0), press=(0.5, 3.0)),
}  # fmt: skip

PHONES: dict[str, Phone] = {
    SILENCE: Phone("silence", 0, (0.0,) * 8, (1.2,) * 8, 0.09),
    "a": _vowel(10, 0.75, 0.40, 0.60, spread=0.1),
    "ɑ": _vowel(10, 0.75, 0.35, 0.50),
    "ɒ": _vowel(10, 0.20, 0.00, 0.00, pucker=0.3),
    "æ": _vowel(10, 0.75, 0.50, 0.55, spread=0.3),
    "ɐ": _vowel(10, 0.38, 0.35, 0.50, spread=0.05),
    "ʌ": _vowel(10, 0.38, 0.35, 0.50, spread=0.05),
    "ə": _vowel(9, 0.24, 0.20, 0.30, spread=0.05, weight=0.6),
    "ɚ": _vowel(8, 0.16, 0.10, 0.15, pucker=0.25),
    "ɜ": _vowel(8, 0.16, 0.10, 0.15, pucker=0.2),
    "ɛ": _vowel(11, 0.42, 0.45, 0.55, spread=0.3),
    "e": _vowel(11, 0.42, 0.45, 0.55, spread=0.4),
    "ɪ": _vowel(12, 0.18, 0.40, 0.45, spread=0.28, weight=0.8),
    "i": _vowel(12, 0.11, 0.45, 0.50, spread=0.45),
    "ɨ": _vowel(12, 0.14, 0.40, 0.45, spread=0.25, weight=0.8),
    "ᵻ": _vowel(12, 0.14, 0.40, 0.45, spread=0.25, weight=0.7),
    "y": _vowel(14, 0.10, 0.05, 0.10, pucker=0.85),
    "ø": _vowel(13, 0.22, 0.05, 0.10, pucker=0.7),
    "œ": _vowel(13, 0.30, 0.10, 0.15, pucker=0.6),
    "ɵ": _vowel(13, 0.20, 0.05, 0.05, pucker=0.65),
    "ʉ": _vowel(14, 0.12, 0.05, 0.05, pucker=0.75),
    "ɯ": _vowel(12, 0.14, 0.25, 0.35, pucker=0.1),
    "u": _vowel(14, 0.05, 0.00, 0.00, pucker=0.95),
    "ʊ": _vowel(14, 0.05, 0.00, 0.00, pucker=0.65, weight=0.85),
    "o": _vowel(13, 0.20, 0.00, 0.00, pucker=0.85),
    "ɔ": _vowel(13, 0.20, 0.00, 0.00, pucker=0.65),
    "ɤ": _vowel(9, 0.26, 0.25, 0.35),
    **{symbol: phone for symbols, phone in _CONSONANTS.items() for symbol in symbols},
}
"""By IPA symbol."""

CLOSURES = frozenset("pbm")
"""The phones in which the lips must meet."""
VOICELESS_STOPS = frozenset("ptkʈcq")
