"""One face of one image, prepared: its latents, where its lower half goes, and the mask it is pasted through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from ...types import Array, Crop, Face, Image, PreparedFace
from ..torch_runtime.memory import out_of_memory_error
from ..torch_runtime.networks import OVERFLOW, Networks
from ..torch_runtime.precision import full_fp32
from .analysis import MuseTalkIdentity
from .blend import Patch
from .box import Box, face_box, with_margin
from .landmarks import LandmarkSource, by_mesh
from .latent_cache import LatentCache
from .latents import FaceCodec, face_picture
from .mask import paste_mask, square_around
from .options import MuseTalkOptions

if TYPE_CHECKING:
    import torch

Region = Callable[[Image, Box, Array], NDArray[np.bool_]]
"""(image, square around the face, its (68, 2) px landmarks) -> (512, 512) over the square: the lower face."""
SMALLEST = 8  # px: the side below which a face is left as it is
TOO_SMALL = f"the face in the picture is smaller than {SMALLEST} px"
OUTSIDE = f"of the box {{}}, less than {SMALLEST} px lie in the picture of {{}} x {{}} px"
HIDDEN = "nothing of the lower face shows"


@dataclass(frozen=True, slots=True, eq=False)
class MuseTalkMaterial:
    """What is kept of one face to draw it."""

    STORED_AS: ClassVar[str] = "Material"  # in the avatars on disk
    latents: Array  # (8, 32, 32) scaled: without its lower half, then whole
    patch: Patch


@dataclass(frozen=True, slots=True, eq=False)
class Untouched:
    """A face that is left as it is: the px that are there."""

    picture: Image


MATERIAL_TYPES = (MuseTalkMaterial, Patch, Untouched)
"""The dataclasses of a material that is stored."""


class MuseTalkPreparation:
    """Prepares faces, one after the other.

    Args:
        options: which box, margin and edge.
        networks: whose VAE encodes.
        region: which part of a face is drawn anew.
        landmarks: where a face's points are.
        notices: gets a sentence if numbers overflow.
    """

    def __init__(
        self,
        options: MuseTalkOptions,
        networks: Networks,
        region: Region,
        landmarks: LandmarkSource = by_mesh,
        notices: list[str] | None = None,
    ) -> None:
        self._options, self._region, self._landmarks = options, region, landmarks
        self._networks, self._generator = networks, _generator(options)
        self._notices = [] if notices is None else notices
        self._encode = LatentCache(self._encoded)

    def prepare(self, image: Image, face: Face, identity: object = None) -> PreparedFace:
        """One face in (H, W, 3) RGB, by the points that were kept of its ``identity``, else by those seen now."""
        points = identity.points(face) if isinstance(identity, MuseTalkIdentity) else None
        if points is None and (not isinstance(identity, MuseTalkIdentity) or identity.tracks is None):
            points = self._landmarks(image, face)
        return self.prepare_at(image, by_mesh(image, face) if points is None else points, face.box)

    def prepare_at(self, image: Image, points: Array, detected: Array) -> PreparedFace:
        """One face by its (68, 2) px landmarks and the (4,) px box of a detector, for when they make none."""
        height, width = image.shape[:2]
        box = self._options.box or face_box(points, detected, self._options.bbox_shift)
        box = with_margin(box, self._options.margin, height)
        if min(_overlap(box[0], box[2], width), _overlap(box[1], box[3], height)) < SMALLEST:
            return unchanged_face(
                image, OUTSIDE.format(self._options.bbox, width, height) if self._options.box else TOO_SMALL
            )
        mask = paste_mask(self._region(image, square_around(box), points), box, self._options.feather)
        patch = Patch.of(mask, box, width, height)
        if patch is None:
            return unchanged_face(image, HIDDEN)
        return PreparedFace(patch.crop, patch.alpha, MuseTalkMaterial(self._encode(face_picture(image, box)), patch))

    def _encoded(self, picture: Image) -> Array:
        """(8, 32, 32) latents of (256, 256, 3); again in fp32 where a narrower precision overflowed."""
        import torch

        networks = self._networks
        try:
            while not np.isfinite(latents := self._encoded_by(networks, picture)).all():
                networks = networks.in_fp32()
        except torch.cuda.OutOfMemoryError as problem:
            raise out_of_memory_error(problem) from problem
        notice = OVERFLOW.format(precision=self._networks.precision)
        if networks is not self._networks and notice not in self._notices:
            self._notices.append(notice)
        return latents

    def _encoded_by(self, networks: Networks, picture: Image) -> Array:
        with full_fp32(networks.exact):
            return FaceCodec(networks.vae, self._generator).encode(picture)


def unchanged_face(image: Image, why: str) -> PreparedFace:
    """A prepared face that changes nothing: one px, laid where it was."""
    return PreparedFace(Crop.from_box((0, 0, 1, 1)), None, Untouched(image[:1, :1].copy()), why)


def _overlap(first: int, last: int, size: int) -> int:
    return min(last, size) - max(first, 0)


def _generator(options: MuseTalkOptions) -> torch.Generator | None:
    if not options.strict:
        return None
    import torch

    return torch.Generator().manual_seed(options.seed)
