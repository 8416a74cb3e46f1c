"""The options of the default engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...errors import OptionError
from ...options import check, option


@dataclass(frozen=True, slots=True)
class WarpOptions:
    """How the default engine draws."""

    idle: bool = option(
        True, "A still portrait blinks, looks around and moves its head; --no-idle is the same as --still.", flag=True
    )
    life: float = option(
        1.0,
        "How lively a still portrait is, 0 to 2: blinks, gaze, brows and head motion. 1 is natural, 0 is still.",
        help_zh="静态肖像的生动程度，0 到 2：眨眼、视线、眉毛和头部动作。1 为自然，0 为静止。",
        prepares=False,
        flag=True,
        page=(0.0, 2.0, 0.1),
    )
    seed: int | None = option(
        None, "Seed of the blinks and of the head motion. Not given: every picture has its own.", prepares=False
    )
    gain: float = option(
        1.0,
        "How far the mouth opens, 0 to 3; at 1 it opens about as wide as people on film do.",
        prepares=False,
        flag=True,
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
        "auto", "Inside of the mouth. auto: the source's own teeth where it shows them; drawn: always drawn.", flag=True
    )

    def __post_init__(self) -> None:
        check(self)
        if self.seed is not None and self.seed < 0:
            raise OptionError(f"seed is {self.seed}; it can be 0 or more.")
        if not 0 <= self.life <= 2:
            raise OptionError(f"life is {self.life}; it can be 0 (still) to 2, and 1 is natural.")
        if not 0 <= self.gain <= 3:
            raise OptionError(f"gain is {self.gain}; it can be 0 to 3, and 1 is usual.")
