"""The neutral face, and how far lips are open."""

from __future__ import annotations

import numpy as np
import pytest

from lipsmith.engines.warp.landmark_indices import INNER_LOWER
from lipsmith.engines.warp.neutral import aperture, close_mouth, lip_gaps, neutral_face
from lipsmith.face.canonical import mean_face
from tests.support.drawn_face import open_shape


def test_gaps_are_measured_between_the_inner_lips() -> None:
    shape = close_mouth(np.array(mean_face()))
    shape[INNER_LOWER[1:-1], 1] += 0.05
    assert lip_gaps(shape) == pytest.approx([0, *[0.05] * 9, 0], abs=1e-9)
    assert aperture(shape) == pytest.approx(0.05)


def test_a_neutral_face_has_closed_lips_whatever_the_mouth_does() -> None:
    assert lip_gaps(neutral_face(open_shape(0.2)).shape).max() < 1e-6


def test_an_open_face_closes_and_its_chin_comes_back() -> None:
    shape = close_mouth(open_shape(0.2))
    assert lip_gaps(shape).max() < 1e-6
    assert shape[152, 1] == pytest.approx(mean_face()[152, 1], abs=0.08)
