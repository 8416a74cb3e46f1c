"""A UNet and its VAE on one device in one precision, and the fallback to fp32 if numbers overflow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ...errors import InputError
from .device import Precision, dtype_of
from .memory import out_of_memory_error
from .winograd import has_winograd, use_winograd

OVERFLOW = "numbers overflowed in {precision}: drawn in fp32 from there on, which is slower"
NO_NUMBERS = (
    "The engine's networks answer with values that are no numbers, in fp32 too: a file is damaged, or the files do not "
    "belong together. `lipsmith weights check --checksums` tells which."
)


@dataclass(slots=True, eq=False)
class Networks:
    """What draws. ``notices`` says what was changed on the way."""

    unet: Any
    vae: Any
    device: str
    precision: Precision
    notices: list[str] = field(default_factory=list)

    def upcast(self) -> None:
        """What came out is no number: go on in full precision.

        Raises:
            InputError: it is fp32 already; the weights cannot be right.
        """
        if self.precision == "fp32":
            raise InputError(NO_NUMBERS)
        import torch

        self.notices.append(OVERFLOW.format(precision=self.precision))
        for network in (self.unet, self.vae):
            network.float()
            if self.device == "cpu":
                network.to(memory_format=torch.contiguous_format)  # as ``move_to_device`` lays out fp32
                if has_winograd():
                    use_winograd(network)
        self.precision = "fp32"


def move_to_device(network: Any, device: str, precision: Precision, plain: bool) -> None:
    """Move a network to its device and precision, to infer only.

    It is laid out channels last, but for fp32 on a CPU and where ``plain`` asks for torch's usual layout. On a CPU
    channels last saves 5 % of fp32 at most, and there PyTorch's GroupNorm adds the squares of a channel one after the
    other: over a black half of a face they are rounded the same way 32 768 times.

    Raises:
        EngineUnavailable: the GPU's memory does not hold it.
    """
    import torch

    where: dict[str, Any] = {"device": device, "dtype": dtype_of(precision)}
    if not plain and (device, precision) != ("cpu", "fp32"):
        where["memory_format"] = torch.channels_last
    try:
        torch.nn.Module.to(network.requires_grad_(False).eval(), **where)  # diffusers' own would warn of the dtype
    except torch.cuda.OutOfMemoryError as problem:
        raise out_of_memory_error(problem) from problem


__all__ = ["Networks", "move_to_device"]
