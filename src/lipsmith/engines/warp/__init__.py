"""The embedded default engine: CPU, no downloads, one portrait or one film."""

from .engine import WarpEngine, WarpOptions

__all__ = ["WarpEngine", "WarpOptions"]
