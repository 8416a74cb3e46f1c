"""Latents and what is heard to pictures of faces: the hot path, batched, watched for numbers that are none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...errors import EngineUnavailable
from ...types import Array, Image
from ..fast import Bucketed, Compiled, cuda_graph
from . import unet
from .blend import Patch
from .fit import fit_faces
from .latents import FaceCodec, pixels
from .networks import Networks

if TYPE_CHECKING:
    import torch

GPU_BATCH = 8
_MEMORY = "the GPU's memory is too small for {batch} faces at once: {half} are drawn together"
_NO_ROOM = (
    "The GPU's memory does not hold one face more ({why}). --set tiling=true needs less, --set device=cpu none of it; "
    "nvidia-smi shows who else uses it."
)


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
        self.batch = batch or (1 if networks.device == "cpu" else GPU_BATCH)
        self._step: Callable[..., torch.Tensor] = self._drawn
        if compiled:
            self._step = Compiled(self._step, networks.notices)
        if graphs and networks.device.startswith("cuda"):
            self._step = Bucketed(self._step, cuda_graph)

    def paint(self, latents: Sequence[Array], heard: Sequence[Array]) -> list[Image]:
        """Each (8, 32, 32) latents with each (tokens, 384) drive -> (256, 256, 3) uint8 RGB."""
        return self._all(latents, heard, lambda faces, _: list(pixels(faces)))

    def paint_parts(self, latents: Sequence[Array], heard: Sequence[Array], patches: Sequence[Patch]) -> list[Image]:
        """Like ``paint``, but of each face the (h, w, 3) part that its patch pastes, made on the device."""
        return self._all(latents, heard, lambda faces, part: fit_faces(faces, patches[part]))

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
            except torch.cuda.OutOfMemoryError as problem:
                count = part.stop - part.start
                if count == 1:
                    raise EngineUnavailable(_NO_ROOM.format(why=str(problem).partition(".")[0])) from problem
                self._make_room(count)
        return drawn

    def _make_room(self, count: int) -> None:
        """``count`` faces at once were too many."""
        import torch

        self._forget()
        torch.cuda.empty_cache()
        self.batch = max(1, count // 2)
        told = _MEMORY.format(batch=count, half=self.batch)
        if told not in self._networks.notices:
            self._networks.notices.append(told)

    def _forget(self) -> None:
        """What was captured of the networks as they were."""
        if isinstance(self._step, Bucketed):
            self._step.forget()

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
