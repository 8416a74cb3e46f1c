"""Latents and what is heard to pictures of faces: the hot path, batched, watched for numbers that are none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...types import Array, Image
from . import unet
from .latents import FaceCodec, pixels
from .networks import Networks

if TYPE_CHECKING:
    import torch

GPU_BATCH = 8
_OVERFLOW = "numbers overflowed in {precision}: drawn in fp32 from there on, which is slower"
_MEMORY = "the GPU's memory is too small for {batch} faces at once: {half} are drawn together"


class FacePainter:
    """Draws faces of 256 px. Stateless but for its batch and precision, which shrink and grow when they must."""

    def __init__(self, networks: Networks, batch: int = 0) -> None:
        self._networks = networks
        self._codec = FaceCodec(networks.vae)
        self.batch = batch or (1 if networks.device == "cpu" else GPU_BATCH)

    def paint(self, latents: Sequence[Array], heard: Sequence[Array]) -> list[Image]:
        """Each (8, 32, 32) latents with each (tokens, 384) drive -> (256, 256, 3) uint8 RGB."""
        drawn: list[Image] = []
        while len(drawn) < len(latents):
            part = slice(len(drawn), len(drawn) + self.batch)
            drawn += self._painted(np.stack(latents[part]), np.stack(heard[part]))
        return drawn

    def _painted(self, latents: Array, heard: Array) -> list[Image]:
        """As many as the memory allows, at least one."""
        import torch

        try:
            return list(pixels(self._finite(latents, heard)))
        except torch.cuda.OutOfMemoryError:
            if len(latents) == 1:
                raise
        torch.cuda.empty_cache()
        self.batch = max(1, len(latents) // 2)
        self._notice(_MEMORY.format(batch=len(latents), half=self.batch))
        return self._painted(latents[: self.batch], heard[: self.batch])

    def _finite(self, latents: Array, heard: Array) -> torch.Tensor:
        """Drawn again in fp32 where a narrower precision overflowed."""
        import torch

        faces = self._faces(latents, heard)
        if self._networks.precision == "fp32" or bool(torch.isfinite(faces).all()):
            return faces
        self._notice(_OVERFLOW.format(precision=self._networks.precision))
        self._networks.to_fp32()
        return self._faces(latents, heard)

    def _faces(self, latents: Array, heard: Array) -> torch.Tensor:
        import torch

        with torch.inference_mode():
            placed = heard + unet.positions(heard.shape[1])
            weight = self._networks.unet.conv_in.weight
            given, told = (torch.from_numpy(one).to(weight.device, weight.dtype) for one in (latents, placed))
            return self._codec.decode(unet.draw(self._networks.unet, given, told))

    def _notice(self, words: str) -> None:
        if words not in self._networks.notices:
            self._networks.notices.append(words)
