"""Doubled convolutions: nearest-neighbour doubling and a 3x3 convolution as one smaller convolution.

After every pixel has become four, a 3x3 kernel covers only 2x2 different pixels. Which ones depends on whether a row
and a column are even or odd, so four 2x2 kernels, of sums of the 3x3 kernel's values, give the same result from the
small picture with 16 multiplications instead of 36.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

_SEEN = (((1, 0, 0), (0, 1, 1)), ((1, 1, 0), (0, 0, 1)))
"""Even and odd rows: which of the kernel's three rows fall on the earlier, and which on the later of the two seen."""


def fold_upsampling(network: Any) -> Any:
    """Give every upsampler of diffusers' ``network`` four small kernels, in place. Returns it.

    Equal up to rounding. To be called while the weights are in fp32.
    """
    for block in network.modules():
        for place, one in enumerate(getattr(block, "upsamplers", None) or ()):
            block.upsamplers[place] = _phases(one.conv)
    return network


def _phases(conv: Any) -> Any:
    """A module that does what nearest-neighbour doubling and the 3x3 ``conv`` do."""
    import torch

    class Phases(torch.nn.Module):
        """(B, C, h, w) -> (B, D, 2h, 2w)."""

        def __init__(self) -> None:
            super().__init__()
            self.channels = conv.out_channels
            self.small = torch.nn.Conv2d(conv.in_channels, 4 * self.channels, 2, padding=1)
            self.small.weight = torch.nn.Parameter(kernels(conv.weight), requires_grad=False)
            self.small.bias = torch.nn.Parameter(conv.bias.detach().repeat(4), requires_grad=False)

        def forward(self, picture: torch.Tensor, *_: object, **__: object) -> torch.Tensor:
            height, width = picture.shape[2:]
            every = self.small(picture)
            last = every.is_contiguous(memory_format=torch.channels_last)
            layout = torch.channels_last if last else torch.contiguous_format
            shape = (len(every), self.channels, 2 * height, 2 * width)
            place = torch.empty(shape, dtype=every.dtype, device=every.device, memory_format=layout)
            for phase, part in enumerate(every.split(self.channels, 1)):
                down, right = divmod(phase, 2)
                place[:, :, down::2, right::2] = part[:, :, down : down + height, right : right + width]
            return place

    return Phases()


def kernels(weight: torch.Tensor) -> torch.Tensor:
    """(4 D, C, 2, 2) of (D, C, 3, 3): for even rows and columns, even and odd, odd and even, odd and odd."""
    import torch

    seen = torch.tensor(_SEEN, dtype=weight.dtype, device=weight.device)
    with torch.no_grad():
        four = torch.einsum("ati,bsj,dcij->abdcts", seen, seen, weight)
    return four.reshape(-1, *four.shape[3:])


__all__ = ["fold_upsampling", "kernels"]
