"""Networks in fp32 on a CPU, faster: 3x3 convolutions by Winograd's algorithm, residual blocks without copies.

torch's NNPACK computes a tile of 6 x 6 values of a 3x3 convolution with 64 multiplications per pair of channels,
where the plain sum needs 324 (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015: F(6x6, 3x3)).
The result is equal up to rounding: about three times the rounding error of the plain sum.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

LEAST_PIXELS = 32 * 32
"""From so many pixels on it is faster: every call transforms the kernels again, which costs as much for a small picture
as for a large one."""


def has_winograd() -> bool:
    """Whether torch was built with NNPACK and this CPU runs it: x86 with AVX2, or Arm. It also makes NNPACK ready."""
    import torch

    nnpack: Any = torch.backends.nnpack
    return bool(nnpack.is_available())


def use_winograd(network: Any) -> Any:
    """Let diffusers' ``network``, in fp32 on the CPU, convolve by NNPACK and add in place. Returns it.

    Needs ``has_winograd``. Only for inference: blocks overwrite what they have just computed.
    """
    for module in network.modules():
        if _fits(module):
            module.forward = partial(_convolved, module)
        elif _is_plain(module):
            module.forward = partial(_residual, module)
    return network


def _fits(conv: Any) -> bool:
    """Whether this is a convolution that keeps the picture's size and can be done by NNPACK."""
    import torch

    if not isinstance(conv, torch.nn.Conv2d):
        return False
    shape = conv.kernel_size, conv.stride, conv.padding, conv.dilation, conv.groups, conv.padding_mode
    return shape == ((3, 3), (1, 1), (1, 1), (1, 1), 1, "zeros")


def _is_plain(block: Any) -> bool:
    """Whether this is a block that only normalises, convolves and adds, its time embedding folded into its biases."""
    import torch
    from diffusers.models.resnet import ResnetBlock2D

    if not isinstance(block, ResnetBlock2D):
        return False
    others: tuple[Any, ...] = (block.upsample, block.downsample, block.time_emb_proj)
    scaled = block.time_embedding_norm == "scale_shift" or block.output_scale_factor != 1
    return not any(others) and not scaled and isinstance(block.nonlinearity, torch.nn.SiLU)


def _convolved(conv: torch.nn.Conv2d, picture: torch.Tensor) -> torch.Tensor:
    """(B, C, h, w) -> (B, D, h, w). One row after the other: NNPACK's own batches are slower than no Winograd.

    ``torch.compile`` does not know NNPACK and gets the plain convolution.
    """
    import torch

    large = picture.shape[2] * picture.shape[3] >= LEAST_PIXELS
    if not large or picture.dtype != torch.float32 or not picture.is_cpu or torch.compiler.is_compiling():
        return torch.nn.functional.conv2d(picture, conv.weight, conv.bias, padding=1)
    rows = [torch._nnpack_spatial_convolution(one, conv.weight, conv.bias, 1) for one in torch.split(picture, 1)]
    return rows[0] if len(rows) == 1 else torch.cat(rows)


def _residual(block: Any, picture: torch.Tensor, *_: object, **__: object) -> torch.Tensor:
    """What ``ResnetBlock2D`` does without a time embedding: (B, C, h, w) -> (B, D, h, w)."""
    from torch.nn.functional import silu

    hidden = block.conv1(silu(block.norm1(picture), inplace=True))
    hidden = block.conv2(silu(block.norm2(hidden), inplace=True))
    added: torch.Tensor = hidden.add_(picture if block.conv_shortcut is None else block.conv_shortcut(picture))
    return added


__all__ = ["has_winograd", "use_winograd"]
