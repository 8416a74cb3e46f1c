"""DWPose's points kept over a film: calm, over short gaps, never across a cut; and how far the border can be moved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from lipsmith.engines.musetalk import MuseTalkEngine, MuseTalkOptions
from lipsmith.engines.musetalk.analysis import MuseTalkAnalysis, MuseTalkIdentity
from lipsmith.engines.musetalk.box import face_box
from lipsmith.engines.musetalk.engine import SHIFTED
from lipsmith.engines.musetalk.landmarks import PoseLandmarks, by_mesh
from lipsmith.face.canonical import mean_face
from lipsmith.face.dwpose import PoseEstimate
from lipsmith.types import Array, Face, Image

IMAGE = np.zeros((240, 320, 3), np.uint8)
WIDTH = 100.0  # px of the face


def face_at(frame: int, scene: int = 0, x: float = 160) -> Face:
    """The mean face around x, 120."""
    shape = np.zeros((478, 3), np.float32)
    mean = mean_face() * (1, -1, 1) if mean_face()[10, 1] > mean_face()[152, 1] else mean_face()
    low, high = mean.min(0), mean.max(0)
    shape[:468] = (mean - (low + high) / 2) / (high - low).max() * WIDTH + (x, 120, 0)
    box = np.array([x - WIDTH / 2, 120 - WIDTH / 2, x + WIDTH / 2, 120 + WIDTH / 2], np.float32)
    return Face(box, shape, 1.0, 1, frame, scene)


def trembling(count: int) -> list[Array]:
    """(68, 2) px of a face that does not move, seen frame by frame with half a px of error."""
    random = np.random.default_rng(3)
    still = by_mesh(IMAGE, face_at(0))
    return [still + random.normal(0, 0.5, (68, 2)).astype(np.float32) for _ in range(count)]


def studied(seen: Sequence[Array | None], faces: Sequence[Face], smooth: bool = True) -> MuseTalkIdentity:
    answers = iter(seen)
    analysis = MuseTalkAnalysis(lambda image, face: next(answers), smooth)
    for face in faces:
        analysis.add(IMAGE, face)
    return analysis.identity()


def points(identity: MuseTalkIdentity, faces: Sequence[Face]) -> Array:
    found = [identity.points(face) for face in faces]
    assert all(one is not None for one in found)
    return np.stack([one for one in found if one is not None])


def shaking(values: Array) -> float:
    return float(np.abs(np.diff(values, 2, axis=0)).mean())


def test_points_that_tremble_come_calm_and_a_box_shakes_less() -> None:
    faces, seen = [face_at(frame) for frame in range(40)], trembling(40)
    calm = points(studied(seen, faces), faces)
    assert shaking(calm) < 0.6 * shaking(np.stack(seen))
    boxes = [np.array([face_box(one, faces[0].box) for one in run], np.float32) for run in (calm, seen)]
    assert shaking(boxes[0]) < 0.8 * shaking(boxes[1])
    np.testing.assert_array_equal(points(studied(seen, faces, smooth=False), faces), np.stack(seen))


def test_a_cut_is_not_smoothed_over() -> None:
    faces = [*(face_at(frame) for frame in range(10)), *(face_at(frame, 1, 170) for frame in range(10, 20))]
    seen = [by_mesh(IMAGE, face) for face in faces]
    np.testing.assert_allclose(points(studied(seen, faces), faces), np.stack(seen), atol=1e-3)
    joined = [face_at(face.frame, 0, 160 if face.frame < 10 else 170) for face in faces]
    assert np.abs(points(studied(seen, joined), joined)[9:11] - np.stack(seen)[9:11]).max() > 1


def test_short_gaps_are_filled_and_long_ones_are_facemeshs() -> None:
    faces = [face_at(frame, x=160 + frame) for frame in range(24)]
    seen: list[Array | None] = [by_mesh(IMAGE, face) for face in faces]
    seen[5] = seen[6] = None
    seen[12:18] = [None] * 6
    identity = studied(seen, faces)
    np.testing.assert_allclose(points(identity, faces[5:7]), [by_mesh(IMAGE, face) for face in faces[5:7]], atol=0.1)
    assert identity.points(faces[14]) is None
    assert identity.points(faces[20]) is not None


def test_without_known_frames_nothing_is_kept() -> None:
    identity = studied(trembling(3), [face_at(-1)] * 3)
    assert identity.tracks is None
    assert identity.shift_range.frames == 3


def test_one_look_serves_everybody_in_an_image_and_a_stranger_is_not_seen() -> None:
    looks: list[Image] = []
    seen = by_mesh(IMAGE, face_at(0))

    class Pose:
        def find(self, image: Image) -> PoseEstimate:
            looks.append(image)
            return PoseEstimate(seen, np.ones(68, np.float32))

    landmarks = PoseLandmarks(Pose())  # type: ignore[arg-type]
    assert landmarks(IMAGE, face_at(0)) is seen
    assert landmarks(IMAGE, face_at(0, x=40)) is None
    assert len(looks) == 1
    landmarks(IMAGE.copy(), face_at(0))
    assert len(looks) == 2


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, []),
        ({"bbox_shift": 5}, [SHIFTED, "the current value: 5"]),
        ({"version": "v1"}, ["the current value: 0"]),
        ({"version": "v1", "bbox_shift": -3}, ["the current value: -3"]),
    ],
)
def test_a_shift_is_told_with_its_range(options: dict[str, Any], told: list[str]) -> None:
    for name in ("torch", "diffusers", "transformers"):
        pytest.importorskip(name)
    engine = MuseTalkEngine(MuseTalkOptions(weights="tiny", **options))
    analysis = engine.analyze(still=False)
    for frame in (0, 1, 4):
        analysis.add(IMAGE, face_at(frame))
    engine.shift_range = analysis.identity().shift_range
    assert len(engine.notices) == len(told)
    assert all(words in notice for words, notice in zip(told, engine.notices, strict=True))
    if told:
        assert engine.notices[-1].startswith("Total frame:「5」 Manually adjust range : [ -")
