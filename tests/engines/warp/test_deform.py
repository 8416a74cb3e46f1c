"""What the eight controls do to a face."""

from __future__ import annotations

import numpy as np
import pytest

from lipsmith.engines.warp.deform import deform, smile_release
from lipsmith.engines.warp.neutral import aperture, lip_gaps, neutral_face
from lipsmith.face.canonical import mean_face
from lipsmith.speech.lips import touching
from lipsmith.types import MOUTH_CONTROLS
from tests.support.drawn_face import open_shape

NEUTRAL = neutral_face(np.array(mean_face()))


def controls(**values: float) -> np.ndarray:
    return np.array([values.get(name, 0.0) for name in MOUTH_CONTROLS], np.float32)


def width(shape: np.ndarray) -> float:
    return float(shape[308, 0] - shape[78, 0])


def smiling() -> np.ndarray:
    shape = open_shape(0.05)
    for corner, side in ((61, -1), (291, 1), (78, -1), (308, 1)):
        shape[corner, :2] += (0.08 * side, -0.06)
    return shape


def test_controls_at_zero_leave_the_neutral_face() -> None:
    assert deform(NEUTRAL, controls()) == pytest.approx(NEUTRAL.shape)


def test_the_mouth_opens_steadily_with_the_jaw() -> None:
    openings = [aperture(deform(NEUTRAL, controls(jaw=jaw))) for jaw in np.linspace(0, 1, 11)]
    assert np.all(np.diff(openings) > 0.005)
    assert 0.17 < openings[-1] < 0.3


def test_the_chin_follows_the_jaw_and_the_nose_does_not() -> None:
    shape = deform(NEUTRAL, controls(jaw=1))
    assert shape[152, 1] - NEUTRAL.shape[152, 1] > 0.1
    assert shape[[1, 4, 33, 263, 168]] == pytest.approx(NEUTRAL.shape[[1, 4, 33, 263, 168]], abs=1e-4)


def test_spreading_widens_and_puckering_narrows() -> None:
    rest = width(deform(NEUTRAL, controls()))
    assert width(deform(NEUTRAL, controls(spread=1))) > rest + 0.07
    assert width(deform(NEUTRAL, controls(spread=-1))) < rest - 0.07
    assert width(deform(NEUTRAL, controls(pucker=1))) < rest - 0.13


def test_puckered_lips_come_forward_and_thicken() -> None:
    shape = deform(NEUTRAL, controls(pucker=1))
    assert shape[0, 2] < NEUTRAL.shape[0, 2] - 0.03
    assert shape[17, 1] - shape[14, 1] > 1.2 * (NEUTRAL.shape[17, 1] - NEUTRAL.shape[14, 1])


@pytest.mark.parametrize("jaw", [0.0, 0.3, 1.0])
def test_pressed_lips_close_whatever_the_jaw_does(jaw: float) -> None:
    assert lip_gaps(deform(NEUTRAL, controls(jaw=jaw, press=1))).max() < 0.005


def test_biting_brings_the_lower_lip_to_the_upper_teeth() -> None:
    shape = deform(NEUTRAL, controls(jaw=0.3, bite=1))
    assert shape[14, 1] - NEUTRAL.shape[13, 1] < 0.02
    assert 0.005 < shape[14, 1] - shape[13, 1] < 0.05


def test_lips_rise_and_fall_on_their_own() -> None:
    shape = deform(NEUTRAL, controls(upper=1))
    assert shape[13, 1] < NEUTRAL.shape[13, 1] - 0.03
    assert shape[14, 1] == pytest.approx(NEUTRAL.shape[14, 1])
    shape = deform(NEUTRAL, controls(lower=1))
    assert shape[14, 1] > NEUTRAL.shape[14, 1] + 0.04
    assert shape[13, 1] == pytest.approx(NEUTRAL.shape[13, 1])


def test_a_smile_gives_way_to_rounding_and_stays_at_rest() -> None:
    neutral = neutral_face(smiling())
    assert neutral.smile > 0.8
    assert NEUTRAL.smile < 0.5
    assert deform(neutral, controls()) == pytest.approx(neutral.shape)
    assert width(deform(neutral, controls(pucker=1))) < width(neutral.shape) - 0.22
    corner = deform(neutral, controls(jaw=0.5, pucker=0.7))[61]
    assert corner[1] > neutral.shape[61, 1] + 0.02


def test_smile_release_is_continuous_and_bounded() -> None:
    values = [smile_release(controls(jaw=jaw, pucker=jaw)) for jaw in np.linspace(0, 1, 101)]
    assert values[0] == 0
    assert values[-1] <= 1
    assert np.abs(np.diff(values)).max() < 0.08


def lower_lip(shape: np.ndarray) -> float:
    return float(shape[17, 1] - shape[14, 1])


@pytest.mark.parametrize("jaw", [0.0, 0.3])
@pytest.mark.parametrize("closure", ["press", "bite"])
def test_a_closing_lower_lip_keeps_its_height(jaw: float, closure: str) -> None:
    assert lower_lip(deform(NEUTRAL, controls(jaw=jaw, **{closure: 1.0}))) > 0.8 * lower_lip(NEUTRAL.shape)


@pytest.mark.parametrize("press", [0.25, 0.5, 0.75])
def test_a_press_narrows_the_opening_until_the_lips_touch(press: float) -> None:
    opening = aperture(deform(NEUTRAL, controls(jaw=0.4, upper=0.2, lower=0.3)))
    narrowed = aperture(deform(NEUTRAL, controls(jaw=0.4, upper=0.2, lower=0.3, press=press)))
    assert narrowed == pytest.approx((1 - touching(np.array(press))) * opening, abs=0.006)


@pytest.mark.parametrize("values", [{"jaw": 0.4, "press": 1.0}, {"jaw": 0.4, "bite": 1.0}])
def test_the_skin_below_the_lower_lip_follows_it(values: dict[str, float]) -> None:
    shape = deform(NEUTRAL, controls(**values))
    apart = shape[18, 1] - shape[17, 1]
    assert apart == pytest.approx(NEUTRAL.shape[18, 1] - NEUTRAL.shape[17, 1], abs=0.008)


def test_skin_between_lip_and_nose_rises_with_the_lip() -> None:
    shape = deform(NEUTRAL, controls(upper=1))
    rise = NEUTRAL.shape[:, 1] - shape[:, 1]
    assert rise[164] > 0.4 * rise[0]
    assert abs(rise[4]) < 0.005


def test_the_lip_line_beyond_a_corner_moves_with_it() -> None:
    shape = deform(NEUTRAL, controls(pucker=1))
    moved = np.abs(shape[:, 0] - NEUTRAL.shape[:, 0])
    assert moved[57] > 0.95 * moved[61]  # 57 lies .07 beside the corner
    assert moved[214] < 0.4 * moved[61]
