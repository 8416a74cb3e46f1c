"""Boxes and the printed range against upstream's, on queued landmarks and shifts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lipsmith.engines.musetalk.box import ShiftRange, detector_box, face_box, with_margin
from tests.support.goldens import golden_json

GOLDEN = golden_json("boxes")


def points_of(frame: str) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.array(GOLDEN["landmarks"][frame], np.float32)


@pytest.mark.parametrize("run", GOLDEN["runs"], ids=lambda run: f"{len(run['frames'])}-{run['bbox_shift']}")
def test_boxes_and_range_are_upstreams(run: dict[str, Any]) -> None:
    seen, boxes = ShiftRange(), []
    for frame in run["frames"]:
        detected = GOLDEN["detector"][frame]
        seen.add(points_of(frame) if detected else None)
        box = face_box(points_of(frame), np.array(detected, np.float32), run["bbox_shift"]) if detected else (0,) * 4
        boxes.append(list(box))
    assert boxes == run["coords"]
    assert seen.text(run["bbox_shift"]) == run["range_text"]


def test_a_pixel_of_shift_moves_the_top_by_two_and_leaves_the_points_alone() -> None:
    points, detected = points_of("normal"), np.array(GOLDEN["detector"]["normal"], np.float32)
    before = points.copy()
    plain, shifted = face_box(points, detected), face_box(points, detected, 3)
    assert shifted == (plain[0], plain[1] + 6, plain[2], plain[3])
    np.testing.assert_array_equal(points, before)


def test_without_a_face_there_is_no_range() -> None:
    seen = ShiftRange()
    seen.add(None)
    assert seen.text(0) is None


def test_a_detectors_box_is_cut_to_whole_pixels_of_the_image() -> None:
    assert detector_box(np.array([-3.7, 10.9, 20.2, 30.99], np.float32)) == (0, 10, 20, 30)


def test_the_margin_ends_where_the_image_does() -> None:
    assert with_margin((10, 20, 30, 40), 10, 100) == (10, 20, 30, 50)
    assert with_margin((10, 20, 30, 40), 10, 45) == (10, 20, 30, 45)
