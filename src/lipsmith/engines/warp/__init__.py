"""The embedded default engine: CPU, no downloads, one portrait or one film."""

from .engine import WarpEngine
from .options import WarpOptions

__all__ = ["WarpEngine", "WarpOptions"]
