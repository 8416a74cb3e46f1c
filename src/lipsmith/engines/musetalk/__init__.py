"""MuseTalk 1.5 and 1.0: official weights, upstream's pictures, faster."""

from .engine import MuseTalkEngine
from .options import MuseTalkOptions

__all__ = ["MuseTalkEngine", "MuseTalkOptions"]
