"""How much of a mouth lies in the picture."""

import numpy as np
import pytest

from lipsmith.face.mouth_view import MIN_INSIDE, mouth_inside

UPPER = (61, 39, 37, 0, 267, 269, 291, 78, 82, 13, 312, 308)
LOWER = (405, 314, 17, 84, 181, 317, 14, 87)


@pytest.mark.parametrize(
    ("size", "share"),
    [((200, 200), 1.0), ((200, 105), 0.6), ((200, 90), 0.0), ((51, 200), 0.0), ((100, 200), 1.0)],
)
def test_the_share_of_the_lips_in_the_picture(size: tuple[int, int], share: float) -> None:
    landmarks = np.zeros((478, 3), np.float32)  # everything else is in the picture
    landmarks[list(UPPER)] = (60, 100, 0)
    landmarks[list(LOWER)] = (60, 110, 0)
    assert mouth_inside(landmarks, size) == pytest.approx(share)
    assert 0.6 < MIN_INSIDE <= 0.75  # the upper lip alone, 12 of 20 points, does not speak
