"""The law that memory does not grow with the film: peaks of a short and a long one, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..errors import LipsmithError
from .case import Case, CaseFigures, measure

LARGEST_GROWTH = 0.1  # of the first peak


@dataclass(frozen=True, slots=True)
class MemoryLaw:
    """Peaks by length of film."""

    minutes: tuple[float, ...]
    peaks_mb: tuple[float, ...]
    growth: float  # of the largest peak over the first one: 0.1 is ten per cent
    holds: bool


def memory_law(case: Case, minutes: Sequence[float]) -> MemoryLaw:
    """Make the case's film at every length in ``minutes``, each in a process of its own.

    Raises:
        LipsmithError: a film could not be made, or this system does not tell the peak of memory.
    """
    return judge(minutes, [_peak(measure(replace(case, seconds=60 * length))) for length in minutes])


def _peak(figures: CaseFigures) -> float:
    if figures.peak_mb is None:
        raise LipsmithError("This system does not tell a process's peak of memory: leave --memory out.")
    return figures.peak_mb


def judge(minutes: Sequence[float], peaks: Sequence[float]) -> MemoryLaw:
    """Compare the peaks, in MB, with the first one."""
    growth = max(peaks) / peaks[0] - 1
    return MemoryLaw(tuple(minutes), tuple(peaks), growth, growth <= LARGEST_GROWTH)
