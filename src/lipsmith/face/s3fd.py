"""Finds faces with S3FD, as upstream MuseTalk does: boxes are decoded and filtered, best first.

Anchors, variances and thresholds are those of the face-alignment package, which MuseTalk includes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..types import Array, Image

if TYPE_CHECKING:
    import torch

MIN_PROPOSAL_SCORE = 0.05  # of an anchor's box before non-maximum suppression
MIN_FACE_SCORE = 0.5  # of a face
MAX_IOU = 0.3  # above it, two boxes are one face
MIN_SIDE = 32  # px: in a smaller image the network's coarsest grid would be empty

_FIRST_STRIDE = 4  # px; it doubles from grid to grid
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
            InputError: damaged, or another network.
            EngineUnavailable: torch is not installed.
        """
        from ..weights import read_network

        return cls(read_network("s3fd", path, _build, device), device)

    def detect(self, image: Image) -> Array:
        """(n, 5) faces in (H, W, 3) uint8 RGB at full size: x0 y0 x1 y1 in px and score, best first."""
        import torch

        from ..nets.s3fd import MEAN

        if min(image.shape[:2]) < MIN_SIDE:
            return np.zeros((0, 5), np.float32)
        picture = np.ascontiguousarray((image.astype(np.float32) - np.array(MEAN, np.float32)).transpose(2, 0, 1))
        with torch.inference_mode():
            grids = self._network(torch.from_numpy(picture)[None].to(self._device))
        return decode_faces(
            [(scores[0].float().cpu().numpy(), boxes[0].float().cpu().numpy()) for scores, boxes in grids]
        )

    def first(self, image: Image) -> tuple[int, int, int, int] | None:
        """The best face's box in whole px, rounded as upstream does, or None."""
        return first_box(self.detect(image))


def decode_faces(grids: Sequence[tuple[Array, Array]]) -> Array:
    """(n, 5) faces x0 y0 x1 y1 score, best first, from raw scores (2, h, w) and offsets (4, h, w) of six grids."""
    proposed = np.concatenate([_proposals(*grid, _FIRST_STRIDE << level) for level, grid in enumerate(grids)])
    distinct = non_max_suppression(proposed)
    return np.asarray(distinct[distinct[:, 4] > MIN_FACE_SCORE], np.float32)


def first_box(faces: Array) -> tuple[int, int, int, int] | None:
    """The first of (n, 5) faces, clipped at 0 and rounded down to whole px; None if there is none."""
    if not len(faces):
        return None
    x0, y0, x1, y1 = (int(value) for value in faces[0, :4].clip(0))
    return x0, y0, x1, y1


def non_max_suppression(boxes: Array) -> Array:
    """The (n, 5) boxes whose IoU with every better one is at most ``MAX_IOU``, best first.

    Boxes include the pixel at their end, as in the original; of equal scores the later one comes first.
    """
    left = boxes[np.argsort(boxes[:, 4], kind="stable")[::-1]]
    kept = []
    while len(left):
        kept.append(left[0])
        left = left[1:][_iou(left[0], left[1:]) <= MAX_IOU]
    return np.array(kept, np.float32).reshape(-1, 5)


def _proposals(scores: Array, offsets: Array, stride: int) -> Array:
    """(n, 5) boxes of one grid with a face score above ``MIN_PROPOSAL_SCORE``."""
    score = 1 / (1 + np.exp(np.clip(scores[0] - scores[1], -80, 80)))  # softmax of two
    y, x = np.nonzero(score > MIN_PROPOSAL_SCORE)
    side = np.float32(_ANCHOR * stride)
    centre = np.stack([x, y], 1).astype(np.float32) * stride + np.float32(stride / 2)
    offset = offsets[:, y, x].T
    centre = centre + offset[:, :2] * np.float32(_VARIANCES[0]) * side
    size = side * np.exp(offset[:, 2:] * np.float32(_VARIANCES[1]))
    corner = centre - size / 2
    return np.asarray(np.concatenate([corner, corner + size, score[y, x][:, None]], 1), np.float32)


def _iou(box: Array, others: Array) -> Array:
    """(n,) intersection over union of one (5,) box with (n, 5) others."""
    corner, end = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:4], others[:, 2:4])
    common = np.prod(np.maximum(0, end - corner + 1), 1)
    whole = np.prod(box[2:4] - box[:2] + 1) + np.prod(others[:, 2:4] - others[:, :2] + 1, 1)
    return np.asarray(common / (whole - common), np.float32)


__all__ = ["S3FDDetector", "decode_faces", "first_box", "non_max_suppression"]
