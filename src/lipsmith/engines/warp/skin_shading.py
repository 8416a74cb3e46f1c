"""Light and shade of the skin around a moving mouth: the folds beside it, and the hollow below the lower lip.

A warp moves the skin but not the shade on it. The folds from nose to mouth deepen when the mouth spreads, and flatten
when it rounds, however deep the source's smile has made them. The hollow between lower lip and chin deepens when the
lips protrude or press, and flattens when the jaw opens. All is multiplied into the source before it is warped, in small
patches that the landmarks place, so that the shade moves with the skin.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import copysign
from weakref import WeakKeyDictionary

import cv2
import numpy as np

from ...types import Array, Image
from .axes import image_axes
from .control_easing import estimated_opening
from .deform import smile_release
from .image_ops import Numbers, as_float32, polygon_mask
from .landmark_indices import INNER_LOWER, OUTER_UPPER
from .material import WarpMaterial
from .neutral import lip_gaps

_FOLDS = np.array([[129, 203, 206, 216, 212], [358, 423, 426, 436, 432]])
"""Landmarks along each fold, from the wing of the nose to beside the corner of the mouth."""
_UPPER_LIP = OUTER_UPPER + INNER_LOWER[::-1]
_HOLLOW = [18, 83, 313]
_NEW_FOLD = 0.055
"""Share of light that a fold loses in addition when it deepens by its own depth; faces without folds get them so."""
_SHADE_OF_SKIN = np.array([0.8, 1.0, 1.05], np.float32)
"""Relative loss of red, green and blue in the shade: light that skin scatters is red."""
_WORK_SCALE = 40.0
"""px per eye distance at which folds are worked out."""
_SPOT_CELLS, _SPOT_REACH = 24, 0.28
"""Elliptic spots are stretched from so many cells in each direction, which reach so far, in eye distances."""
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
    jaw, spread, pucker, upper, _, press, bite, _ = controls.tolist()
    spread = max(spread, 0.0)
    return ShadeAmounts(
        deepen=(0.9 * spread + 0.4 * upper) * (1 - 0.6 * smile) * (1 - pucker),
        flatten=min(max(0.5 * pucker + 0.7 * smile * (smile_release(controls) - 0.2), 0.0), 0.85) * (1 - 0.8 * spread),
        hollow=0.12 * pucker + 0.09 * press + 0.06 * bite - 0.07 * min(jaw, 1.0),
        lip=0.05 * pucker - 0.03 * press,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Shade:
    """One shaded patch of a face. Its maps are small, and stretched over the patch."""

    patch: Patch
    first: Array  # (rows, columns, 3) folds and lines: how much brighter their surroundings are; else the hollow
    second: Array  # (rows, columns, 3) a fold: share of light it loses where there was none; else the lower lip


_NO_SHADE = _Shade((0, 0, 0, 0), np.zeros((1, 1, 3), np.float32), np.zeros((1, 1, 3), np.float32))
_shades_of: WeakKeyDictionary[WarpMaterial, dict[int, _Shade]] = WeakKeyDictionary()
"""The shades of materials in use, by their place in ``_KINDS``. A portrait's are worked out once."""


def shade_skin(material: WarpMaterial, controls: Array, picture: Image) -> Image:
    """(h, w, 3) the picture with the skin shaded as (8,) controls ask.

    ``picture`` is the material's, which is copied, or a copy of it with the lids of this frame, which is shaded itself.
    """
    amounts = shade_amounts(controls, material.neutral.smile)
    opened = min(max(float(estimated_opening(controls)) / 0.04, 0.0), 1.0)
    fold = (_beyond(amounts.flatten - amounts.deepen, 0.06), -_beyond(amounts.deepen, 0.15))
    changes = (fold, (-_beyond(amounts.hollow, 0.01), _beyond(amounts.lip, 0.01)), (opened, 0.0))
    shaded = picture.copy() if picture is material.picture else picture
    known = _shades_of.setdefault(material, {})
    for kind, (first, second) in enumerate(changes):
        if (first == 0 and second == 0) or material.strength == 0:
            continue
        if kind not in known:
            known[kind] = _KINDS[kind](material)
        shade = known[kind]
        x0, y0, x1, y1 = shade.patch
        if x1 > x0 and y1 > y0:
            gain = 1 + np.float32(material.strength * first) * shade.first
            if second:
                gain += np.float32(material.strength * second) * shade.second
            patch = shaded[y0:y1, x0:x1]
            cv2.multiply(patch, cv2.resize(gain, (x1 - x0, y1 - y0)), patch, dtype=cv2.CV_8U)
    return shaded


def _beyond(amount: float, least: float) -> float:
    """The part of an amount beyond the least that would be seen; 0 below it."""
    return copysign(max(abs(amount) - least, 0.0), amount)


def _patch(points: Numbers, margin: float, size: tuple[int, ...]) -> Patch:
    """The box around (n, 2) px points with a margin, inside a picture of ``size`` (h, w, ...); it may be empty."""
    x0, y0 = np.floor(points.min(0) - margin).astype(int).clip(0)
    x1, y1 = np.minimum(np.ceil(points.max(0) + margin).astype(int) + 1, (size[1], size[0]))
    return int(x0), int(y0), int(max(x1, x0)), int(max(y1, y0))


