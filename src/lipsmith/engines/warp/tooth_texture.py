"""The drawn rows of teeth as textures over the width and height of their arch. Drawn once per resolution.

Crowns have the mean widths and lengths of adult teeth (R. C. Wheeler, "Dental Anatomy", 1974): upper central incisors
8.5 mm wide and 10.5 mm long, and so on; 90 mm are one eye distance.
"""

from __future__ import annotations

from functools import cache
from math import log

import cv2
import numpy as np
from numpy.typing import NDArray

from ...types import Array
from .dental_arch import LOWER, UPPER, Arch, ArchView, arc_length
from .image_ops import as_float32, resample
from .spline import smoothstep

HALF_WIDTH = 0.31
"""Half the width of a texture, eye distances."""
HEIGHT, MARGIN = 0.20, 0.04
"""A texture reaches from MARGIN beyond the biting edge to HEIGHT on the gums' side of it, eye distances."""
_MASTER = 800
"""px per eye distance at which a row is drawn."""
_MM = 1 / 90
_STANDING_BACK = 1.8
"""How fast the light falls with the depth of the arch, per eye distance."""
_GAP_SHADE = 0.30
"""Light from between two teeth."""

# From the middle to the side: both incisors, canine, two premolars, molar. Widths and lengths in mm, how much higher
# than the central incisor each ends (mm), how much its corners are rounded (mm), and its brightness.
_UPPER_ROW = (
    (8.5, 6.5, 7.5, 7.0, 7.0, 10.0),
    (10.5, 9.0, 10.0, 8.5, 8.5, 7.5),
    (0.0, 0.7, 0.1, 1.0, 1.6, 2.4),
    (1.0, 1.5, 2.2, 2.0, 1.8, 1.4),
    (1.0, 0.96, 0.90, 0.84, 0.76, 0.66),
)
_LOWER_ROW = (
    (5.0, 5.5, 7.0, 7.0, 7.0, 11.0),
    (9.0, 9.5, 11.0, 8.5, 8.0, 7.5),
    (0.0, 0.1, -0.3, 0.7, 1.2, 1.6),
    (0.5, 0.7, 2.0, 1.8, 1.6, 1.4),
    (0.97, 0.97, 0.92, 0.84, 0.76, 0.66),
)
# No mouth is symmetric: by so many mm the teeth from left to right end lower or higher.
_UNEVEN = (0.0, 0.2, -0.1, 0.1, -0.15, 0.0, 0.12, 0.1, -0.1, 0.15, -0.2, 0.0)

Column = NDArray[np.float64]


@cache
def row_texture(upper: bool, resolution: int) -> Array:
    """(h, w, 3) a row with ``resolution`` px per eye distance, its biting edge on top: enamel, gum and alpha, 0..1.

    Enamel and gum are the light that either sends back, already multiplied by its share of the pixel.
    """
    master = _draw_row(UPPER, *_UPPER_ROW) if upper else _draw_row(LOWER, *_LOWER_ROW)
    ratio = resolution / _MASTER
    texture = as_float32(cv2.resize(master, None, fx=ratio, fy=ratio, interpolation=cv2.INTER_AREA))
    texture.setflags(write=False)
    return texture


def resolution_for(scale: float) -> int:
    """The resolution of the rows for pictures of ``scale`` px per eye distance; few values, so that few are drawn."""
    return int(min(_MASTER, 25 * 1.25 ** round(log(max(scale, 16) * 1.1 / 25) / log(1.25))))


def sample_row(upper: bool, view: ArchView, scale: float) -> Array:
    """(h, w, 3) enamel, gum and alpha, as the pixels of a picture of ``scale`` px per eye distance see them."""
    resolution = resolution_for(scale)
    places = np.empty((*view.x.shape, 2), np.float32)
    for axis, (at, first) in enumerate(((view.x, HALF_WIDTH), (view.up, MARGIN))):
        np.add(at, np.float32(first), out=places[..., axis])
    places *= np.float32(resolution)
    places -= np.float32(0.5)
    return resample(row_texture(upper, resolution), places)


def _draw_row(
    arch: Arch,
    widths: tuple[float, ...],
    lengths: tuple[float, ...],
    raised: tuple[float, ...],
    rounded: tuple[float, ...],
    bright: tuple[float, ...],
) -> Array:
    """One row at ``_MASTER`` px per eye distance; as in ``row_texture``."""
    x = (np.arange(round(2 * HALF_WIDTH * _MASTER)) + 0.5) / _MASTER - HALF_WIDTH
    up = ((np.arange(round((HEIGHT + MARGIN) * _MASTER)) + 0.5) / _MASTER - MARGIN)[:, None]
    along = arc_length(arch.curvature, x)
    ends = np.cumsum(widths) * _MM
    tooth = np.minimum(np.searchsorted(ends, np.abs(along)), len(widths) - 1)
    half, length = np.array(widths)[tooth] * _MM / 2, np.array(lengths)[tooth] * _MM
    from_middle = (np.abs(along) - (ends[tooth] - half)) / half  # -1 towards the row's middle .. 1
    side = np.clip(np.abs(from_middle), 0, 1.2)
    uneven = np.array(_UNEVEN)[np.where(along < 0, 5 - tooth, 6 + tooth)]
    begin = np.array(raised)[tooth] * _MM
    edge = begin + uneven * _MM + _corner(side, from_middle, tooth, np.array(rounded)[tooth] * _MM)
    gum_line = begin + length - 0.034 * side**2.2
    height = np.clip((up - edge) / length, -0.2, 1.3)
    neck = 0.975 - 0.17 * smoothstep(height, 0.45, 1.0)
    enamel = np.clip((neck - side) * half * _MASTER + 0.5, 0, 1)
    gum = np.clip((up - gum_line) * _MASTER / 3 + 0.5, 0, 1)
    alpha = np.clip((up - edge) * _MASTER + 0.5, 0, 1) * smoothstep(np.abs(x), HALF_WIDTH - 0.005, HALF_WIDTH - 0.04)
    light = alpha * np.exp(-_STANDING_BACK * arch.curvature * x**2)
    shade = _GAP_SHADE + enamel * (_enamel_shade(side, from_middle, height) * np.array(bright)[tooth] - _GAP_SHADE)
    return np.dstack([light * (1 - gum) * shade, light * gum * _gum_shade(up - gum_line), alpha]).astype(np.float32)


def _corner(side: Column, from_middle: Column, tooth: NDArray[np.intp], radius: Column) -> Column:
    """How far the biting edge rises towards a tooth's sides: incisors have corners, the others points."""
    incisor = side**5 * (1 + 0.5 * (from_middle > 0))
    return np.asarray(radius * np.where(tooth < 2, incisor, side**1.7))


def _enamel_shade(side: Column, from_middle: Column, height: Column) -> Column:
    """Round towards the sides, darker at the neck, a little clearer at the biting edge, a soft light in the middle."""
    shade = 1 - 0.10 * side**2 - 0.16 * side**6
    shade = shade * (1 - 0.16 * smoothstep(height, 0.5, 1.0)) * (0.90 + 0.10 * smoothstep(height, 0.0, 0.16))
    return np.asarray(shade + 0.05 * np.exp(-(((from_middle + 0.1) / 0.4) ** 2) - ((height - 0.45) / 0.28) ** 2))


def _gum_shade(above: Column) -> Column:
    """Gums shine along the teeth and darken upwards."""
    return np.asarray(0.80 + 0.14 * np.exp(-(((above - 0.012) / 0.012) ** 2)) - 0.25 * smoothstep(above, 0.01, 0.09))
