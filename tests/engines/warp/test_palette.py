"""The colours of the mouth, estimated from the face."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from lipsmith.engines.warp.palette import Palette, edge_softness, estimate_palette, luma, saturation
from lipsmith.face.canonical import fit_pose
from tests.support.drawn_face import SKIN, drawn_face


def palette(**changes: object) -> Palette:
    image, face = drawn_face(**changes)
    return estimate_palette(image, face.landmarks, fit_pose(face.landmarks).scale)


def test_skin_is_measured_and_teeth_are_bright_and_warm() -> None:
    estimated = palette()
    assert estimated.skin == pytest.approx(SKIN, abs=6)
    assert luma(estimated.teeth) > 0.9 * luma(estimated.skin)
    assert estimated.teeth[0] > estimated.teeth[2]
    assert luma(estimated.cavity) < luma(estimated.shadow) < luma(estimated.tongue) < luma(estimated.teeth)


def test_a_darker_portrait_has_a_darker_mouth() -> None:
    assert luma(palette(light=0.5).teeth) < 0.65 * luma(palette().teeth)


def test_a_grey_portrait_has_a_grey_mouth() -> None:
    image, face = drawn_face()
    grey = np.repeat(image.mean(-1, keepdims=True), 3, -1).astype(np.uint8)
    estimated = estimate_palette(grey, face.landmarks, fit_pose(face.landmarks).scale)
    for colour in (estimated.teeth, estimated.tongue, estimated.cavity, estimated.shadow):
        assert saturation(colour) < 0.05


def test_a_picture_in_sepia_has_a_mouth_in_sepia() -> None:
    image, face = drawn_face()
    sepia = (image.mean(-1, keepdims=True) * (1.1, 0.95, 0.75)).clip(0, 255).astype(np.uint8)
    estimated = estimate_palette(sepia, face.landmarks, fit_pose(face.landmarks).scale)
    for colour in (estimated.teeth, estimated.tongue, estimated.cavity, estimated.shadow):
        assert colour / luma(colour) == pytest.approx(estimated.skin / luma(estimated.skin), abs=0.08)


def test_light_from_the_side_is_followed() -> None:
    image, face = drawn_face()
    lit = np.clip(image * np.linspace(0.5, 1.2, image.shape[1])[None, :, None], 0, 255).astype(np.uint8)
    estimated = estimate_palette(lit, face.landmarks, fit_pose(face.landmarks).scale)
    assert estimated.slant > 0.1
    assert estimate_palette(image, face.landmarks, 80).slant == pytest.approx(0, abs=0.06)
    right, left = np.array([0.2], np.float32), np.array([-0.2], np.float32)
    assert estimated.relative_light(right) > 1 > estimated.relative_light(left)


def test_teeth_are_never_lavender_whatever_the_light() -> None:
    image, face = drawn_face()
    scale = fit_pose(face.landmarks).scale
    for light in ((1.0, 1.0, 1.0), (0.55, 0.65, 1.15), (1.1, 0.8, 1.0), (1.15, 0.75, 0.5)):
        lit = np.clip(image * np.array(light), 0, 255).astype(np.uint8)
        estimated = estimate_palette(lit, face.landmarks, scale)
        red, green, blue = estimated.teeth
        assert green >= 0.96 * (red + blue) / 2
        assert red / blue >= min(1.0, estimated.skin[0] / estimated.skin[2])
        assert red / blue < 2.2


def test_the_blur_of_a_picture_is_measured() -> None:
    image, face = drawn_face(scale=110, centre=(160, 90))
    blurred = cv2.GaussianBlur(image, (0, 0), 1.5)
    sharp, soft = (edge_softness(picture, face.landmarks[:, :2], 110) for picture in (image, blurred))
    assert sharp < 0.7
    assert 0.9 < soft < 2.0


def test_the_mouth_is_no_darker_than_the_darkest_parts_of_a_faded_picture() -> None:
    image, face = drawn_face()
    scale = fit_pose(face.landmarks).scale
    for eye in (159, 386):
        x, y = face.landmarks[eye, :2].astype(int)
        image[y : y + 8, x - 3 : x + 4] = 0
    faded = (60 + 0.6 * image).astype(np.uint8)
    clear, pale = (estimate_palette(picture, face.landmarks, scale) for picture in (image, faded))
    assert luma(pale.cavity) / luma(pale.lip) > 1.1 * luma(clear.cavity) / luma(clear.lip)
