"""MuseTalk 1.5 and 1.0: official weights, upstream's pictures, faster."""

from ..registry import EngineSpec
from .availability import limited_reason, slow_reason, unavailable_reason
from .box import face_notes
from .engine import MuseTalkEngine
from .options import MuseTalkOptions
from .weights import CATALOGUE

SPEC = EngineSpec(
    name="musetalk",
    version="v15, v1",
    summary="MuseTalk 1.5 and 1.0: a network draws the lower face",
    needs="torch, 3.9 GB of weights, and for any speed a GPU",
    options=MuseTalkOptions,
    load=MuseTalkEngine,
    rank=20,
    unavailable_reason=unavailable_reason,
    slow_reason=slow_reason,
    limited_reason=limited_reason,
    weights=CATALOGUE,
    face_notes=face_notes,
)

__all__ = ["MuseTalkEngine", "MuseTalkOptions"]
