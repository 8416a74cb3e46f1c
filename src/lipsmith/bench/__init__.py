"""How fast, how big and how obedient: films made alone in fresh processes, and mouths told what to do."""

from .case import Case, CaseFigures, measure
from .control_accuracy import control_accuracy_of
from .memory import MemoryLaw, memory_law

__all__ = ["Case", "CaseFigures", "MemoryLaw", "control_accuracy_of", "measure", "memory_law"]
