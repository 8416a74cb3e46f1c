"""Latents and what is heard to pictures of faces: the hot path, batched, watched for numbers that are none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...types import Array, Image
from ..torch_runtime.graphs import Compiled, GraphCache, cuda_graph
from . import unet
from .blend import Patch
from .latents import FaceCodec, pixels
from .networks import Networks, no_room
from .resize import resize_faces

if TYPE_CHECKING:
    import torch

    from ...errors import EngineUnavailable

_GPU_BATCH = 8
_MEMORY = "the GPU's memory is too small for {batch} faces at once: {half} are drawn together"


def batch_of(asked: int, device: str) -> int:
    """Faces drawn together: as many as were asked for, or what suits the device."""
    return asked or (1 if device == "cpu" else _GPU_BATCH)


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
        self.batch = batch_of(batch, networks.device)
        self._step: Callable[..., torch.Tensor] = self._drawn
        if compiled:
            self._step = Compiled(self._step, networks.notices)
        if graphs and networks.device.startswith("cuda"):
            self._step = GraphCache(self._step, cuda_graph)

    def paint(self, latents: Sequence[Array], heard: Sequence[Array]) -> list[Image]:
        """Each (8, 32, 32) latents with each (tokens, 384) drive -> (256, 256, 3) uint8 RGB."""
        return self._all(latents, heard, lambda faces, _: list(pixels(faces)))

    def paint_parts(self, latents: Sequence[Array], heard: Sequence[Array], patches: Sequence[Patch]) -> list[Image]:
        """Like ``paint``, but of each face the (h, w, 3) part that its patch pastes, made on the device."""
        return self._all(latents, heard, lambda faces, part: resize_faces(faces, patches[part]))

    def _all(
        self, latents: Sequence[Array], heard: Sequence[Array], finish: Callable[[torch.Tensor, slice], list[Image]]
    ) -> list[Image]:
        """Batch after batch, each as large as the memory allows.

        Raises:
            EngineUnavailable: it does not hold a single face.
            InputError: the networks answer with values that are no numbers.
        """
        import torch

        drawn: list[Image] = []
        while len(drawn) < len(latents):
            part = slice(len(drawn), min(len(drawn) + self.batch, len(latents)))
            try:
                drawn += finish(self._finite(np.stack(latents[part]), np.stack(heard[part])), part)
                continue
            except torch.cuda.OutOfMemoryError as problem:
                full = no_room(problem)
            self._make_room(part.stop - part.start, full)  # not before: the problem holds on to what was being drawn
        return drawn

    def _make_room(self, count: int, full: EngineUnavailable) -> None:
        """``count`` faces at once were too many: fewer, or one without captures; else raise ``full``."""
        import torch

        forgot = self._forget()
        torch.cuda.empty_cache()
        if count > 1:
            self.batch = count // 2
            told = _MEMORY.format(batch=count, half=self.batch)
            if told not in self._networks.notices:
                self._networks.notices.append(told)
        elif not forgot:
            raise full

    def _forget(self) -> bool:
        """What was captured of the networks as they were; whether anything was."""
        return isinstance(self._step, GraphCache) and self._step.forget()

    def _finite(self, latents: Array, heard: Array) -> torch.Tensor:
        """Drawn again in fp32 where a narrower precision overflowed."""
        import torch

        faces = self._faces(latents, heard)
        while not bool(torch.isfinite(faces).all()):
            self._networks.widen()
            self._forget()
            faces = self._faces(latents, heard)
        return faces

    def _faces(self, latents: Array, heard: Array) -> torch.Tensor:
        import torch

        with torch.inference_mode():
            placed = heard + unet.positions(heard.shape[1])
            weight = self._networks.unet.conv_in.weight
            given, told = (torch.from_numpy(one).to(weight.device, weight.dtype) for one in (latents, placed))
            return self._step(given, told)

    def _drawn(self, latents: torch.Tensor, heard: torch.Tensor) -> torch.Tensor:
        """(B, 8, 32, 32) and (B, tokens, 384) on the device -> (B, 3, 256, 256)."""
        return self._codec.decode(unet.draw(self._networks.unet, latents, heard))
