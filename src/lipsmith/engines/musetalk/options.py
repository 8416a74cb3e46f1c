"""What can be chosen of MuseTalk; the names are upstream's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ...errors import OptionError

Version = Literal["v15", "v1"]
Precision = Literal["auto", "fp32", "bf16", "fp16"]
Landmarks = Literal["facemesh", "dwpose"]
ParsingMode = Literal["auto", "raw", "neck", "jaw"]
Hearing = Literal["whole", "live"]

_APART = {"prepares": False}
"""Of options that shape nothing of what is prepared: an avatar made with others serves as well."""
OFFLINE_FEATHER, REALTIME_FEATHER = 0.05, 0.1
"""Upstream's blur at the mask's edge, as a share of the crop: its two scripts differ."""


@dataclass(frozen=True, slots=True)
class MuseTalkOptions:
    """How MuseTalk listens and draws.

    Raises:
        OptionError: a value that cannot be.
    """

    version: Version = "v15"
    weights: str = "official"  # official: looked for; a models folder; random, tiny: seeded noise for trials and tests
    device: str = field(default="auto", metadata=_APART)  # auto: the GPU if there is one; else what torch calls it
    precision: Precision = "auto"  # fp16 on GPUs, bf16 on CPUs that have it, else fp32
    batch_size: int = field(default=0, metadata=_APART)  # faces drawn together; 0: 8 on a GPU, 1 on a CPU
    landmarks: Landmarks = "facemesh"
    bbox: str = ""  # x0,y0,x1,y1 px: the face's box, the same in every frame
    bbox_shift: int = 0  # px: moves the mask's upper edge down, and so opens the mouth
    extra_margin: int = 10  # px below the chin, v1.5 only
    parsing_mode: ParsingMode = "auto"  # what is pasted; auto: jaw, for v1 raw
    left_cheek_width: int = 90  # px of 512: how far from the middle the jaw's mask grows downwards
    right_cheek_width: int = 90
    feather: float = OFFLINE_FEATHER  # blur of the mask's edge, as a share of the crop
    audio_padding_left: int = field(default=2, metadata=_APART)  # pairs of 20 ms heard before a frame
    audio_padding_right: int = field(default=2, metadata=_APART)  # ... and after it
    # whole: 30 s at once, the best; live: answers 132.5 ms after a frame's start
    hearing: Hearing = field(default="whole", metadata=_APART)
    tiling: bool = field(default=False, metadata=_APART)  # decode in tiles, for GPUs with little memory
    # on CUDA: each batch size as one graph, batches filled up to 1, 2, 4, 8, 16
    graphs: bool = field(default=True, metadata=_APART)
    # torch.compile: a minute before the first frame, faster after it
    compile: bool = field(default=False, metadata=_APART)
    strict: bool = False  # as upstream does it: its audio windows, and latents drawn by seed
    seed: int = 0  # of the latents in strict mode, and of random weights

    def __post_init__(self) -> None:
        for name in ("batch_size", "extra_margin", "left_cheek_width", "right_cheek_width"):
            if getattr(self, name) < 0:
                raise OptionError(f"{name} is {getattr(self, name)}; it can be 0 or more.")
        if self.audio_padding_left != 2 or self.audio_padding_right != 2:
            self._check_padding()
        if not 0 <= self.feather <= 1:
            raise OptionError(f"feather is {self.feather}; it can be 0 (a hard edge) to 1, and 0.05 is usual.")
        if self.strict and self.hearing == "live":
            raise OptionError(
                "hearing is live, but strict mode hears 30 s at once as upstream does: choose one of them."
            )
        if self.bbox and self.bbox_shift:
            raise OptionError(
                "bbox_shift moves the box that the landmarks make, bbox is one of your own: leave one out."
            )
        if self.bbox:
            self.box  # noqa: B018 - a box that cannot be is told now

    @property
    def box(self) -> tuple[int, int, int, int] | None:
        """``bbox`` in numbers, or None.

        Raises:
            OptionError: not four whole numbers that make a box.
        """
        if not self.bbox:
            return None
        try:
            x0, y0, x1, y1 = (int(part) for part in self.bbox.split(","))
        except ValueError as problem:
            raise OptionError(f"bbox is '{self.bbox}'; it must be four whole numbers x0,y0,x1,y1.") from problem
        if x1 <= x0 or y1 <= y0:
            raise OptionError(f"bbox is '{self.bbox}'; x1 must be right of x0, and y1 below y0.")
        return x0, y0, x1, y1

    @property
    def mode(self) -> Literal["raw", "neck", "jaw"]:
        """The parsing mode: v1 knows raw only."""
        if self.parsing_mode == "auto":
            return "jaw" if self.version == "v15" else "raw"
        return self.parsing_mode

    @property
    def margin(self) -> int:
        """px added below the box."""
        return self.extra_margin if self.version == "v15" else 0

    def _check_padding(self) -> None:
        left, right = self.audio_padding_left, self.audio_padding_right
        if left < 0 or right < 0 or left + right > 10:
            raise OptionError(f"An audio padding of {left} and {right} was asked for; both are 0 or more, 10 together.")
