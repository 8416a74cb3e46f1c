"""Benchmarks: speed, memory and control accuracy, of films made in processes of their own and of live sessions."""

from .case import Case, CaseFigures, measure
from .control_accuracy import control_accuracy_of
from .hearing import HearingFigures, hearing_figures
from .memory import MemoryLaw, memory_law

__all__ = [
    "Case",
    "CaseFigures",
    "HearingFigures",
    "MemoryLaw",
    "control_accuracy_of",
    "hearing_figures",
    "measure",
    "memory_law",
]
