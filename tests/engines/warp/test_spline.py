"""The spline basis and the monotone curve."""

from __future__ import annotations

import numpy as np
import pytest

from lipsmith.engines.warp.spline import monotone_curve, thin_plate_basis

RNG = np.random.default_rng(2)
CENTRES = RNG.uniform(-0.5, 0.5, (40, 2))
STILL = np.array([(x, y) for x in (-1.0, 1.0) for y in np.linspace(-1, 1, 5)])


def test_the_basis_carries_its_centres_and_holds_the_still_points() -> None:
    basis = thin_plate_basis(CENTRES, STILL, np.vstack([CENTRES, STILL]))
    assert basis.dtype == np.float32
    moves = 0.1 * np.stack([np.sin(3 * CENTRES[:, 0]), CENTRES[:, 1] * CENTRES[:, 0]], 1)
    moved = basis @ moves
    assert moved[: len(CENTRES)] == pytest.approx(moves, abs=0.01)
    assert moved[len(CENTRES) :] == pytest.approx(0, abs=0.01)


def test_the_field_between_centres_is_smooth() -> None:
    line = np.stack([np.linspace(-0.9, 0.9, 400), np.zeros(400)], 1)
    field = thin_plate_basis(CENTRES, STILL, line) @ (0.1 * np.cos(4 * CENTRES))
    assert np.abs(np.diff(field, 2, axis=0)).max() < 2e-3


def test_the_curve_goes_through_its_points_and_never_overshoots() -> None:
    x = np.array([0.0, 1, 2, 3, 4, 5])
    y = np.array([0.0, 0, 0, 1, 1, 0.2])
    at = np.linspace(-1, 6, 701)
    curve = monotone_curve(x, y, at)
    assert monotone_curve(x, y, x) == pytest.approx(y)
    assert curve.min() >= -1e-12
    assert curve.max() <= 1 + 1e-12
    assert curve[0] == y[0]
    assert curve[-1] == pytest.approx(y[-1])


def test_the_curve_agrees_with_scipys() -> None:
    """Values of scipy.interpolate.PchipInterpolator."""
    x, y = np.array([0.0, 1, 2.5, 3, 4]), np.array([0.0, 2, 1, 1.5, 1.6])
    curve = monotone_curve(x, y, np.array([0.4, 1.7, 2.8, 3.6]))
    assert curve == pytest.approx([1.1456, 1.549926, 1.3096, 1.584], abs=1e-5)


def test_points_on_top_of_each_other_do_no_harm() -> None:
    curve = monotone_curve(np.array([0.0, 1, 1, 2]), np.array([0.0, 1, 1, 0]), np.linspace(0, 2, 50))
    assert np.isfinite(curve).all()
