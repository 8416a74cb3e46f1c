"""How pressed lips look: their volume, no bright speck between them, no black corners."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from lipsmith.engines.warp import WarpEngine, WarpOptions
from lipsmith.engines.warp.deform import target_landmarks
from lipsmith.engines.warp.landmark_indices import INNER_LOWER, INNER_UPPER, LOWER_RINGS
from lipsmith.engines.warp.palette import LUMA
from lipsmith.types import MOUTH_CONTROLS, Image, PreparedFace
from tests.support.drawn_face import drawn_face


def drive(**values: float) -> np.ndarray:
    return np.array([*(values.get(name, 0.0) for name in MOUTH_CONTROLS), *[0] * 6], np.float32)


def portrait(jaw: float = 0.0, spot: bool = False) -> tuple[WarpEngine, PreparedFace]:
    """The drawn face, prepared; with a ``spot`` the corners of its mouth are black."""
    image, face = drawn_face(jaw=jaw)
    for x, y in face.landmarks[[78, 308], :2] if spot else ():
        cv2.circle(image, (round(float(x)), round(float(y))), 2, (0, 0, 0), -1)
    engine = WarpEngine(WarpOptions(idle=False))
    analysis = engine.analyze(still=True)
    analysis.add(image, face)
    return engine, engine.prepare(image, face, analysis.identity())


def draw(engine: WarpEngine, prepared: PreparedFace, one: np.ndarray) -> Image:
    return engine.render([[prepared.material]], [[one]])[0][0]


def red_below_the_line(picture: Image, prepared: PreparedFace, one: np.ndarray) -> int:
    """Pixels of the lower lip: as red as the drawn lips, below the lip line."""
    points = target_landmarks(prepared.material, one[:8])
    line = points[[*INNER_UPPER, *INNER_LOWER], 1].mean()
    red, green, _ = cv2.GaussianBlur(picture, (0, 0), 1).astype(int).transpose(2, 0, 1)
    return int(((red - green > 60) & (np.arange(len(red))[:, None] > line)).sum())


@pytest.mark.parametrize("jaw", [0.0, 0.3])
@pytest.mark.parametrize("closure", ["press", "bite"])
def test_the_lower_lip_keeps_its_volume_when_it_closes(jaw: float, closure: str) -> None:
    engine, prepared = portrait()
    rest, closed = drive(), drive(jaw=jaw, **{closure: 1.0})
    before = red_below_the_line(draw(engine, prepared, rest), prepared, rest)
    after = red_below_the_line(draw(engine, prepared, closed), prepared, closed)
    assert 0.75 < after / before < 1.35


def test_nothing_between_pressed_lips_is_brighter_than_the_lips() -> None:
    engine, prepared = portrait(jaw=0.1)  # a portrait that shows its teeth
    for one in (drive(press=1), drive(jaw=0.3, press=1)):
        picture = draw(engine, prepared, one) @ LUMA
        points = target_landmarks(prepared.material, one[:8])
        line, lip = points[INNER_LOWER[2:9]], points[LOWER_RINGS[1, 2:9]]
        on_lip = [picture[round(y), round(x)] for x, y in lip]
        on_line = [picture[round(y) + k, round(x)] for x, y in line for k in (-1, 0, 1)]
        assert max(on_line) < np.median(on_lip) + 12


def test_teeth_behind_a_slit_are_in_the_shade() -> None:
    engine, prepared = portrait(jaw=0.1)
    brightest = []
    for jaw in (0.11, 0.5):
        one = drive(jaw=jaw)
        picture = draw(engine, prepared, one) @ LUMA
        x, y = target_landmarks(prepared.material, one[:8])[[13, 14]].mean(0)
        brightest.append(picture[round(y) - 3 : round(y) + 4, round(x)].max())
    assert brightest[0] < 145  # the lips around have 110, teeth in the light 220; without shade it would be 165
    assert brightest[1] > 200


@pytest.mark.parametrize("one", [drive(jaw=0.8), drive(press=1), drive(jaw=0.4, spread=1)], ids=("open", "press", "E"))
def test_corners_are_never_black(one: np.ndarray) -> None:
    engine, prepared = portrait(jaw=0.1, spot=True)
    picture = draw(engine, prepared, one)
    lip = prepared.material.interior.palette.lip
    for x, y in target_landmarks(prepared.material, one[:8])[[78, 308]]:
        assert np.all(picture[round(y) - 1 : round(y) + 2, round(x) - 1 : round(x) + 2] > 0.4 * lip)
