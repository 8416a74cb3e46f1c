"""Light and shade of the skin around a moving mouth: the folds beside it, and the hollow below the lower lip.

A warp moves the skin but not the shade on it. The folds from nose to mouth deepen when the mouth spreads, and flatten
when it rounds, however deep the source's smile has made them. The hollow between lower lip and chin deepens when the
lips protrude or press, and flattens when the jaw opens. All is multiplied into the source before it is warped, in small
patches that the landmarks place, so that the shade moves with the skin.
"""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import cv2
import numpy as np

from ...types import Array, Image
from .axes import image_axes
from .deform import smile_release
from .image_ops import Numbers, as_float32
from .material import WarpMaterial

_FOLDS = ([129, 203, 206, 216, 212], [358, 423, 426, 436, 432])
"""Landmarks along each fold, from the wing of the nose to beside the corner of the mouth."""
_HOLLOW = (18, 83, 313)
_LOWER_LIP = (16, 17)
_NEW_FOLD = 0.055
"""Share of light that a fold loses in addition when it deepens by its own depth; faces without folds get them so."""
_SHADE_OF_SKIN = np.array([0.8, 1.0, 1.05], np.float32)
"""Relative loss of red, green and blue in the shade: light that skin scatters is red."""
_WORK_SCALE = 48.0
"""px per eye distance at which folds are worked out."""
_SPOT_CELLS = 32
"""Cells in each direction from which elliptic spots are stretched."""
_LEAST = 0.01
"""Changes below it are left out: they would not be seen."""
_HAIR = 1.6
"""Where the surroundings are brighter by this factor lies hair or an outline, and no fold."""

Patch = tuple[int, int, int, int]
"""x0 y0 x1 y1, px of the material's picture."""


@dataclass(frozen=True, slots=True)
class ShadeAmounts:
    """How strongly one pose changes each shade; 0 leaves it."""

    deepen: float  # by how much of their own depth the folds deepen
    flatten: float  # 0..1 share of the folds' own shade that goes
    hollow: float  # share of light that the hollow below the lower lip loses; negative: gains
    lip: float  # share of light that the middle of the lower lip gains


