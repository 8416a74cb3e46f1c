from __future__ import annotations

import numpy as np

from lipsmith.face.appearance import Appearance, describe
from lipsmith.types import Array
from tests.support.pasted_faces import Head, backdrop, moved, paste, placement


def seen(head: Head, x: float, side: float, degrees: float = 0.0, dim: float = 1.0) -> Array:
    place = placement(x, 140, side, degrees)
    image = paste(backdrop(), head.picture, place)
    return describe((image * dim).astype(np.uint8), moved(head.landmarks, place))


def seen_mirrored(head: Head) -> Array:
    """The mirror image, looked at with landmarks of its own: left and right of the mesh trade places."""
    landmarks = np.stack([299 - head.landmarks[:, 0], head.landmarks[:, 1]], 1)
    pairs = [33, 263, 61, 291]
    landmarks[pairs] = landmarks[[263, 33, 291, 61]]
    return describe(head.mirrored, landmarks)


def test_the_same_face_looks_the_same_elsewhere_smaller_turned_and_dimmer(head: Head) -> None:
    person = Appearance(seen(head, 200, 220))
    for other in (seen(head, 260, 220), seen(head, 200, 120), seen(head, 240, 220, 25), seen(head, 200, 220, dim=0.7)):
        assert person.distance(other) < 0.35


def test_a_mirror_image_is_somebody_else(head: Head) -> None:
    assert Appearance(describe(head.picture, head.landmarks)).distance(seen_mirrored(head)) > 0.6


def test_what_was_learnt_is_near(head: Head) -> None:
    person, other = Appearance(seen(head, 200, 220)), seen_mirrored(head)
    person.add(other)
    assert person.distance(other) == 0


def test_a_look_is_of_the_documented_size(head: Head) -> None:
    assert describe(head.picture, head.landmarks).shape == (252,)
