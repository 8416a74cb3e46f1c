"""Faces found by S3FD as upstream's MuseTalk finds them: decoded, thinned out, best first.

Anchors, variances and thresholds are those of face-alignment's detector, which MuseTalk carries along.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..types import Array, Image

if TYPE_CHECKING:
    import torch

PROPOSED = 0.05  # score from which an anchor counts
KEPT = 0.5  # score from which a face counts
OVERLAP = 0.3  # intersection over union from which two boxes are one face
SMALLEST = 32  # px: below it the network has no grid left

_FIRST_STRIDE = 4  # px; doubles from grid to grid
_ANCHOR = 4  # side of an anchor, in strides
_VARIANCES = (0.1, 0.2)  # of centre and size


def _build() -> torch.nn.Module:
    from ..nets.s3fd import S3FD

    return S3FD()


class S3FDDetector:
    """The network with its weights, on one device."""

    def __init__(self, network: torch.nn.Module, device: str = "cpu") -> None:
        self._network, self._device = network.to(device).eval(), device

    @classmethod
    def load(cls, path: Path, device: str = "cpu") -> S3FDDetector:
        """Read the official file.

        Raises:
            InputError: damaged, or not S3FD's.
            EngineUnavailable: torch is not installed.
        """
        from ..weights import read_network

        return cls(read_network("s3fd", path, _build, device), device)

    def detect(self, image: Image) -> Array:
        """(n, 5) faces in an RGB image at its full size: x0 y0 x1 y1 in px and score, best first."""
        import torch

        from ..nets.s3fd import MEAN

        if min(image.shape[:2]) < SMALLEST:
            return np.zeros((0, 5), np.float32)
        picture = np.ascontiguousarray((image.astype(np.float32) - np.array(MEAN, np.float32)).transpose(2, 0, 1))
        with torch.inference_mode():
            grids = self._network(torch.from_numpy(picture)[None].to(self._device))
        return faces_in([(scores[0].float().cpu().numpy(), boxes[0].float().cpu().numpy()) for scores, boxes in grids])

    def first(self, image: Image) -> tuple[int, int, int, int] | None:
        """The best face's box in whole px of the image, as upstream rounds it, or None."""
        return first_box(self.detect(image))


def faces_in(grids: Sequence[tuple[Array, Array]]) -> Array:
    """(n, 5) faces x0 y0 x1 y1 score, best first, from raw scores (2, h, w) and offsets (4, h, w) on six grids."""
    proposed = np.concatenate([_proposals(*grid, _FIRST_STRIDE << level) for level, grid in enumerate(grids)])
    distinct = thin_out(proposed)
    return np.asarray(distinct[distinct[:, 4] > KEPT], np.float32)


def first_box(faces: Array) -> tuple[int, int, int, int] | None:
    """The first of (n, 5) faces, cut at 0 and rounded down to whole px, or None when there is none."""
    if not len(faces):
        return None
    x0, y0, x1, y1 = (int(value) for value in faces[0, :4].clip(0))
    return x0, y0, x1, y1


def thin_out(boxes: Array) -> Array:
    """Of (n, 5) boxes those that overlap no better one by more than ``OVERLAP``, best first.

    Sides count the pixel at their end, as in the original; of equal scores the later one comes first.
    """
    left = boxes[np.argsort(boxes[:, 4], kind="stable")[::-1]]
    kept = []
    while len(left):
        kept.append(left[0])
        left = left[1:][_overlaps(left[0], left[1:]) <= OVERLAP]
    return np.array(kept, np.float32).reshape(-1, 5)


def _proposals(scores: Array, offsets: Array, stride: int) -> Array:
    """(n, 5) boxes of one grid whose face score is above ``PROPOSED``."""
    score = 1 / (1 + np.exp(np.clip(scores[0] - scores[1], -80, 80)))  # softmax of two
    y, x = np.nonzero(score > PROPOSED)
    side = np.float32(_ANCHOR * stride)
    centre = np.stack([x, y], 1).astype(np.float32) * stride + np.float32(stride / 2)
    offset = offsets[:, y, x].T
    centre = centre + offset[:, :2] * np.float32(_VARIANCES[0]) * side
    size = side * np.exp(offset[:, 2:] * np.float32(_VARIANCES[1]))
    corner = centre - size / 2
    return np.asarray(np.concatenate([corner, corner + size, score[y, x][:, None]], 1), np.float32)


def _overlaps(box: Array, others: Array) -> Array:
    """(n,) intersection over union of one (5,) box with (n, 5) others."""
    corner, end = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:4], others[:, 2:4])
    common = np.prod(np.maximum(0, end - corner + 1), 1)
    whole = np.prod(box[2:4] - box[:2] + 1) + np.prod(others[:, 2:4] - others[:, :2] + 1, 1)
    return np.asarray(common / (whole - common), np.float32)


__all__ = ["S3FDDetector", "faces_in", "first_box", "thin_out"]
