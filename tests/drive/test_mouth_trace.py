"""What is measured of a mouth."""

from __future__ import annotations

import numpy as np
import pytest

from lipsmith.drive.mouth_trace import mouth_of


def test_a_mouth_is_measured_in_eye_distances() -> None:
    landmarks = np.zeros((478, 3), np.float32)
    landmarks[263] = (200, 0, 0)
    for upper, lower in ((13, 14), (82, 87), (312, 317)):
        landmarks[lower] = landmarks[upper] + (0, 20, 0)
    landmarks[152] = (0, 150, 0)
    landmarks[308] = (0, 0, 100)
    assert mouth_of(landmarks) == pytest.approx((0.1, 0.75, 0.5))
