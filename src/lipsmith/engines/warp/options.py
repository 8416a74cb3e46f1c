"""The options of the default engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...errors import OptionError
from ...options import check, option


@dataclass(frozen=True, slots=True)
class WarpOptions:
    """How the default engine draws."""

    idle: bool = option(True, "A still portrait blinks and moves its head slightly.")
    seed: int = option(0, "Seed of the idle motion.", prepares=False)
    gain: float = option(
        1.0,
        "How far the mouth opens, 0 to 3; at 1 it opens about as wide as people on film do.",
        prepares=False,
    )
    speech_encoder: Literal["auto", "whisper", "small"] = option(
        "auto",
        "Who hears the speech. whisper: a recogniser's encoder, best on people's voices; small: a network that costs "
        "least; auto: whisper, but small in live sessions for which the machine has no more room.",
        help_zh="由谁来听语音：whisper 最适合真人声音；small 最省算力；auto 自动选择",
        prepares=False,
        flag=True,
        page=True,
    )
    interior: Literal["auto", "drawn"] = option(
        "auto", "Inside of the mouth. auto: the source's own teeth where it shows them; drawn: always drawn."
    )

    def __post_init__(self) -> None:
        check(self)
        if self.seed < 0:
            raise OptionError(f"seed is {self.seed}; it can be 0 or more.")
        if not 0 <= self.gain <= 3:
            raise OptionError(f"gain is {self.gain}; it can be 0 to 3, and 1 is usual.")
