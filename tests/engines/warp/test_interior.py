"""The inside of the mouth, drawn between lips of a simple shape."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lipsmith.engines.warp.dental_arch import LOWER
from lipsmith.engines.warp.interior import JAW_SHOWS_LOWER_TEETH, Interior, draw_interior
from lipsmith.engines.warp.lip_opening import Opening
from lipsmith.engines.warp.neutral import lip_line_middle
from lipsmith.engines.warp.palette import Palette, estimate_palette, luma
from lipsmith.engines.warp.tooth_texture import HEIGHT, MARGIN, resolution_for, row_texture
from lipsmith.face.canonical import Pose, mean_face
from lipsmith.types import Array
from tests.support.drawn_face import drawn_face, turned

SCALE = 200.0
MIDDLE = lip_line_middle(mean_face())
HALF = 0.26


def palette() -> Palette:
    image, face = drawn_face()
    for eye in (159, 386):
        x, y = face.landmarks[eye, :2].astype(int)
        image[y : y + 8, x - 3 : x + 4] = 0
    return replace(estimate_palette(image, face.landmarks, 80.0), slant=0.0)


def drawn(jaw: float, upper: float, lower: float, yaw: float = 0.0, tongue: float = 0.0) -> tuple[Array, Opening]:
    """The interior under a head in the middle of its picture, lips ``upper`` above and ``lower`` below their line."""
    pose = Pose(SCALE, turned(yaw), np.array([100.0, 100.0, 0.0]))
    pose = replace(pose, shift=pose.shift - pose.to_image(MIDDLE[None])[0] + np.array([60.0, 30.0, 0.0]))
    places = np.stack(np.meshgrid(np.arange(121.0), np.arange(90.0)), -1).astype(np.float32)
    across, down = (places[..., 0] - 60) / SCALE, (places[..., 1] - 30) / SCALE
    lens = np.maximum(1 - (across / HALF) ** 2, 0)
    top, bottom = (-upper * lens).astype(np.float32), (lower * lens).astype(np.float32)
    opening = Opening(across, down, top, bottom, 0.0, HALF, -upper, lower, SCALE, jaw, 0.0, tongue)
    return draw_interior(Interior(palette(), MIDDLE), opening, pose, places), opening


def at(picture: Array, across: float, down: float) -> Array:
    """(3,) RGB at a place in eye distances from the middle of the lip line."""
    return picture[round(30 + down * SCALE), round(60 + across * SCALE)]


def test_both_rows_are_nearly_but_not_quite_symmetric() -> None:
    for upper in (True, False):
        row = row_texture(upper, resolution_for(SCALE))
        assert row.min() >= 0
        assert row.max() <= 1.1
        assert 0 < np.abs(row - row[:, ::-1]).mean() < 0.02


def test_teeth_are_parted_by_thin_dark_lines_and_gums_follow_their_necks() -> None:
    resolution = 400
    enamel, gum, alpha = np.moveaxis(row_texture(True, resolution), -1, 0)
    middle, tooth = enamel.shape[1] // 2, enamel.shape[1] // 2 + round(0.047 * resolution)
    body = round((MARGIN + 0.045) * resolution)
    assert enamel[body, middle - 2 : middle + 2].min() < 0.75 * enamel[body, tooth]
    first_gum = [int((gum[:, x] > 0.3).argmax()) for x in (tooth, middle)]
    assert first_gum[0] - first_gum[1] > 0.02 * resolution  # gums reach down between two teeth
    assert alpha[0].max() == 0
    assert gum.shape[0] == pytest.approx((HEIGHT + MARGIN) * resolution, abs=1)


def test_small_pictures_show_softer_lines_between_the_teeth() -> None:
    def line(scale: float) -> float:
        resolution = resolution_for(scale)
        row = row_texture(True, resolution)[round((MARGIN + 0.045) * resolution), :, 0]
        beside = slice(len(row) // 2 - round(0.05 * resolution), len(row) // 2 + round(0.05 * resolution))
        return float(1 - row[beside].min() / row[beside].max())

    assert line(40) < 0.6 * line(400)


def test_no_lower_teeth_are_seen_before_the_jaw_is_low() -> None:
    high, _ = drawn(JAW_SHOWS_LOWER_TEETH, 0.02, 0.09)
    low, _ = drawn(0.4, 0.02, 0.16)
    teeth = float(luma(palette().teeth))
    fall = 0.4 * np.deg2rad(16) * 0.8
    assert float(luma(at(high, 0.02, 0.065))) < 0.55 * teeth
    assert float(luma(at(low, 0.02, fall + LOWER.edge + 0.016))) > 0.6 * teeth


def test_upper_teeth_darken_steadily_towards_the_corners() -> None:
    picture, _ = drawn(0.3, 0.03, 0.08)
    light = luma(picture)[29:34].mean(0)
    # The running maximum over a tooth's width leaves out the lines between the teeth.
    for side in (light[60:], light[60::-1]):
        steps = np.array([side[k : k + 15].max() for k in range(0, 45, 15)])
        assert np.all(np.diff(steps) < 0), steps
        assert steps[-1] < 0.75 * steps[0]


def test_the_dark_is_neither_black_nor_red_and_fades_at_the_corners() -> None:
    picture, _ = drawn(0.7, 0.03, 0.20)
    colours = palette()
    dark = at(picture, 0.0, 0.055)
    assert 0 < luma(dark) < 0.30 * luma(colours.lip)
    assert dark[0] < 0.35 * colours.lip[0]
    assert luma(at(picture, 0.22, 0.03)) > luma(dark)


def test_the_tongue_is_pinker_than_the_lips_and_rises_for_an_l() -> None:
    colours = palette()
    assert colours.tongue[0] / luma(colours.tongue) > colours.lip[0] / luma(colours.lip) * 0.95
    low, _ = drawn(0.5, 0.02, 0.15)
    high, _ = drawn(0.5, 0.02, 0.15, tongue=1.0)
    assert luma(at(high, 0.05, 0.05)) > 1.3 * luma(at(low, 0.05, 0.05))
    groove, beside = luma(at(high, 0.0, 0.10)), luma(at(high, 0.07, 0.10))
    assert groove < 0.95 * beside


def test_a_turned_head_turns_its_teeth() -> None:
    front, _ = drawn(0.3, 0.04, 0.06)
    turned_left, _ = drawn(0.3, 0.04, 0.06, yaw=-0.6)

    def dark_lines(picture: Array) -> np.ndarray:
        row = luma(picture)[30:33].mean(0)
        inside = np.arange(12, 109)
        return inside[(row[inside] < row[inside - 1]) & (row[inside] < row[inside + 1])]

    def centre(picture: Array) -> int:
        lines = dark_lines(picture)
        return int(lines[np.abs(lines - 60).argmin()])

    assert abs(centre(front) - 60) <= 1
    assert centre(turned_left) >= 62  # the row stands behind the lips: it moves against the turn


def test_drawing_is_deterministic() -> None:
    assert np.array_equal(drawn(0.5, 0.03, 0.1)[0], drawn(0.5, 0.03, 0.1)[0])