def _folds(material: WarpMaterial) -> _Shade:
    """Both folds, in one patch across the face."""
    points, scale = material.landmarks[_FOLDS, :2], material.pose.scale
    x0, y0, x1, y1 = patch = _patch(points.reshape(-1, 2), 0.13 * scale, material.picture.shape)
    if x1 - x0 < 4 or y1 - y0 < 4:
        return _NO_SHADE
    ratio = min(1.0, _WORK_SCALE / scale)
    depth = _depth(material.picture[y0:y1, x0:x1], ratio, ratio * scale)
    depth = np.clip(depth, 0, 0.3) * np.clip((_HAIR - 1 - depth.max(-1, keepdims=True)) / 0.25, 0, 1)
    stroke = _strokes(depth.shape[:2], ratio * (points - (x0, y0)), 0.09 * ratio * scale)[..., None]
    return _Shade(patch, as_float32(stroke * depth), stroke * stroke * (_NEW_FOLD * _SHADE_OF_SKIN))


def _strokes(size: tuple[int, ...], paths: Numbers, width: float) -> Array:
    """(h, w) 0..1: soft strokes along (k, n, 2) px, about ``width`` px wide to each side; weak at their ends."""
    mask = np.zeros(size, np.float32)
    ends = paths.copy()
    for end, next_to_it in ((0, 1), (-1, -2)):
        ends[:, end] += 0.3 * (paths[:, next_to_it] - paths[:, end])
    lines = np.round(ends * 16).astype(np.int32)
    cv2.polylines(mask, list(lines), False, [1.0], max(1, round(1.6 * width)), cv2.LINE_8, 4)
    soft = cv2.GaussianBlur(mask, (0, 0), max(0.5, 0.6 * width))
    return as_float32(soft / max(1e-3, float(soft.max())))


@cache
def _spots() -> Array:
    """(_SPOT_CELLS, _SPOT_CELLS, 2) on a square of 2 _SPOT_REACH: the hollow in its middle, the lip's middle above."""
    at = np.linspace(-_SPOT_REACH, _SPOT_REACH, _SPOT_CELLS)
    across, down = np.meshgrid(at, at)
    hollow = np.exp(-((across / 0.13) ** 2) - (down / 0.045) ** 2)
    return as_float32(np.stack([hollow, np.exp(-((across / 0.09) ** 2) - ((down + 0.115) / 0.022) ** 2)], -1))


def _lower_lip(material: WarpMaterial) -> _Shade:
    """The hollow below the lower lip, and the lip's middle: elliptic spots."""
    centre, scale = material.landmarks[_HOLLOW, :2].mean(0), material.pose.scale
    x0, y0, x1, y1 = patch = _patch(centre[None], 1.3 * _SPOT_REACH * scale, material.picture.shape)
    if x1 <= x0 or y1 <= y0:
        return _NO_SHADE
    # From the cells that tile the patch to those of the spots.
    step = np.array([x1 - x0, y1 - y0]) / _SPOT_CELLS
    axes = np.stack(image_axes(material.pose)) * (_SPOT_CELLS - 1) / (2 * _SPOT_REACH * scale)
    first = np.array([x0, y0]) + 0.5 * step - 0.5 - centre
    affine = np.hstack([axes * step, (axes @ first + (_SPOT_CELLS - 1) / 2)[:, None]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    spots = cv2.warpAffine(_spots(), affine, (_SPOT_CELLS, _SPOT_CELLS), flags=flags)
    return _Shade(patch, spots[..., :1] * _SHADE_OF_SKIN, spots[..., 1:] * np.ones(3, np.float32))


def _own_lip_line(material: WarpMaterial) -> _Shade:
    """The dark line between the closed lips of a video's frame: it goes when an opening is drawn.

    Landmarks miss that line by up to 0.03, more in pouting mouths. Then it would stay in sight above the opening. A
    portrait's landmarks were moved onto its line.
    """
    points, closed = material.landmarks[_UPPER_LIP, :2], 1 - lip_gaps(material.own)[3:8].mean() / 0.03
    x0, y0, x1, y1 = patch = _patch(points, 0.02 * material.pose.scale, material.picture.shape)
    if material.source is None or closed <= 0 or x1 - x0 < 4 or y1 - y0 < 4:
        return _NO_SHADE
    ratio = min(1.0, _WORK_SCALE / material.pose.scale)
    depth = _depth(material.picture[y0:y1, x0:x1], ratio, ratio * material.pose.scale, 0.1)
    mask = polygon_mask(depth.shape[:2], ratio * (points - (x0, y0))).astype(np.float32) / 255
    lips = cv2.GaussianBlur(mask, (0, 0), 0.015 * ratio * material.pose.scale)[..., None]
    return _Shade(patch, as_float32(float(closed) * lips * np.clip(depth, 0, 0.8)), np.zeros((1, 1, 3), np.float32))


def _depth(picture: Image, ratio: float, scale: float, around: float = 0.06) -> Array:
    """(rows, columns, 3) by how much darker than its surroundings a picture is, reduced by ``ratio`` to ``scale``.

    ``around``: standard deviation of the surroundings, eye distances.
    """
    small = cv2.resize(picture, None, fx=ratio, fy=ratio, interpolation=cv2.INTER_AREA) + np.float32(1)
    fine, coarse = (cv2.GaussianBlur(small, (0, 0), max(0.3, sigma * scale)) for sigma in (0.012, around))
    return as_float32(coarse / fine - 1)


_KINDS = (_folds, _lower_lip, _own_lip_line)
"""What makes each shade of a material."""
