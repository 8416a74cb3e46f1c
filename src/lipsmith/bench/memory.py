"""Checks that memory does not grow with a film's length: compares the peaks of a short and a long film."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..errors import LipsmithError
from .case import Case, CaseFigures, measure

LARGEST_GROWTH = 0.1  # of the first peak


@dataclass(frozen=True, slots=True)
class MemoryLaw:
    """Peak memory by length of film."""

    minutes: tuple[float, ...]
    peaks_mb: tuple[float, ...]
    growth: float  # of the largest peak over the first one: 0.1 is 10 %
    holds: bool


def memory_law(case: Case, minutes: Sequence[float]) -> MemoryLaw:
    """Make the film of the case at every length in ``minutes``, each in a process of its own.

    Raises:
        LipsmithError: a film could not be made, or this system does not report peak memory.
    """
    return judge(minutes, [_peak(measure(replace(case, seconds=60 * length))) for length in minutes])


def _peak(figures: CaseFigures) -> float:
    if figures.peak_mb is None:
        raise LipsmithError("This system does not report the peak memory of a process: leave --memory out.")
    return figures.peak_mb


def judge(minutes: Sequence[float], peaks: Sequence[float]) -> MemoryLaw:
    """Compare the peaks, in MB, with the first one."""
    growth = max(peaks) / peaks[0] - 1
    return MemoryLaw(tuple(minutes), tuple(peaks), growth, growth <= LARGEST_GROWTH)
