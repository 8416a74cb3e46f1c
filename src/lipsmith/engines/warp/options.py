"""What can be chosen of the default engine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WarpOptions:
    """How the default engine draws."""

    idle: bool = True  # a still portrait blinks and moves its head slightly
    seed: int = 0  # of the idle motion
    gain: float = 1.0  # of the mouth's controls
    interior: str = "auto"  # auto: teeth of the source where it shows them; drawn: always drawn
