"""When each phone of Kokoro's speech sounds, from the lengths that the network gives its symbols.

A symbol sounds about 60 ms before the network books it. Measured on 68 voices and mixes, the sound then changes 4 to
16 ms after our boundaries ([s] by its hiss, closures of [p t k b m] by the level); with eSpeak's own boundaries, 0.
Marks have frames too: those of a stress belong to the phone after it, those of length and tone to the phone before, a
space's half to each side; punctuation is a pause. The last phone of a sentence books .2 to .4 s of the silence behind
it, so the sound decides where a pause begins and ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..types import Samples
from .kokoro_model import HOP, RATE, KokoroSound

SHIFT = 0.06  # s
CLOSURE = 0.06  # s kept before the burst of a stop after a pause
QUIET = 38.0  # dB under the sentence's level (its 95 % quantile): below, nobody speaks
SHORTEST = 0.03  # s of a silence, and of a phone beside one
BLOCK = RATE // 200  # samples: 5 ms

STRESS = frozenset("ˈˌ")
PAUSES = frozenset(";:,.!?—…()")
_AFTER = frozenset("ːʰʲᵝ\u0303↓→↗↘")
_STOPS = frozenset("pbtdkɡqcɟʈɖʧʤʦʣʨʥ")
IPA = {
    "A": "eɪ", "I": "aɪ", "O": "oʊ", "Q": "əʊ", "W": "aʊ", "Y": "ɔɪ", "ᵊ": "ə", "T": "ɾ", "S": "s", "ʤ": "dʒ",
    "ʧ": "tʃ", "ʦ": "ts", "ʣ": "dz", "ʨ": "tɕ", "ʥ": "dʑ", "ꭧ": "tʂ", "ɴ": "ŋ", "ɰ": "ɯ", "ʝ": "j",
}  # fmt: skip
"""Kokoro's letters that are no IPA, or stand for two sounds."""


@dataclass(frozen=True, slots=True)
class TimedSymbol:
    """A phone's symbol, or "" for a pause, and when it sounds."""

    start: float  # s
    stop: float  # s
    symbol: str

    @property
    def ipa(self) -> str:
        """In IPA; "" for a pause."""
        return IPA.get(self.symbol, self.symbol)


def phone_times(symbols: str, sound: KokoroSound) -> list[TimedSymbol]:
    """The phones and pauses of ``symbols``, contiguous from 0 to the end of the sound."""
    length = len(sound.samples) / RATE
    booked = booked_symbols(symbols, (sound.durations * (HOP / RATE)).tolist())
    earlier = [TimedSymbol(max(0.0, one.start - SHIFT), max(0.0, one.stop - SHIFT), one.symbol) for one in booked]
    earlier[-1] = TimedSymbol(earlier[-1].start, length, earlier[-1].symbol)
    return _heard_pauses([one for one in earlier if one.stop > one.start], _quiet_blocks(sound.samples))


def booked_symbols(symbols: str, seconds: Sequence[float]) -> list[TimedSymbol]:
    """Whose frames are whose, as the network books them. ``seconds``: of the start, each symbol, and the end.

    Contiguous from 0; begins and ends with a pause; pauses are never neighbours.
    """
    found, waiting, now = [TimedSymbol(0.0, 0.0, "")], 0.0, 0.0
    for symbol, length in zip(("", *symbols, ""), seconds, strict=True):
        begin, now = now - waiting, now + length
        last = found[-1]
        if symbol in STRESS:
            waiting += length
            continue
        waiting = 0.0
        if symbol == " " and last.symbol:
            found += [TimedSymbol(begin, now, " ")]
        elif symbol == " " or symbol in _AFTER or (not last.symbol and (not symbol or symbol in PAUSES)):
            found[-1] = TimedSymbol(last.start, now, last.symbol)
        elif symbol and symbol not in PAUSES:
            found += [TimedSymbol(begin, now, symbol)]
        elif last.symbol == " ":
            found[-1] = TimedSymbol(last.start, now, "")
        else:
            found += [TimedSymbol(begin, now, "")]
    return _without_spaces(found)


def _without_spaces(found: Sequence[TimedSymbol]) -> list[TimedSymbol]:
    """Give half a space to either neighbour."""
    middles = {place: (one.start + one.stop) / 2 for place, one in enumerate(found) if one.symbol == " "}
    return [
        TimedSymbol(middles.get(place - 1, one.start), middles.get(place + 1, one.stop), one.symbol)
        for place, one in enumerate(found)
        if one.symbol != " "
    ]


def _heard_pauses(booked: Sequence[TimedSymbol], quiet: NDArray[np.bool_]) -> list[TimedSymbol]:
    """Put each pause where the sound is silent; one without a silence is no pause, and its time goes to both sides."""
    found = list(booked)
    for place, pause in enumerate(booked):
        if pause.symbol:
            continue
        before = found[place - 1] if place else None
        after = found[place + 1] if place + 1 < len(found) else None
        start, stop = _silence(before, pause, after, quiet)
        if before:
            found[place - 1] = TimedSymbol(before.start, start, before.symbol)
        if after:
            found[place + 1] = TimedSymbol(stop, after.stop, after.symbol)
        found[place] = TimedSymbol(start, stop, "")
    return [one for one in found if one.stop > one.start]


def _silence(
    before: TimedSymbol | None, pause: TimedSymbol, after: TimedSymbol | None, quiet: NDArray[np.bool_]
) -> tuple[float, float]:
    """When a pause begins and ends; the same moment twice: there is no silence between the two phones."""
    first = min(before.start + SHORTEST, pause.start) if before else 0.0
    last = max(after.stop - SHORTEST, pause.stop) if after else pause.stop
    runs = list(_runs(quiet, first, last))
    if not runs:
        middle = (pause.start + pause.stop) / 2
        return (middle if before else 0.0), (middle if after else pause.stop)
    shared = [min(stop, pause.stop) - max(start, pause.start) for start, stop in runs]
    start, stop = runs[int(np.argmax(shared))]
    if after and after.symbol in _STOPS:
        stop = max(start, stop - CLOSURE)
    return (start if before else 0.0), (stop if after else pause.stop)


def _runs(quiet: NDArray[np.bool_], first: float, last: float) -> Iterator[tuple[float, float]]:
    """When each silence of at least ``SHORTEST`` between two times begins and ends."""
    offset = round(first * RATE / BLOCK)
    within = quiet[offset : round(last * RATE / BLOCK)].astype(np.int8)
    edges = np.flatnonzero(np.diff(within, prepend=0, append=0)) + offset
    for start, stop in edges.reshape(-1, 2) * (BLOCK / RATE):
        if stop - start >= SHORTEST:
            yield max(first, float(start)), min(last, float(stop))


def _quiet_blocks(samples: Samples) -> NDArray[np.bool_]:
    """(blocks,) whether nobody speaks."""
    whole = samples[: len(samples) // BLOCK * BLOCK].reshape(-1, BLOCK).astype(np.float64)
    level = 10 * np.log10(np.mean(whole**2, axis=1) + 1e-10)
    quiet: NDArray[np.bool_] = level < np.quantile(level, 0.95) - QUIET if len(level) else np.zeros(0, np.bool_)
    return quiet


def ipa_starts(phones: Iterable[TimedSymbol]) -> list[tuple[float, str]]:
    """(start in s, IPA) of each; "" for a pause."""
    return [(one.start, one.ipa) for one in phones]


__all__ = ["PAUSES", "SHIFT", "TimedSymbol", "booked_symbols", "ipa_starts", "phone_times"]
