"""Latents and drives to pictures of faces: the hot path, in batches, with a check for NaN and infinity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...types import Array, Image
from ..torch_runtime.cuda import cuda_device
from ..torch_runtime.graphs import Compiled, CudaGraphs, GraphCache
from ..torch_runtime.memory import BatchRunner, batch_size
from ..torch_runtime.networks import OVERFLOW, Networks
from ..torch_runtime.precision import full_fp32
from ..torch_runtime.transfer import begin_download, upload
from ..torch_runtime.vae import grey_levels
from . import unet
from .blend import Patch
from .latents import FaceCodec
from .resize import cut_parts, resize_faces

if TYPE_CHECKING:
    import torch

    Step = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    """(B, 8, 32, 32) and (B, tokens, 384) on the device -> (B, 3, 256, 256)."""
    Shaped = Callable[[torch.Tensor, Sequence[Patch]], torch.Tensor]
    """(B, 3, 256, 256) and its patches -> what is copied back."""

SHAPE = (8, 32, 32), (50, 384)
"""Of one face's latents and drive, for ``warm_up``."""


class FacePainter:
    """Draws faces of 256 px, from any thread. Stateless but for its batch, which shrinks when it must.

    Args:
        networks: what draws; painters of the same networks share what is captured and compiled.
        batch: faces drawn together; 0: what suits the device.
        compiled: under ``torch.compile``.
        graphs: on CUDA, each batch size as one graph.
        tiled: decode in tiles.
        notices: gets a sentence for each fallback that is taken.
    """

    def __init__(
        self,
        networks: Networks,
        batch: int = 0,
        compiled: bool = False,
        graphs: bool = True,
        tiled: bool = False,
        notices: list[str] | None = None,
    ) -> None:
        self._networks, self._tiled = networks, tiled
        self._notices = [] if notices is None else notices
        self._cuda = cuda_device(networks.device)
        self._step = shared_step(networks, compiled, graphs, tiled)
        self.batches = BatchRunner(batch_size(batch, networks.device), self._notices)
        self.overflows = 0
        """Faces that were drawn again in fp32."""

    def paint(self, latents: Sequence[Array], drives: Sequence[Array]) -> list[Image]:
        """Each (8, 32, 32) latents with each (tokens, 384) drive -> (256, 256, 3) uint8 RGB.

        Raises:
            EngineUnavailable: the GPU's memory does not hold a single face.
            InputError: the networks answer with values that are no numbers.
        """
        return self._painted(latents, drives, [], lambda faces, _: grey_levels(faces), lambda flat, _: list(flat))

    def paint_parts(self, latents: Sequence[Array], drives: Sequence[Array], patches: Sequence[Patch]) -> list[Image]:
        """Like ``paint``, but of each face the (h, w, 3) part that its patch pastes, made on the device."""
        return self._painted(latents, drives, patches, resize_faces, cut_parts)

    def warm_up(self) -> None:
        """Capture each batch size now, the largest first, rather than at its first picture."""
        if isinstance(self._step, GraphCache):
            zeros = [np.zeros(shape, np.float32) for shape in SHAPE]
            for size in self._step.buckets(self.batches.size):
                rows = min(size, self.batches.size)
                self.paint([zeros[0]] * rows, [zeros[1]] * rows)

    def _painted(
        self,
        latents: Sequence[Array],
        drives: Sequence[Array],
        patches: Sequence[Patch],
        shape: Shaped,
        cut: Callable[[NDArray[np.uint8], Sequence[Patch]], list[Image]],
    ) -> list[Image]:
        def begin(part: slice) -> Callable[[], list[Image]]:
            given, own = (np.stack(latents[part]), np.stack(drives[part])), patches[part]
            download = self._launch(self._networks, self._step, given, own, shape)

            def finish() -> list[Image]:
                pictures, finite = download()
                cut_out = cut(pictures, own)
                for row in np.flatnonzero(~finite):
                    one, its = slice(row, row + 1), own[row : row + 1]
                    cut_out[row] = cut(self._again((given[0][one], given[1][one]), its, shape), its)[0]
                return cut_out

            return finish

        return self.batches.run(len(latents), begin, self._give_up)

    def _launch(
        self, networks: Networks, step: Step, given: tuple[Array, Array], patches: Sequence[Patch], shape: Shaped
    ) -> Callable[[], list[NDArray[Any]]]:
        """Begin to draw (B, 8, 32, 32) and (B, tokens, 384); get the pictures, and (B,) whether they are numbers."""
        import torch

        with torch.inference_mode():
            placed = given[1] + unet.positions(given[1].shape[1])
            weight = networks.unet.conv_in.weight
            faces = step(*(upload(one, weight, self._cuda) for one in (given[0], placed)))
            finite = torch.isfinite(faces).flatten(1).all(1)
            return begin_download([shape(torch.nan_to_num(faces), patches), finite], self._cuda)

    def _again(self, given: tuple[Array, Array], patches: Sequence[Patch], shape: Shaped) -> NDArray[Any]:
        """The pictures of faces whose numbers overflowed, drawn in fp32.

        Raises:
            InputError: in fp32 they are no numbers either.
        """
        wide = self._networks.in_fp32()
        self.overflows += 1
        notice = OVERFLOW.format(precision=self._networks.precision)
        if notice not in self._notices:
            self._notices.append(notice)
        pictures, finite = self._launch(wide, plain_step(wide, self._tiled), given, patches, shape)()
        if not finite.all():
            wide.in_fp32()
        return pictures

    def _give_up(self, rows: int) -> bool:
        """Give back what memory can be spared, of all who draw with these networks; whether that changed anything."""
        changed = [self._networks.drop_copy()]
        if isinstance(self._step, GraphCache):
            changed += [self._step.give_up(rows), *(cache.drop() for cache in self._networks.made(GraphCache))]
        return any(changed)


def shared_step(networks: Networks, compiled: bool, graphs: bool, tiled: bool) -> Step:
    """How ``networks`` draw under these options; the same for all painters who ask for the same."""
    cuda = cuda_device(networks.device) if graphs else None

    def make() -> Step:
        step: Step = plain_step(networks, tiled)
        if compiled:
            step = Compiled(step, networks.notices)
        if networks.exact:
            step = exactly(step)
        return step if cuda is None else GraphCache(step, networks.once("graphs", lambda: CudaGraphs(cuda)))

    return networks.once((compiled, cuda is not None, tiled), make)


def plain_step(networks: Networks, tiled: bool) -> Step:
    """The networks one after the other."""
    drawing, codec = networks.unet, FaceCodec(networks.vae, tiled=tiled)

    def step(latents: torch.Tensor, drives: torch.Tensor) -> torch.Tensor:
        return codec.decode(unet.draw(drawing, latents, drives))

    return step


def exactly(step: Step) -> Step:
    """``step`` without TF32. It stands outside what is compiled, which would stumble over it."""

    def exact(latents: torch.Tensor, drives: torch.Tensor) -> torch.Tensor:
        with full_fp32():
            return step(latents, drives)

    return exact


__all__ = ["FacePainter", "plain_step", "shared_step"]
