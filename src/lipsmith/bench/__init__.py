"""How fast and how big: films made alone in a fresh process, on as many cores as asked for."""

from .case import Case, Figures, measure
from .memory import MemoryLaw, memory_law

__all__ = ["Case", "Figures", "MemoryLaw", "measure", "memory_law"]
