"""How alike two curves over time are, and how far one runs ahead of the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Curve = NDArray[np.float64]


def correlation(one: ArrayLike, other: ArrayLike) -> float:
    """Pearson's correlation of two (n,) curves, -1..1; 0 where one of them does not move."""
    a, b = np.asarray(one, np.float64), np.asarray(other, np.float64)
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size > 1e-12 else 0.0


@dataclass(frozen=True, slots=True)
class Alignment:
    """How well two curves correlate, as they are and shifted to where they fit best."""

    still: float  # correlation as they are
    best: float  # correlation at the best shift
    lag: float  # frames by which the first runs ahead of the second (negative: behind) where they fit best


def align(one: ArrayLike, other: ArrayLike, most: float = 8.0, parts: int = 4) -> Alignment:
    """Find the shift at which two (n,) curves correlate best.

    Shifts go up to ``most`` frames either way, in steps of 1 / ``parts`` frame.
    """
    a, b = np.asarray(one, np.float64), np.asarray(other, np.float64)
    shifts = np.arange(-round(most * parts), round(most * parts) + 1) / parts
    found = [(_shifted(a, b, shift), -abs(shift), shift) for shift in shifts]
    best, _, lag = max(found)
    return Alignment(correlation(a, b), best, float(lag))


def _shifted(a: Curve, b: Curve, shift: float) -> float:
    """Correlation with ``a`` delayed by ``shift`` frames, over the frames that both cover then."""
    edge = int(np.ceil(abs(shift)))
    if len(a) - 2 * edge < 3:
        return 0.0
    delayed = np.interp(np.arange(len(a)) - shift, np.arange(len(a)), a)
    return correlation(delayed[edge : len(a) - edge], b[edge : len(b) - edge])


def smoothed(curve: ArrayLike, sigma: float) -> Curve:
    """Smooth a (n,) curve by a Gaussian of ``sigma`` frames, without a phase shift."""
    reach = int(4 * sigma + 1)
    window = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return np.convolve(np.pad(np.asarray(curve, np.float64), reach, mode="edge"), window / window.sum(), "valid")
