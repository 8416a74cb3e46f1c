"""How far a drive opens the lips."""

import numpy as np

from lipsmith.speech.lips import lip_opening
from lipsmith.types import MOUTH_CONTROLS


def drive(**controls):
    values = np.zeros(8, np.float32)
    for name, value in controls.items():
        values[MOUTH_CONTROLS.index(name)] = value
    return values


def test_the_renderers_own_amounts():
    assert lip_opening(drive()) == 0
    assert abs(lip_opening(drive(jaw=1)) - 0.2) < 0.01
    assert abs(lip_opening(drive(upper=1, lower=1)) - 0.1) < 1e-6


def test_press_and_bite_close():
    assert lip_opening(drive(jaw=0.5, press=1)) == 0
    assert lip_opening(drive(jaw=0.5, bite=1)) == 0


def test_opening_grows_with_the_jaw_over_any_leading_dims():
    drives = np.stack([drive(jaw=jaw) for jaw in np.linspace(0, 1, 6)]).reshape(2, 3, 8)
    opening = lip_opening(drives)
    assert opening.shape == (2, 3)
    assert np.all(np.diff(opening.ravel()) > 0)
