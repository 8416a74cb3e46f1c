"""Where lines of sight meet the rows of teeth."""

from __future__ import annotations

import numpy as np
import pytest

from lipsmith.engines.warp.dental_arch import LOWER, UPPER, Arch, head_places, see_arch
from lipsmith.engines.warp.neutral import lip_line_middle
from lipsmith.engines.warp.rig import MAX_JAW_ANGLE, jaw_displacement
from lipsmith.face.canonical import Pose, mean_face
from tests.support.drawn_face import turned

MIDDLE = lip_line_middle(mean_face())
X, UP = (grid.ravel() for grid in np.meshgrid(np.linspace(-0.16, 0.16, 9), [0.0, 0.05, 0.1]))


def head(yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> Pose:
    return Pose(120.0, turned(yaw, pitch, roll), np.array([200.0, 150.0, 0.0]))


def on_arch(arch: Arch, jaw: float) -> np.ndarray:
    """(27, 3) points of a row in the head's frame."""
    points = MIDDLE + np.stack([X, arch.edge - arch.sign * UP, arch.behind + arch.curvature * X**2], 1)
    return points if arch is UPPER else points + jaw_displacement(points, np.ones(len(points)), MAX_JAW_ANGLE * jaw)


@pytest.mark.parametrize("pose", [head(), head(0.5, -0.2, 0.3), head(-0.6, 0.3)])
@pytest.mark.parametrize("arch", [UPPER, LOWER])
def test_a_pixel_sees_the_point_of_the_row_that_lies_on_it(arch: Arch, pose: Pose) -> None:
    places = pose.to_image(on_arch(arch, 0.7))[None, :, :2].astype(np.float32)
    view = see_arch(arch, pose, MIDDLE, 0.7, places)
    in_sight = view.facing[0] > 0.05
    assert in_sight.sum() >= 18
    assert view.x[0][in_sight] == pytest.approx(X[in_sight], abs=2e-3)
    assert view.up[0][in_sight] == pytest.approx(UP[in_sight], abs=2e-3)


def test_upper_teeth_stay_with_the_skull_and_lower_ones_follow_the_jaw() -> None:
    place = head().to_image(MIDDLE[None])[None, :, :2].astype(np.float32)
    for arch, moves in ((UPPER, False), (LOWER, True)):
        heights = [float(see_arch(arch, head(), MIDDLE, jaw, place).up[0, 0]) for jaw in (0.0, 1.0)]
        assert abs(heights[1] - heights[0]) > 0.12 if moves else heights[1] == heights[0]


def test_the_far_side_of_a_turned_row_is_foreshortened() -> None:
    def ratio(yaw: float) -> float:
        left, middle, right = head(yaw).to_image(on_arch(UPPER, 0.0)[[0, 4, 8]])[:, :2]
        x = np.arange(left[0], right[0], 0.25)
        view = see_arch(UPPER, head(yaw), MIDDLE, 0.0, np.stack([x, x * 0 + middle[1]], -1)[None].astype(np.float32))
        seen = (view.facing[0] > 0.02) & (np.abs(view.x[0]) < 0.14)
        return float((seen & (view.x[0] < 0)).sum() / (seen & (view.x[0] > 0)).sum())

    assert ratio(0.0) == pytest.approx(1, abs=0.03)
    assert ratio(-0.5) < 0.75
    assert ratio(0.5) > 1.33


def test_places_at_a_depth_are_found_again() -> None:
    pose = head(0.4, 0.2, 0.1)
    points = MIDDLE + np.array([[0.1, 0.05, 0.2], [-0.1, 0.0, 0.2]])
    found = head_places(pose, float(points[0, 2]), pose.to_image(points)[None, :, :2].astype(np.float32))
    assert found[0] == pytest.approx(points[:, :2], abs=1e-3)
