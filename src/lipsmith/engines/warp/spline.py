"""Thin-plate splines whose centres never move, and a monotone curve through a few points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...types import Array
from .pixels import Numbers

Plane = NDArray[np.float64]
"""(n, 2) points of a plane."""

SMOOTHING = 2e-4


def _kernel(squared: Numbers) -> Numbers:
    return np.asarray(0.5 * squared * np.log(squared + 1e-12))


def thin_plate_basis(centres: Plane, still: Plane, points: Plane) -> Array:
    """(m, n): times (n, 2) displacements of the ``centres`` gives those of (m, 2) ``points``.

    ``still`` points are held at zero. r^2 log r with an affine part and a slight smoothing (Bookstein 1989).
    """
    count = len(centres)
    knots = np.vstack([centres, still])
    size = len(knots)
    system = np.zeros((size + 3, size + 3))
    system[:size, :size] = _kernel(((knots[:, None] - knots[None]) ** 2).sum(-1)) + SMOOTHING * np.eye(size)
    system[:size, size] = system[size, :size] = 1
    system[:size, size + 1 :] = knots
    system[size + 1 :, :size] = knots.T
    solved = np.linalg.solve(system, np.eye(size + 3)[:, :count])
    basis = _kernel(((points[:, None] - knots[None]) ** 2).sum(-1)) @ solved[:size]
    basis += solved[size] + points @ solved[size + 1 :]
    return np.ascontiguousarray(basis, np.float32)


def monotone_curve(x: Numbers, y: Numbers, at: Numbers) -> NDArray[np.float64]:
    """Piecewise cubic Hermite through (n,) rising ``x``, no overshoot (Fritsch and Butland 1984), held outside."""
    x = np.maximum.accumulate(np.asarray(x, np.float64) + np.arange(len(x)) * 1e-9)
    width, rise = np.diff(x), np.diff(y)
    width = np.maximum(width, 1e-9)
    slope = rise / width
    tangent = np.zeros(len(x))
    before, after = 2 * width[1:] + width[:-1], width[1:] + 2 * width[:-1]
    same = slope[:-1] * slope[1:] > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        harmonic = (before + after) / (before / slope[:-1] + after / slope[1:])
    tangent[1:-1] = np.where(same, harmonic, 0.0)
    tangent[0] = _end(width[0], width[1], slope[0], slope[1])
    tangent[-1] = _end(width[-1], width[-2], slope[-1], slope[-2])
    at = np.clip(at, x[0], x[-1])
    k = np.clip(np.searchsorted(x, at, side="right") - 1, 0, len(x) - 2)
    t = (at - x[k]) / width[k]
    low, high = y[k], y[k + 1]
    bend_low, bend_high = tangent[k] * width[k], tangent[k + 1] * width[k]
    return np.asarray(
        low * (1 + 2 * t) * (1 - t) ** 2
        + bend_low * t * (1 - t) ** 2
        + high * t**2 * (3 - 2 * t)
        + bend_high * t**2 * (t - 1)
    )


def _end(width: float, next_width: float, slope: float, next_slope: float) -> float:
    """One-sided three-point tangent at an end, kept from overshooting."""
    tangent = ((2 * width + next_width) * slope - width * next_slope) / (width + next_width)
    if tangent * slope <= 0:
        return 0.0
    if slope * next_slope <= 0 and abs(tangent) > 3 * abs(slope):
        return 3 * slope
    return tangent
