"""Interpolation: thin-plate splines with fixed control points, a monotone cubic curve, and smoothstep."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...types import Array
from .image_ops import Numbers

PlanePoints = NDArray[np.float64]
"""(n, 2) points of a plane."""

SMOOTHING = 2e-4
"""Added to the diagonal of the spline's system, so that noisy control points bend the field less."""


def smoothstep(x: Numbers, low: float, high: float) -> NDArray[np.float64]:
    """3t^2 - 2t^3 between ``low`` (0) and ``high`` (1), constant beyond them; falls where ``low`` > ``high``."""
    t = np.clip((np.asarray(x, np.float64) - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t))


def _radial_basis(squared: Numbers) -> Numbers:
    """r^2 log r of squared distances r^2."""
    return np.asarray(0.5 * squared * np.log(squared + 1e-12))


def thin_plate_basis(centres: PlanePoints, fixed: PlanePoints, points: PlanePoints) -> Array:
    """Solve a thin-plate spline once for control points that never move.

    The spline has the kernel r^2 log r, an affine part and a slight smoothing (Bookstein, "Principal Warps: Thin-Plate
    Splines and the Decomposition of Deformations", 1989).

    Args:
        centres: (n, 2) control points whose displacements will be given.
        fixed: (k, 2) control points whose displacement is always zero.
        points: (m, 2) where the displacement is wanted.

    Returns:
        (m, n) matrix: times the (n, 2) displacements of the centres it gives the (m, 2) displacements of the points.
    """
    count = len(centres)
    knots = np.vstack([centres, fixed])
    size = len(knots)
    system = np.zeros((size + 3, size + 3))
    system[:size, :size] = _radial_basis(((knots[:, None] - knots[None]) ** 2).sum(-1)) + SMOOTHING * np.eye(size)
    system[:size, size] = system[size, :size] = 1
    system[:size, size + 1 :] = knots
    system[size + 1 :, :size] = knots.T
    solved = np.linalg.solve(system, np.eye(size + 3)[:, :count])
    basis = _radial_basis(((points[:, None] - knots[None]) ** 2).sum(-1)) @ solved[:size]
    basis += solved[size] + points @ solved[size + 1 :]
    return np.ascontiguousarray(basis, np.float32)


def monotone_curve(x: Numbers, y: Numbers, at: Numbers) -> NDArray[np.float64]:
    """Values at (m,) ``at`` of a cubic Hermite curve through (n,) points that never overshoots them (PCHIP).

    ``x`` must not fall. Tangents are the weighted harmonic means of Fritsch and Butland, "A Method for Constructing
    Local Monotone Piecewise Cubic Interpolants", 1984. Beyond its ends the curve is constant.
    """
    x = np.maximum.accumulate(np.asarray(x, np.float64) + np.arange(len(x)) * 1e-9)
    width, rise = np.diff(x), np.diff(y)
    width = np.maximum(width, 1e-9)
    slope = rise / width
    tangent = np.zeros(len(x))
    before, after = 2 * width[1:] + width[:-1], width[1:] + 2 * width[:-1]
    same_sign = slope[:-1] * slope[1:] > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        harmonic = (before + after) / (before / slope[:-1] + after / slope[1:])
    tangent[1:-1] = np.where(same_sign, harmonic, 0.0)
    tangent[0] = _end_tangent(width[0], width[1], slope[0], slope[1])
    tangent[-1] = _end_tangent(width[-1], width[-2], slope[-1], slope[-2])
    at = np.clip(at, x[0], x[-1])
    k = np.clip(np.searchsorted(x, at, side="right") - 1, 0, len(x) - 2)
    t = (at - x[k]) / width[k]
    low, high = y[k], y[k + 1]
    tangent_low, tangent_high = tangent[k] * width[k], tangent[k + 1] * width[k]
    return np.asarray(
        low * (1 + 2 * t) * (1 - t) ** 2
        + tangent_low * t * (1 - t) ** 2
        + high * t**2 * (3 - 2 * t)
        + tangent_high * t**2 * (t - 1)
    )


def _end_tangent(width: float, next_width: float, slope: float, next_slope: float) -> float:
    """The one-sided three-point tangent at an end, limited so that the curve stays monotone."""
    tangent = ((2 * width + next_width) * slope - width * next_slope) / (width + next_width)
    if tangent * slope <= 0:
        return 0.0
    if slope * next_slope <= 0 and abs(tangent) > 3 * abs(slope):
        return 3 * slope
    return tangent
