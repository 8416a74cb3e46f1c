"""Blinking: eyelids that close over a portrait's eyes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...face.canonical import Points, Pose
from ...types import Array, Image
from .axes import image_axes
from .image_ops import resample
from .spline import monotone_curve, smoothstep

_EYES = (
    ([33, 246, 161, 160, 159, 158, 157, 173, 133], [33, 7, 163, 144, 145, 153, 154, 155, 133], [70, 63, 105, 66, 107]),
    (
        [362, 398, 384, 385, 386, 387, 388, 466, 263],
        [362, 382, 381, 380, 374, 373, 390, 249, 263],
        [336, 296, 334, 293, 300],
    ),
)
"""FaceMesh indices of upper lid, lower lid and brow, left to right in the image, of both eyes."""


@dataclass(frozen=True, slots=True, eq=False)
class Eye:
    """One eye's box, and what is needed to close its lid there. Heights count downwards, in eye distances."""

    box: tuple[int, int, int, int]  # px of the picture: x0 y0 x1 y1
    places: Array  # (h, w, 2) px: each pixel's place in the picture
    down: Array  # (2,) px per eye distance, towards the chin
    height: Array  # (h, w) height of each pixel
    lid: Array  # (h, w) height of the open upper lid in this column
    fold: Array  # (h, w) height from which the lid's skin stretches
    gap: Array  # (h, w) opening between the lids in this column


def make_eyes(landmarks: Points, pose: Pose, size: tuple[int, int]) -> tuple[Eye, ...]:
    """Both eyes of (468, 3) px landmarks in a picture of (width, height) px."""
    right, below = image_axes(pose)
    return tuple(_make_eye(landmarks[:, :2], indices, right, below, pose.scale, size) for indices in _EYES)


def _make_eye(
    points: Points, indices: tuple[list[int], ...], right: Points, below: Points, scale: float, size: tuple[int, int]
) -> Eye:
    upper, lower, brow = ((points[i] @ right / scale, points[i] @ below / scale) for i in indices)
    around = points[[*indices[0], *indices[1], *indices[2]]]
    x0, y0 = np.floor(around.min(0) - 0.10 * scale).astype(int).clip(0)
    x1, y1 = np.minimum(np.ceil(around.max(0) + 0.12 * scale).astype(int), size)
    rows, columns = np.mgrid[y0:y1, x0:x1]
    places = np.stack([columns, rows], -1).astype(np.float64)
    across, height = places @ right / scale, places @ below / scale
    lid = _curve_through(upper, across) - 0.012
    bottom, brow_line = _curve_through(lower, across), _curve_through(brow, across)
    t = np.clip((across - upper[0][0]) / (upper[0][-1] - upper[0][0]), 0, 1)
    gap = np.maximum(bottom - lid, 0) * smoothstep(np.minimum(t, 1 - t), 0.0, 0.10)
    arrays = (places, below * scale, height, lid, 0.55 * brow_line + 0.45 * lid, gap)
    return Eye((int(x0), int(y0), int(x1), int(y1)), *(np.asarray(a, np.float32) for a in arrays))


def _curve_through(points: tuple[Points, Points], at: Points) -> Points:
    """Heights at (h, w) positions across of the curve through points given as (across, height), each (n,)."""
    order = np.argsort(points[0])
    return monotone_curve(points[0][order], points[1][order], at.ravel()).reshape(at.shape)


def blink(picture: Image, eyes: tuple[Eye, ...], closing: float) -> Image:
    """A copy of the (h, w, 3) RGB picture with its lids closed by 0..1; below 0.02 the picture itself."""
    if closing < 0.02:
        return picture
    picture = picture.copy()
    for eye in eyes:
        x0, y0, x1, y1 = eye.box
        if x1 > x0 and y1 > y0:
            picture[y0:y1, x0:x1] = _closed_eye(picture, eye, closing)
    return picture


def _closed_eye(picture: Image, eye: Eye, closing: float) -> Image:
    """The eye's box: the lid's skin stretched down to a new lid line, the eyeball as it was below it, and lashes."""
    scale = float(np.hypot(*eye.down))
    lid_line = eye.lid + 0.94 * closing * eye.gap
    before, after = np.maximum(eye.lid - eye.fold, 0.01), np.maximum(lid_line - eye.fold, 0.011)
    below_fold = np.maximum(eye.height - eye.fold, 0)
    shift = np.where(eye.height < lid_line, below_fold * (before / after - 1), 0)
    source = eye.places + shift[..., None] * eye.down
    skin = resample(picture, source).astype(np.float32)
    x0, y0, x1, y1 = eye.box
    eyeball = picture[y0:y1, x0:x1].astype(np.float32)
    covered = np.clip((lid_line - eye.height) * scale + 0.5, 0, 1)[..., None]
    lashes = np.exp(-(((eye.height - lid_line) * scale / (0.010 * scale + 0.6)) ** 2))
    lashes = lashes * min(1.0, 1.5 * closing) * 0.45 * np.minimum(eye.gap / 0.02, 1)
    lidded = (eyeball + covered * (skin - eyeball)) * (1 - lashes[..., None])
    return np.asarray(np.clip(lidded + 0.5, 0, 255), np.uint8)
