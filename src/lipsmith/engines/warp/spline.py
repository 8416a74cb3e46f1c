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


def smoothstep_of(x: float, low: float, high: float) -> float:
    """``smoothstep`` of one number."""
    t = min(max((x - low) / (high - low), 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


def smoothstep(x: Numbers, low: float, high: float) -> NDArray[np.float64]:
    """3t^2 - 2t^3 between ``low`` (0) and ``high`` (1), constant beyond them; falls where ``low`` > ``high``."""
    t = np.asarray((np.asarray(x, np.float64) - low) / (high - low))
    t = np.minimum(np.maximum(t, 0.0), 1.0)
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
    """Values at (m,) ``at`` of a cubic Hermite curve through (..., n) points that never overshoots them (PCHIP).

    ``x`` must not fall. Tangents are the weighted harmonic means of Fritsch and Butland, "A Method for Constructing
    Local Monotone Piecewise Cubic Interpolants", 1984. Beyond its ends a curve is constant. Returns (..., m).
    """
    count = x.shape[-1]
    x = np.maximum.accumulate(np.asarray(x, np.float64) + np.arange(count) * 1e-9, -1)
    width = np.maximum(x[..., 1:] - x[..., :-1], 1e-9)
    slope = (y[..., 1:] - y[..., :-1]) / width
    before, after = slope[..., :-1], slope[..., 1:]
    near, far = 2 * width[..., 1:] + width[..., :-1], width[..., 1:] + 2 * width[..., :-1]
    # The harmonic mean (near + far) / (near / before + far / after), free of division by zero.
    product, sum_ = before * after, near * after + far * before
    tangent = np.empty(x.shape)
    tangent[..., 1:-1] = np.where(product > 0, (near + far) * product / np.where(sum_ == 0, 1, sum_), 0)
    ends, next_to_them = [0, -1], [1, -2]
    tangent[..., ends] = _end_tangents(
        width[..., ends], width[..., next_to_them], slope[..., ends], slope[..., next_to_them]
    )
    at = np.minimum(np.maximum(at, x[..., :1]), x[..., -1:])
    piece = (at[..., None] >= x[..., None, 1:-1]).sum(-1)
    # All that is known of a piece is picked at once: the pieces of all curves are counted through.
    pieces = np.array([x[..., :-1], width, y[..., :-1], y[..., 1:], tangent[..., :-1], tangent[..., 1:]])
    curves = np.arange(piece.size // piece.shape[-1]).reshape(*piece.shape[:-1], 1)
    picked = pieces.reshape(len(pieces), -1)[:, piece + curves * width.shape[-1]]
    start, step, low, high, leaving, arriving = picked
    t = (at - start) / step
    rest = 1 - t
    return np.asarray(
        rest * rest * (low * (1 + 2 * t) + leaving * step * t) + t * t * (high * (3 - 2 * t) - arriving * step * rest)
    )


def _end_tangents(width: Numbers, next_width: Numbers, slope: Numbers, next_slope: Numbers) -> Numbers:
    """The one-sided three-point tangents at the ends, limited so that the curve stays monotone."""
    tangent = ((2 * width + next_width) * slope - width * next_slope) / (width + next_width)
    limited = np.where((slope * next_slope <= 0) & (np.abs(tangent) > 3 * np.abs(slope)), 3 * slope, tangent)
    return np.asarray(np.where(tangent * slope <= 0, 0.0, limited))
