"""Whole pictures with a pasted face against upstream's, byte for byte."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from lipsmith.compose import compose
from lipsmith.engines.musetalk.blend import Patch
from lipsmith.engines.musetalk.box import Box
from lipsmith.engines.musetalk.mask import PasteMask, paste_mask
from lipsmith.face.parsing import speaking_region
from lipsmith.types import Image, PreparedFace
from tests.support.goldens import golden_json, sha256, synth_bgr, synth_class_map

CASES = golden_json("blend")["cases"]
IMAGE, PICTURE = synth_bgr(360, 480, 7), synth_bgr(256, 256, 21)


def pasted(mask: PasteMask, face: Box) -> Image:
    patch = Patch.of(mask, face, 480, 360)
    assert patch is not None
    return compose(IMAGE, [PreparedFace(patch.crop, patch.alpha, None)], [patch.fitted(PICTURE)])


@pytest.mark.parametrize("case", [case for case in CASES if case["kind"] != "args"])
def test_pictures_are_upstreams_offline_and_live(case: dict[str, Any]) -> None:
    box = tuple(case["face_box"])
    region = speaking_region(synth_class_map(), case["mode"])
    mask = paste_mask(region, box, 0.1 if case["kind"] == "realtime" else 0.05)
    assert list(mask.square) == case["crop_box"]
    assert sha256(pasted(mask, box)) == case["sha256"]


@pytest.mark.parametrize("case", [case for case in CASES if case["kind"] == "args"])
def test_other_borders_and_squares_are_upstreams(case: dict[str, Any]) -> None:
    box, region = (170, 100, 310, 270), speaking_region(synth_class_map(), "jaw")
    mask = paste_mask(region, box, 0.05, case["upper_boundary_ratio"], case["expand"])
    assert sha256(pasted(mask, box)) == case["offline_sha256"]


def test_only_the_masks_own_rectangle_is_drawn() -> None:
    box = (170, 100, 310, 270)
    alpha = np.zeros((254, 254), np.uint8)
    alpha[150:160, 100:130] = 255
    patch = Patch.of(PasteMask(alpha, (113, 58, 367, 312)), box, 480, 360)
    assert patch is not None
    assert patch.box == (213, 208, 243, 218)
    whole = cv2.resize(PICTURE, (140, 170))
    np.testing.assert_array_equal(patch.fitted(PICTURE), whole[108:118, 43:73])


@pytest.mark.parametrize("size", [(480, 360), (160, 360), (480, 90)])
def test_an_empty_mask_or_a_face_outside_the_image_pastes_nothing(size: tuple[int, int]) -> None:
    filled = size != (480, 360)
    alpha = np.full((254, 254), 255 * filled, np.uint8)
    assert Patch.of(PasteMask(alpha, (113, 58, 367, 312)), (170, 100, 310, 270), *size) is None


def test_compose_rounds_as_pillow_does_for_every_value() -> None:
    below, above = np.meshgrid(np.arange(256), np.arange(256))
    image, picture = (np.repeat(one[..., None], 3, 2).astype(np.uint8) for one in (below, above))
    for alpha in range(256):
        mask = PasteMask(np.full((256, 256), alpha, np.uint8), (0, 0, 256, 256))
        patch = Patch.of(mask, (0, 0, 256, 256), 256, 256)
        total = below * (255 - alpha) + above * alpha + 128
        if patch is None:
            assert alpha == 0
            continue
        out = compose(image, [PreparedFace(patch.crop, patch.alpha, None)], [picture])
        np.testing.assert_array_equal(out[..., 0], (total + (total >> 8)) >> 8)
