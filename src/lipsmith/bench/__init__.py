"""How fast, how big and how obedient: films made alone in fresh processes, and mouths told what to do."""

from .case import Case, Figures, measure
from .memory import MemoryLaw, memory_law
from .obey import obedience_of

__all__ = ["Case", "Figures", "MemoryLaw", "measure", "memory_law", "obedience_of"]
