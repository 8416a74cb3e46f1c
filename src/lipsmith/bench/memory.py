"""The law that memory does not grow with the film: peaks of a short and a long one, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from .case import Case, Figures, measure

LARGEST_GROWTH = 0.1  # of the first peak


@dataclass(frozen=True, slots=True)
class MemoryLaw:
    """Peaks by length of film."""

    minutes: tuple[float, ...]
    peaks_mb: tuple[float, ...]
    growth: float  # of the largest peak over the first one: 0.1 is ten per cent
    holds: bool


def memory_law(case: Case, minutes: Sequence[float]) -> MemoryLaw:
    """Make the case's film at every length in ``minutes``, each in a process of its own."""
    return judge(minutes, [measure(replace(case, seconds=60 * length)) for length in minutes])


def judge(minutes: Sequence[float], found: Sequence[Figures]) -> MemoryLaw:
    """Compare the peaks with the first one."""
    peaks = tuple(figures.peak_mb for figures in found)
    growth = max(peaks) / peaks[0] - 1
    return MemoryLaw(tuple(minutes), peaks, growth, growth <= LARGEST_GROWTH)
