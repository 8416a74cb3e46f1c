"""Squares, masks and blurs against upstream's."""

from __future__ import annotations

import numpy as np
import pytest

from lipsmith.engines.musetalk.mask import blur_kernel, cut_out, paste_mask, square_around
from lipsmith.errors import FaceError
from lipsmith.face.parsing import speaking_region
from tests.support.goldens import golden_json, sha256, synth_bgr, synth_class_map

GOLDEN = golden_json("blend")


def test_squares_are_upstreams() -> None:
    for case in GOLDEN["crop_box"]:
        assert list(square_around(tuple(case["box"]), case["expand"])) == case["crop"]


def test_blurs_are_as_wide_as_upstreams_offline_and_live() -> None:
    for side, kernel in GOLDEN["blur_kernel"].items():
        assert blur_kernel(int(side), 0.05) == kernel["offline"]
        assert blur_kernel(int(side), 0.1) == kernel["realtime"]


def test_masks_with_another_border_and_square_are_upstreams() -> None:
    region = speaking_region(synth_class_map(), "jaw")
    cases = [case for case in GOLDEN["cases"] if case["kind"] == "args"]
    for case in cases:
        mask = paste_mask(region, (170, 100, 310, 270), 0.1, case["upper_boundary_ratio"], case["expand"])
        assert sha256(mask.alpha) == case["mask_sha256"]
        assert list(mask.square) == case["crop_box"]
    assert len(cases) == 3


def test_a_sharp_mask_lies_in_the_lower_half_of_the_box() -> None:
    mask = paste_mask(np.ones((512, 512), np.bool_), (100, 100, 140, 150), 0.0)
    rows, columns = np.nonzero(mask.alpha)
    left, top = mask.square[:2]
    assert (columns.min() + left, columns.max() + left + 1) == (100, 140)
    assert (rows.min() + top, rows.max() + top + 1) == (125, 150)


def test_what_lies_outside_the_image_is_cut_out_black() -> None:
    image = synth_bgr(40, 60)
    seen = cut_out(image, (-5, 30, 15, 50))
    assert not seen[:, :5].any()
    assert not seen[10:].any()
    np.testing.assert_array_equal(seen[:10, 5:], image[30:, :15])
    assert not cut_out(image, (70, 0, 80, 10)).any()


def test_a_face_of_a_pixel_is_refused() -> None:
    with pytest.raises(FaceError, match="at least 2 px"):
        square_around((5, 5, 6, 6))