def shade_amounts(controls: Array, smile: float) -> ShadeAmounts:
    """The amounts under (8,) controls, of a face whose source smiles by ``smile`` 0..1."""
    jaw, spread, pucker, upper, _, press, bite, _ = (float(c) for c in controls)
    spread = max(spread, 0.0)
    return ShadeAmounts(
        deepen=(0.9 * spread + 0.4 * upper) * (1 - 0.6 * smile) * (1 - pucker),
        flatten=float(np.clip(0.5 * pucker + 0.7 * smile * (smile_release(controls) - 0.2), 0, 0.85))
        * (1 - 0.8 * spread),
        hollow=0.12 * pucker + 0.09 * press + 0.06 * bite - 0.07 * min(jaw, 1.0),
        lip=0.05 * pucker - 0.03 * press,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Shade:
    """One shaded patch of a face. Its maps are small, and stretched over the patch."""

    patch: Patch
    first: (
        Array  # (rows, columns, 3) a fold: by how much its surroundings are brighter, relative to it; else the hollow
    )
    second: Array  # (rows, columns, 3) a fold: share of light it loses where there was none; else the lower lip


_shades_of: WeakKeyDictionary[WarpMaterial, tuple[_Shade, ...]] = WeakKeyDictionary()
"""The shades of materials in use: both folds, then the lower lip. A portrait's are worked out once, not every time."""


def shade_skin(material: WarpMaterial, controls: Array, picture: Image) -> Image:
    """(h, w, 3) the material's picture, or a copy of it with the skin shaded as (8,) controls ask.

    ``picture`` is the material's, its lids closed as in this frame.
    """
    amounts = shade_amounts(controls, material.neutral.smile)
    fold, lip = (amounts.flatten - amounts.deepen, -amounts.deepen), (-amounts.hollow, amounts.lip)
    shaded = picture.copy()
    if material not in _shades_of:
        _shades_of[material] = (*(_find_fold(material, line) for line in _FOLDS), _lower_lip(material))
    for shade, (first, second) in zip(_shades_of[material], (fold, fold, lip), strict=True):
        x0, y0, x1, y1 = shade.patch
        if x1 > x0 and y1 > y0 and max(abs(first), abs(second)) * material.strength >= _LEAST:
            gain = 1 + np.float32(material.strength * first) * shade.first
            gain += np.float32(material.strength * second) * shade.second
            patch = shaded[y0:y1, x0:x1]
            cv2.multiply(patch, cv2.resize(gain, (x1 - x0, y1 - y0)), patch, dtype=cv2.CV_8U)
    return shaded


def _patch(points: Numbers, margin: float, size: tuple[int, ...]) -> Patch:
    """The box around (n, 2) px points with a margin, inside a picture of ``size`` (h, w, ...); it may be empty."""
    x0, y0 = np.floor(points.min(0) - margin).astype(int).clip(0)
    x1, y1 = np.minimum(np.ceil(points.max(0) + margin).astype(int) + 1, (size[1], size[0]))
    return int(x0), int(y0), int(max(x1, x0)), int(max(y1, y0))


def _find_fold(material: WarpMaterial, landmarks: list[int]) -> _Shade:
    points = material.landmarks[landmarks, :2]
    x0, y0, x1, y1 = patch = _patch(points, 0.13 * material.pose.scale, material.picture.shape)
    if x1 - x0 < 4 or y1 - y0 < 4:
        nothing = np.zeros((1, 1, 3), np.float32)
        return _Shade((0, 0, 0, 0), nothing, nothing)
    ratio = min(1.0, _WORK_SCALE / material.pose.scale)
    scale, path = ratio * material.pose.scale, ratio * (points - (x0, y0))
    small = cv2.resize(material.picture[y0:y1, x0:x1], None, fx=ratio, fy=ratio, interpolation=cv2.INTER_AREA) + 1.0
    fine, coarse = (cv2.GaussianBlur(small, (0, 0), max(0.3, sigma * scale)) for sigma in (0.012, 0.06))
    depth = coarse / fine - 1
    depth = np.clip(depth, 0, 0.3) * np.clip((_HAIR - 1 - depth.max(-1, keepdims=True)) / 0.25, 0, 1)
    wide, narrow = (_stroke(depth.shape[:2], path, width * scale)[..., None] for width in (0.09, 0.05))
    return _Shade(patch, as_float32(wide * depth), as_float32(_NEW_FOLD * narrow * _SHADE_OF_SKIN))


def _stroke(size: tuple[int, ...], path: Numbers, width: float) -> Array:
    """(h, w) 0..1: a soft stroke along (n, 2) px, about ``width`` px wide to each side; weak at both ends."""
    mask = np.zeros(size, np.float32)
    steps = np.linspace(0.3, len(path) - 1.3, 2 * len(path))
    line = np.stack([np.interp(steps, np.arange(len(path)), path[:, k]) for k in (0, 1)], 1)
    cv2.polylines(mask, [np.round(line * 16).astype(np.int32)], False, [1.0], max(1, round(1.6 * width)), cv2.LINE_8, 4)
    soft = cv2.GaussianBlur(mask, (0, 0), max(0.5, 0.6 * width))
    return as_float32(soft / max(1e-3, float(soft.max())))


def _lower_lip(material: WarpMaterial) -> _Shade:
    """The hollow below the lower lip, and the lip's middle: elliptic spots."""
    points, scale = material.landmarks[:, :2], material.pose.scale
    hollow, lip = points[list(_HOLLOW)].mean(0), points[list(_LOWER_LIP)].mean(0)
    x0, y0, x1, y1 = patch = _patch(np.stack([hollow, lip]), 0.28 * scale, material.picture.shape)
    along, down = image_axes(material.pose)
    cells = (np.arange(_SPOT_CELLS) + 0.5) / _SPOT_CELLS
    columns, rows = x0 + cells * (x1 - x0) - 0.5, (y0 + cells * (y1 - y0) - 0.5)[:, None]

    def spot(centre: Numbers, width: float, height: float) -> Array:
        x, y = columns - centre[0], rows - centre[1]
        across, below = (x * axis[0] + y * axis[1] for axis in (along, down))
        return as_float32(np.exp(-((across / (width * scale)) ** 2) - (below / (height * scale)) ** 2)[..., None])

    tint = (_SHADE_OF_SKIN, np.ones(3, np.float32))
    return _Shade(patch, spot(hollow, 0.13, 0.045) * tint[0], spot(lip, 0.09, 0.022) * tint[1])
