"""What can be chosen of the default engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ...errors import OptionError
from ...options import check


@dataclass(frozen=True, slots=True)
class WarpOptions:
    """How the default engine draws."""

    idle: bool = True  # a still portrait blinks and moves its head slightly
    seed: int = field(default=0, metadata={"prepares": False})  # of the idle motion
    gain: float = field(
        default=1.35, metadata={"prepares": False}
    )  # of the mouth's opening; at 1 it opens about two thirds as wide as people on film do
    interior: Literal["auto", "drawn"] = "auto"  # auto: teeth of the source where it shows them; drawn: always drawn

    def __post_init__(self) -> None:
        check(self)
        if self.seed < 0:
            raise OptionError(f"seed is {self.seed}; it can be 0 or more.")
        if not 0 <= self.gain <= 3:
            raise OptionError(f"gain is {self.gain}; it can be 0 to 3, and 1.35 is usual.")
