"""Flags of ``generate`` that belong to one engine; what has no flag here is given by ``--set``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..errors import OptionError
from ..options import parse_settings

MUSETALK_WORDS = {
    "weights": "official: looked for; or a models folder; random or tiny: seeded noise, for trials.",
    "precision": "auto: fp16 on a GPU, bf16 on a CPU that has it, else fp32.",
    "batch_size": "Faces drawn together; 0: 8 on a GPU, 1 on a CPU.",
    "landmarks": "facemesh, or upstream's dwpose by its own file.",
    "bbox": "x0,y0,x1,y1 in px: the face's box, the same in every frame.",
    "bbox_shift": "px that open (+) or close (-) the mouth; upstream knows it for v1 only.",
    "extra_margin": "px below the chin; v1.5 only.",
    "parsing_mode": "What of the face is pasted; auto: jaw, for v1 raw.",
    "left_cheek_width": "How wide the jaw's mask is to the left, px of 512.",
    "right_cheek_width": "... and to the right.",
    "feather": "Blur of the mask's edge, as a share of the square around the face.",
    "audio_padding_left": "Pairs of 20 ms heard before a frame.",
    "audio_padding_right": "... and after it.",
}


def engine_options(flags: dict[str, Any], settings: Iterable[str]) -> dict[str, Any]:
    """Take the engine's flags that were given out of ``flags``, and join them with the words of ``--set``.

    Raises:
        OptionError: one option was given both ways, or a word sets nothing.
    """
    given = {name: flags.pop(name) for name in MUSETALK_WORDS if name in flags}
    given = {name: value for name, value in given.items() if value is not None}
    parsed = parse_settings(settings)
    for name in (one for one in parsed if one in given):
        raise OptionError(f"{name} is given twice, by --{name.replace('_', '-')} and by --set; leave one of them out.")
    return {**parsed, **given}
