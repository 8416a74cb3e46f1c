"""Folds deepen when the mouth spreads and flatten when it rounds; the hollow below the lower lip follows the lips."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from lipsmith.engines.warp import WarpEngine, WarpOptions
from lipsmith.engines.warp.material import WarpMaterial
from lipsmith.engines.warp.palette import LUMA
from lipsmith.engines.warp.skin_shading import shade_amounts, shade_skin
from lipsmith.types import MOUTH_CONTROLS
from tests.support.drawn_face import drawn_face

FOLD = ([203, 206, 216], [423, 426, 436])


def controls(**values: float) -> np.ndarray:
    return np.array([values.get(name, 0.0) for name in MOUTH_CONTROLS], np.float32)


def material(fold: int = 0, smile: float = 0.0) -> WarpMaterial:
    """The drawn face; with a ``fold`` its cheeks show folds so many grey levels deep."""
    image, face = drawn_face()
    shade = np.zeros(image.shape[:2], np.float32)
    for side in FOLD:
        cv2.polylines(shade, [np.round(face.landmarks[side, :2]).astype(np.int32)], False, [1.0], 3)
    image = np.clip(image - fold * cv2.GaussianBlur(shade, (0, 0), 1)[..., None], 0, 255).astype(np.uint8)
    engine = WarpEngine(WarpOptions(idle=False))
    analysis = engine.analyze(still=True)
    analysis.add(image, face)
    made = engine.prepare(image, face, analysis.identity()).material
    assert isinstance(made, WarpMaterial)
    return replace(made, neutral=replace(made.neutral, smile=smile))


def light_of(made: WarpMaterial, one: np.ndarray, landmark: int) -> float:
    """Mean luma around a landmark of the source, shaded for (8,) controls."""
    x, y = made.landmarks[landmark, :2]
    picture = shade_skin(made, one, made.picture) @ LUMA
    return float(picture[round(y) - 1 : round(y) + 2, round(x) - 1 : round(x) + 2].mean())


@pytest.mark.parametrize("landmark", [206, 426])
def test_a_fold_deepens_with_spread_and_flattens_with_pucker(landmark: int) -> None:
    made = material(fold=30)
    rest = light_of(made, controls(), landmark)
    assert light_of(made, controls(spread=1), landmark) < rest - 3
    assert light_of(made, controls(pucker=1), landmark) > rest + 3


def test_a_smile_gives_way_to_rounding_without_its_folds() -> None:
    without, shown = material(), material(fold=30, smile=1)
    gone = light_of(shown, controls(pucker=1), 206) - light_of(shown, controls(), 206)
    assert gone > 0.35 * (light_of(without, controls(), 206) - light_of(shown, controls(), 206))


def test_flattening_leaves_smooth_skin_alone() -> None:
    made = material()
    assert light_of(made, controls(pucker=1), 206) == pytest.approx(light_of(made, controls(), 206), abs=3)


def test_the_hollow_below_the_lip_deepens_with_pucker_and_press_and_flattens_with_the_jaw() -> None:
    made = material()
    rest = light_of(made, controls(), 18)
    assert light_of(made, controls(pucker=1), 18) < rest - 8
    assert light_of(made, controls(press=1), 18) < rest - 4
    assert light_of(made, controls(jaw=1), 18) > rest + 4


def test_the_shade_stays_around_the_mouth() -> None:
    made = material(fold=30)
    shaded = shade_skin(made, controls(spread=1, pucker=0.3, jaw=0.5), made.picture)
    changed = np.argwhere(np.abs(shaded.astype(int) - made.picture).max(-1) > 0)
    middle, scale = made.landmarks[[61, 291], :2].mean(0)[::-1], made.pose.scale
    assert len(changed)
    assert np.linalg.norm(changed - middle, axis=1).max() < 0.75 * scale


def test_a_face_that_is_not_drawn_is_not_shaded() -> None:
    made = replace(material(fold=30), strength=0.0)
    assert np.array_equal(shade_skin(made, controls(spread=1, pucker=1), made.picture), made.picture)


def test_shades_follow_the_controls_without_a_step() -> None:
    for smile in (0.0, 1.0):
        for name in ("jaw", "spread", "pucker", "upper", "press"):
            rows = [shade_amounts(controls(**{name: value}), smile) for value in np.linspace(0, 1, 51)]
            values = np.array([(row.deepen, row.flatten, row.hollow, row.lip) for row in rows])
            assert np.abs(np.diff(values, axis=0)).max() < 0.08


@pytest.mark.parametrize("still", [False, True])
def test_the_lip_line_of_a_closed_video_frame_goes_when_an_opening_is_drawn(still: bool) -> None:
    image, face = drawn_face()
    x, y = np.round(face.landmarks[12, :2]).astype(int)
    image[y - 2 : y, x - 12 : x + 13] = (60, 25, 25)  # the true line, beside the landmarks
    engine = WarpEngine(WarpOptions(idle=False))
    analysis = engine.analyze(still=still)
    analysis.add(image, face)
    made = engine.prepare(image, face, analysis.identity()).material
    assert isinstance(made, WarpMaterial)
    at = made.landmarks[12, :2]
    rest, opened = (
        (shade_skin(made, one, made.picture) @ LUMA)[round(at[1]) - 2, round(at[0])]
        for one in (controls(), controls(jaw=0.5))
    )
    assert bool(opened > rest + 8) is not still
    assert (shade_skin(made, controls(press=1, jaw=0.5), made.picture) @ LUMA)[
        round(at[1]) - 2, round(at[0])
    ] < rest + 3
