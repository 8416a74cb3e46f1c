"""Latents and drives to pictures of faces: the hot path, in batches, with a check for NaN and infinity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...types import Array, Image
from ..torch_runtime.graphs import Compiled, GraphCache, cuda_graph
from ..torch_runtime.memory import BatchRunner, batch_size
from ..torch_runtime.networks import Networks
from ..torch_runtime.vae import pixels
from . import unet
from .blend import Patch
from .latents import FaceCodec
from .resize import resize_faces

if TYPE_CHECKING:
    import torch


class FacePainter:
    """Draws faces of 256 px. Stateless but for its batch and precision, which shrink and grow when they must.

    Args:
        networks: what draws.
        batch: faces drawn together; 0: what suits the device.
        compiled: under ``torch.compile``.
        graphs: on CUDA, each batch size as one graph.
    """

    def __init__(self, networks: Networks, batch: int = 0, compiled: bool = False, graphs: bool = True) -> None:
        self._networks = networks
        self._codec = FaceCodec(networks.vae)
        self._step: Callable[..., torch.Tensor] = self._drawn
        if compiled:
            self._step = Compiled(self._step, networks.notices)
        if graphs and networks.device.startswith("cuda"):
            self._step = GraphCache(self._step, cuda_graph)
        self.batches = BatchRunner(batch_size(batch, networks.device), networks.notices, self._forget)

    def paint(self, latents: Sequence[Array], drives: Sequence[Array]) -> list[Image]:
        """Each (8, 32, 32) latents with each (tokens, 384) drive -> (256, 256, 3) uint8 RGB.

        Raises:
            EngineUnavailable: the GPU's memory does not hold a single face.
            InputError: the networks answer with values that are no numbers.
        """
        return self.batches.run(len(latents), lambda part: list(pixels(self._finite(latents[part], drives[part]))))

    def paint_parts(self, latents: Sequence[Array], drives: Sequence[Array], patches: Sequence[Patch]) -> list[Image]:
        """Like ``paint``, but of each face the (h, w, 3) part that its patch pastes, made on the device."""

        def draw(part: slice) -> list[Image]:
            return resize_faces(self._finite(latents[part], drives[part]), patches[part])

        return self.batches.run(len(latents), draw)

    def _forget(self) -> bool:
        """Drop what was captured of the networks as they were; whether there was anything."""
        return isinstance(self._step, GraphCache) and self._step.forget()

    def _finite(self, latents: Sequence[Array], drives: Sequence[Array]) -> torch.Tensor:
        """(B, 3, 256, 256); drawn again in fp32 where a narrower precision overflowed."""
        import torch

        faces = self._faces(np.stack(latents), np.stack(drives))
        while not bool(torch.isfinite(faces).all()):
            self._networks.upcast()
            self._forget()
            faces = self._faces(np.stack(latents), np.stack(drives))
        return faces

    def _faces(self, latents: Array, drives: Array) -> torch.Tensor:
        import torch

        with torch.inference_mode():
            placed = drives + unet.positions(drives.shape[1])
            weight = self._networks.unet.conv_in.weight
            both = (torch.from_numpy(one).to(weight.device, weight.dtype) for one in (latents, placed))
            return self._step(*both)

    def _drawn(self, latents: torch.Tensor, drives: torch.Tensor) -> torch.Tensor:
        """(B, 8, 32, 32) and (B, tokens, 384) on the device -> (B, 3, 256, 256)."""
        return self._codec.decode(unet.draw(self._networks.unet, latents, drives))


__all__ = ["FacePainter"]
