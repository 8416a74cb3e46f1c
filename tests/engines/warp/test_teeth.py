"""The drawn rows of teeth."""

from __future__ import annotations

import numpy as np
import pytest

from lipsmith.engines.warp.neutral import lip_line_middle
from lipsmith.engines.warp.teeth import row_corners, teeth_sprite
from lipsmith.face.canonical import mean_face


def test_the_drawn_teeth_are_symmetric() -> None:
    for upper in (True, False):
        sprite = teeth_sprite(upper)
        assert sprite.min() >= 0
        assert sprite.max() <= 1
        assert np.abs(sprite - sprite[:, ::-1]).mean() < 0.01


def test_upper_teeth_stay_with_the_skull_and_lower_ones_follow_the_jaw() -> None:
    middle = lip_line_middle(mean_face())
    assert row_corners(middle, True, 1.0) == pytest.approx(row_corners(middle, True, 0.0))
    fall = row_corners(middle, False, 1.0) - row_corners(middle, False, 0.0)
    assert fall[:, 1].min() > 0.12
