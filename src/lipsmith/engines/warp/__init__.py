"""The embedded default engine: CPU, no downloads, one portrait or one film."""

from ..registry import EngineSpec
from .engine import INFO, WarpEngine, unavailable_reason
from .options import WarpOptions

SPEC = EngineSpec(
    name=INFO.name,
    version=INFO.version,
    summary="mesh warp with a drawn mouth; the embedded default",
    needs="nothing: any CPU",
    options=WarpOptions,
    load=WarpEngine,
    unavailable_reason=unavailable_reason,
    rank=10,
)

__all__ = ["WarpEngine", "WarpOptions"]
