"""What can be chosen of the default engine."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import OptionError


@dataclass(frozen=True, slots=True)
class WarpOptions:
    """How the default engine draws."""

    idle: bool = True  # a still portrait blinks and moves its head slightly
    seed: int = 0  # of the idle motion
    gain: float = 1.35  # of the mouth's opening; at 1 it opens about two thirds as wide as people on film do
    interior: str = "auto"  # auto: teeth of the source where it shows them; drawn: always drawn

    def __post_init__(self) -> None:
        if self.interior not in ("auto", "drawn"):
            raise OptionError(f"interior is {self.interior!r}; it can be auto or drawn")
        if not 0 <= self.gain <= 3:
            raise OptionError(f"gain is {self.gain}; it can be 0 to 3, and 1.35 is usual")
