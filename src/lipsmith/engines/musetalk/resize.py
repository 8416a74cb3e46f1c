"""Resizes drawn faces on the device that drew them to the size that is pasted, as uint8 for one copy back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...types import Image
from .blend import Patch

if TYPE_CHECKING:
    import torch

_Taps = tuple["torch.Tensor", "torch.Tensor", "torch.Tensor"]
"""(n,) first neighbours, second ones, and the share of the second."""


def resize_faces(faces: torch.Tensor, patches: Sequence[Patch]) -> torch.Tensor:
    """Each (3, 256, 256) of 0..1 scaled to its face's box; of it the (h, w, 3) part that is pasted.

    As ``Patch.fitted`` does it to whole grey levels with OpenCV, within one level of that.

    Args:
        faces: (B, 3, 256, 256), on any device.
        patches: B.

    Returns:
        (n,) uint8 on the same device: all parts in a row, for one copy back; ``cut_parts`` takes them apart.
    """
    import torch

    levels = (faces.float().clamp(0, 1) * 255).round()
    parts = [_part(face, patch) for face, patch in zip(levels, patches, strict=True)]
    return torch.cat([part.reshape(-1) for part in parts])


def cut_parts(flat: Image, patches: Sequence[Patch]) -> list[Image]:
    """The (h, w, 3) parts in (n,) uint8 of ``resize_faces``, on the CPU."""
    shapes = [(y1 - y0, x1 - x0, 3) for x0, y0, x1, y1 in (patch.box for patch in patches)]
    ends = np.cumsum([np.prod(shape) for shape in shapes])
    return [piece.reshape(shape) for piece, shape in zip(np.split(flat, ends[:-1]), shapes, strict=True)]


def _part(levels: torch.Tensor, patch: Patch) -> torch.Tensor:
    """(h, w, 3) uint8 of (3, 256, 256) whole grey levels: bilinear, as pixels' centres lie."""
    import torch

    x0, y0, x1, y1 = patch.face
    left, top, right, bottom = patch.box
    above, below, share = _taps(top - y0, bottom - y0, y1 - y0, levels)
    rows = torch.lerp(levels[:, above], levels[:, below], share[:, None])
    first, second, share = _taps(left - x0, right - x0, x1 - x0, levels)
    part = torch.lerp(rows[:, :, first], rows[:, :, second], share)
    return part.round().to(torch.uint8).permute(1, 2, 0).contiguous()


def _taps(first: int, last: int, size: int, levels: torch.Tensor) -> _Taps:
    """Of 256 px stretched over ``size`` px: what the new px ``first`` to ``last`` are made of."""
    import torch

    side = levels.shape[-1]
    places = (torch.arange(first, last, device=levels.device) + 0.5) * (side / size) - 0.5
    places = places.clamp(0, side - 1)
    low = places.floor()
    return low.long(), (low.long() + 1).clamp(max=side - 1), places - low


__all__ = ["cut_parts", "resize_faces"]
