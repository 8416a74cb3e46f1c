"""The options of MuseTalk; their names are upstream's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...errors import OptionError
from ...options import option, run_option
from ..torch_runtime.device import Precision

Version = Literal["v15", "v1"]
Landmarks = Literal["facemesh", "dwpose"]
ParsingMode = Literal["auto", "raw", "neck", "jaw"]
Hearing = Literal["auto", "whole", "live"]

OFFLINE_FEATHER, REALTIME_FEATHER = 0.05, 0.1
"""Upstream's blur at the mask's edge, as a share of the crop: its two scripts differ."""
_CHEEK = (20, 160, 5)


@dataclass(frozen=True, slots=True)
class MuseTalkOptions:
    """How MuseTalk reads speech and draws.

    Raises:
        OptionError: a value that cannot be.
    """

    version: Version = option("v15", "MuseTalk 1.5 or 1.0.", help_zh="MuseTalk 1.5 或 1.0", page=True)
    weights: str = option(
        "official",
        "official: those on this machine; or a models folder; random or tiny: seeded noise, for trials.",
        help_zh="权重：official 为本机的官方权重；random、tiny 为随机权重，仅供试用",
        flag=True,
        local=True,
        page=("official", "random", "tiny"),
    )
    device: str = option(
        "auto",
        "auto: a GPU if there is one; or a device name of torch, such as cpu or cuda:1.",
        prepares=False,
        local=True,
    )
    precision: Precision = option("auto", "auto: fp16 on a GPU, bf16 on a CPU that has it, else fp32.", flag=True)
    threads: int = option(
        0,
        "Threads of torch on a CPU, 0 or more; 0: as many as cores are idle at the start.",
        prepares=False,
        flag=True,
        local=True,
    )
    batch_size: int = option(
        0, "Faces drawn together, 0 or more; 0: 8 on a GPU, 1 on a CPU.", prepares=False, flag=True
    )
    landmarks: Landmarks = option(
        "facemesh",
        "facemesh, or upstream's dwpose, which needs its own file.",
        help_zh="关键点：facemesh，或上游的 dwpose（需要它自己的文件）",
        flag=True,
        page=True,
    )
    bbox: str = option("", "x0,y0,x1,y1 in px: the face's box, the same in every frame.", flag=True)
    bbox_shift: int = option(
        0,
        "px that open (+) or close (-) the mouth; upstream allows it for v1 only.",
        help_zh="像素：张大（+）或收小（-）嘴型",
        flag=True,
        page=(-40, 40, 1),
    )
    extra_margin: int = option(
        10,
        "px below the chin, 0 or more; v1.5 only.",
        help_zh="额外边距：下巴以下的像素；v1.5",
        flag=True,
        page=(0, 40, 1),
    )
    parsing_mode: ParsingMode = option(
        "auto",
        "Which part of the face is pasted; auto: jaw, for v1 raw.",
        help_zh="解析模式：贴回面部的哪些部分",
        flag=True,
        page=True,
    )
    left_cheek_width: int = option(
        90,
        "Width of the jaw's mask to the left, 0 or more px of 512.",
        help_zh="左脸颊宽度",
        flag=True,
        page=_CHEEK,
    )
    right_cheek_width: int = option(
        90, "Width of the jaw's mask to the right, 0 or more px of 512.", help_zh="右脸颊宽度", flag=True, page=_CHEEK
    )
    feather: float = option(
        OFFLINE_FEATHER, "Blur of the mask's edge, 0 to 1, as a share of the square around the face.", flag=True
    )
    audio_padding_left: int = option(2, "Pairs of 20 ms of sound before a frame, 0 to 10.", prepares=False, flag=True)
    audio_padding_right: int = option(
        2, "Pairs of 20 ms of sound after a frame; 10 with those before.", prepares=False, flag=True
    )
    hearing: Hearing = run_option(
        "auto",
        "auto: whole for films, live in sessions; whole: Whisper reads 30 s; live: 2.4 s, for answers within .3 s.",
    )
    tiling: bool = option(False, "Decode in tiles: less GPU memory, but the picture changes visibly.", prepares=False)
    graphs: bool = option(True, "On CUDA, capture each batch size as one graph.", prepares=False)
    compile: bool = option(
        False, "Use torch.compile: a minute or more before the first frame, faster after it.", prepares=False
    )
    strict: bool = option(False, "As upstream: its audio windows, latents sampled with the seed, fp32.")
    seed: int = option(0, "Seed of the latents in strict mode, and of random weights.")

    def __post_init__(self) -> None:
        for name in ("threads", "batch_size", "extra_margin", "left_cheek_width", "right_cheek_width"):
            if getattr(self, name) < 0:
                raise OptionError(f"{name} is {getattr(self, name)}; it can be 0 or more.")
        if self.audio_padding_left != 2 or self.audio_padding_right != 2:
            self._check_padding()
        if not 0 <= self.feather <= 1:
            raise OptionError(f"feather is {self.feather}; it can be 0 (a hard edge) to 1, and 0.05 is usual.")
        if self.strict and self.hearing == "live":
            raise OptionError(
                "hearing is live, but strict mode reads 30 s at once as upstream does: choose one of them."
            )
        if self.bbox and self.bbox_shift:
            raise OptionError(
                "bbox_shift moves the box that the landmarks make, bbox is one of your own: leave one out."
            )
        if self.bbox:
            self.box  # noqa: B018 - refuses a box that cannot be

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
