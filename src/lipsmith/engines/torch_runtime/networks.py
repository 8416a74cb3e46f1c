"""A UNet and its VAE on one device in one precision, and a copy in fp32 for numbers that overflow."""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from threading import RLock
from typing import Any, Literal, TypeVar

from ...errors import InputError
from .device import Precision, dtype_of
from .memory import out_of_memory_error
from .winograd import has_winograd, use_winograd

T = TypeVar("T")
OVERFLOW = "numbers overflowed in {precision}: those faces were drawn or encoded again in fp32, which is slower"
NO_NUMBERS = (
    "The engine's networks answer with values that are no numbers, in fp32 too: a file is damaged, or the files do not "
    "belong together. `lipsmith weights check --checksums` tells which."
)


@dataclass(slots=True, eq=False)
class Networks:
    """What draws, for any number of engines and threads at once: nothing here changes what they draw.

    ``notices`` says what is so for all who draw with them. ``exact``: as upstream, without TF32.
    """

    unet: Any
    vae: Any
    device: str
    precision: Precision
    exact: bool = False
    notices: list[str] = field(default_factory=list)
    overflows: int = 0  # calls that were done again in fp32
    _fp32: Networks | None = None
    _made: dict[Hashable, Any] = field(default_factory=dict)
    _lock: Any = field(default_factory=RLock)

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What ``make`` gives, made once and shared by all who draw with these networks.

        It must not refer to this object, or both live until Python collects cycles.
        """
        with self._lock:
            if key not in self._made:
                self._made[key] = make()
            made: T = self._made[key]
            return made

    def made(self, kind: type[T]) -> list[T]:
        """All that was made by ``once`` and is of ``kind``."""
        with self._lock:
            return [one for one in self._made.values() if isinstance(one, kind)]

    def in_fp32(self) -> Networks:
        """A copy in fp32, for what came out as no number. These networks and their graphs stay as they are.

        The copy is kept for the next overflow, until ``drop_copy``. If memory does not hold it, nothing has changed.

        Raises:
            InputError: these are fp32 already; the weights cannot be right.
            torch.cuda.OutOfMemoryError: there is no room for the copy.
        """
        if self.precision == "fp32":
            raise InputError(NO_NUMBERS)
        with self._lock:
            if self._fp32 is None:
                unet, vae = (self._widened(one) for one in (self.unet, self.vae))
                self._fp32 = Networks(unet, vae, self.device, "fp32", self.exact)
            self.overflows += 1
            return self._fp32

    def drop_copy(self) -> bool:
        """Give back the memory of the copy in fp32. Returns whether there was one."""
        with self._lock:
            there, self._fp32 = self._fp32 is not None, None
        return there

    def _widened(self, network: Any) -> Any:
        import torch

        wide = copy.deepcopy(network).float()
        wide = wide.to(memory_format=torch.contiguous_format)  # as ``move_to_device`` lays out fp32
        if self.device == "cpu" and not self.exact and has_winograd():
            use_winograd(wide)
        return wide


def move_to_device(network: Any, device: str, precision: Precision, plain: bool) -> None:
    """Move a network to its device and precision, to infer only, laid out by ``memory_layout``; ``plain``: torch's own.

    Raises:
        EngineUnavailable: the GPU's memory does not hold it.
    """
    import torch

    where: dict[str, Any] = {"device": device, "dtype": dtype_of(precision)}
    if not plain and memory_layout(precision) == "channels_last":
        where["memory_format"] = torch.channels_last
    try:
        torch.nn.Module.to(network.requires_grad_(False).eval(), **where)  # diffusers' own would warn of the dtype
    except torch.cuda.OutOfMemoryError as problem:
        raise out_of_memory_error(problem) from problem


def memory_layout(precision: Precision) -> Literal["channels_last", "plain"]:
    """How a network of convolutions and GroupNorms is laid out: channels last in half precision, else torch's own way.

    In fp32 it would only cost. On a GPU, PyTorch's GroupNorm copies such pictures into the plain layout, and most
    convolutions copy them back: 52 of 98 in the UNet, 32 of 35 in the decoder. On a CPU, GroupNorm adds the squares of
    a channel one after the other: over a black half of a face they are rounded the same way 32 768 times. In half
    precision, the kernels of tensor cores and of CPUs with bf16 read channels last, so the plain layout would be copied
    for each convolution, there and back.
    """
    return "plain" if precision == "fp32" else "channels_last"


__all__ = ["Networks", "memory_layout", "move_to_device"]
