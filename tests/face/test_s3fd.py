"""What becomes of S3FD's raw scores: boxes, thinned out, best first; and the detector around it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lipsmith.errors import InputError
from lipsmith.face.s3fd import MAX_IOU, MIN_FACE_SCORE, S3FDDetector, decode_faces, first_box, non_max_suppression
from lipsmith.types import Array
from tests.support.goldens import golden_json

STRIDES = (4, 8, 16, 32, 64, 128)


def empty_grids(height: int = 256, width: int = 256) -> list[tuple[Array, Array]]:
    """Raw outputs of a network that is sure to see nothing."""
    grids = []
    for stride in STRIDES:
        size = (height // stride, width // stride)
        scores = np.stack([np.full(size, 10, np.float32), np.full(size, -10, np.float32)])
        grids.append((scores, np.zeros((4, *size), np.float32)))
    return grids


def test_nothing_is_no_face() -> None:
    faces = decode_faces(empty_grids())
    assert faces.shape == (0, 5)
    assert first_box(faces) is None


@pytest.mark.parametrize("level", range(6))
def test_an_anchor_is_four_strides_wide_around_its_cell(level: int) -> None:
    grids, stride = empty_grids(), STRIDES[level]
    grids[level][0][:, 1, 0] = 0, 3
    faces = decode_faces(grids)
    x, y, half = stride / 2, stride * 1.5, stride * 2
    np.testing.assert_allclose(faces, [[x - half, y - half, x + half, y + half, 1 / (1 + np.exp(-3))]], rtol=1e-5)
    assert first_box(faces) == (0, 0, int(x + half), int(y + half))


def test_offsets_move_and_stretch_the_anchor() -> None:
    grids = empty_grids()
    grids[3][0][:, 2, 3] = 0, 8
    grids[3][1][:, 2, 3] = 1, -0.5, 0.7, -0.3
    x, y = 3 * 32 + 16 + 0.1 * 128, 2 * 32 + 16 - 0.05 * 128
    width, height = 128 * np.exp(0.14), 128 * np.exp(-0.06)
    wanted = [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
    np.testing.assert_allclose(decode_faces(grids)[0, :4], wanted, rtol=1e-5)


def test_a_doubtful_face_is_dropped_and_the_best_comes_first() -> None:
    grids = empty_grids()
    grids[2][0][:, 1, 1] = 0, -0.01  # just under a half
    grids[2][0][:, 8, 8] = 0, 1
    grids[2][0][:, 14, 2] = 0, 5
    faces = decode_faces(grids)
    assert len(faces) == 2
    assert faces[0, 4] > faces[1, 4] > MIN_FACE_SCORE
    assert faces[0, 1] > faces[1, 1]  # the best one lies lower


def test_boxes_of_one_face_become_one() -> None:
    boxes = np.array([[0, 0, 99, 99, 0.8], [10, 0, 109, 99, 0.9], [80, 0, 179, 99, 0.7]], np.float32)
    np.testing.assert_array_equal(non_max_suppression(boxes), boxes[[1, 2]])
    assert non_max_suppression(boxes[:0]).shape == (0, 5)


def test_upstreams_kept_boxes_are_kept_in_its_order() -> None:
    golden = golden_json("s3fd")["post"]
    kept = np.array(golden["kept"], np.float32)
    again = non_max_suppression(kept[::-1])
    np.testing.assert_array_equal(again, kept)
    assert list(first_box(again) or ()) == golden["result"]
    assert len(non_max_suppression(np.concatenate([kept, kept + np.float32([3, 3, 3, 3, -0.1])]))) == len(kept)
    assert 0 < MAX_IOU < 1


def test_the_detector_sees_full_size_pictures_and_refuses_tiny_ones() -> None:
    torch = pytest.importorskip("torch")
    seen: list[tuple[int, ...]] = []

    class Eye(torch.nn.Module):
        def forward(self, x: Any) -> object:
            seen.append(tuple(x.shape))
            assert float(x[0, 0].max()) == 255 - 104
            assert float(x[0, 2].min()) == -123
            grids = empty_grids(x.shape[2], x.shape[3])
            grids[3][0][:, 1, 2] = 0, 4
            return [tuple(torch.from_numpy(part)[None] for part in grid) for grid in grids]

    picture = np.zeros((200, 300, 3), np.uint8)
    picture[..., 0] = 255
    detector = S3FDDetector(Eye())
    assert detector.first(picture) == (16, 0, 144, 112)
    assert detector.first(picture[:31]) is None
    assert seen == [(1, 3, 200, 300)]


def test_the_official_file_is_read_strictly(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.save({"conv1_1.weight": torch.zeros(64, 3, 3, 3)}, tmp_path / "s3fd.pth")
    with pytest.raises(InputError, match=r"it lacks conv1_1\.bias, .* and 61 more"):
        S3FDDetector.load(tmp_path / "s3fd.pth")
