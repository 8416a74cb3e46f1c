import numpy as np
import pytest

from lipsmith.compose import compose
from lipsmith.types import Crop, Image, PreparedFace


@pytest.fixture
def image() -> Image:
    return np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)


def test_a_pixel_for_pixel_picture_replaces_its_box_alone(image: Image) -> None:
    picture = np.full((10, 20, 3), 7, np.uint8)
    out = compose(image, [PreparedFace(Crop.from_box((5, 6, 25, 16)), None, None)], [picture])
    assert (out[6:16, 5:25] == 7).all()
    out[6:16, 5:25] = image[6:16, 5:25]
    assert (out == image).all()


def test_the_mask_decides_pixel_by_pixel(image: Image) -> None:
    mask = np.zeros((10, 20), np.float32)
    mask[:, 10:] = 1
    out = compose(image, [PreparedFace(Crop.from_box((5, 6, 25, 16)), mask, None)], [np.zeros((10, 20, 3), np.uint8)])
    assert (out[6:16, 5:15] == image[6:16, 5:15]).all()
    assert not out[6:16, 15:25].any()


def test_a_neighbour_covers_only_with_what_it_changed(image: Image) -> None:
    boxes = [(0, 0, 30, 40), (20, 0, 60, 40)]
    pictures = [image[y0:y1, x0:x1].copy() for x0, y0, x1, y1 in boxes]
    pictures[0][10:20, 15:28] = 1  # under the neighbour's box
    pictures[1][10:20, 15:25] = 2
    out = compose(image, [PreparedFace(Crop.from_box(box), None, None) for box in boxes], pictures)
    assert (out[10:20, 15:28] == 1).all()
    assert (out[10:20, 35:45] == 2).all()


def test_a_neighbour_that_moves_never_covers_half_of_a_face() -> None:
    """Two heads side by side: the box of each reaches to the middle of the other's face and changes all of it."""
    image, boxes = np.full((40, 100, 3), 100, np.uint8), [(0, 0, 70, 40), (30, 0, 100, 40)]
    pictures = [np.full((40, 70, 3), value, np.uint8) for value in (50, 150)]
    out = compose(image, [PreparedFace(Crop.from_box(box), None, None) for box in boxes], pictures)
    assert (out[:, :40] == 50).all()
    assert (out[:, 60:] == 150).all()
    assert np.abs(np.diff(out[0, :, 0].astype(int))).max() <= 25  # no edge between them


def test_half_alpha_is_the_mean(image: Image) -> None:
    mask = np.full((10, 20), 0.5, np.float32)
    out = compose(image, [PreparedFace(Crop.from_box((5, 6, 25, 16)), mask, None)], [np.zeros((10, 20, 3), np.uint8)])
    assert np.abs(out[6:16, 5:25].astype(int) * 2 - image[6:16, 5:25]).max() <= 1


def test_a_smaller_picture_is_scaled_to_its_box_without_a_shift(image: Image) -> None:
    ramp = np.repeat(np.arange(8, dtype=np.uint8)[None, :, None] * 30, 8, 0).repeat(3, 2)
    out = compose(image, [PreparedFace(Crop.from_box((10, 4, 42, 36), (8, 8)), None, None)], [ramp])
    centres = out[20, 10 + 2 : 42 : 4, 0].astype(int)  # near the centre of every source pixel, 4 px each
    assert np.abs(centres - np.arange(8) * 30).max() <= 4


def test_a_rotated_crop_lands_where_it_came_from(image: Image) -> None:
    import cv2

    smooth = cv2.GaussianBlur(image, (0, 0), 4)
    matrix = cv2.getRotationMatrix2D((30, 20), 25, 1.0).astype(np.float32)
    matrix[:, 2] -= (15, 8)
    picture = cv2.warpAffine(smooth, matrix, (30, 24))
    mask = np.zeros((24, 30), np.float32)
    mask[4:-4, 4:-4] = 1
    out = compose(smooth, [PreparedFace(Crop(matrix, (30, 24)), mask, None)], [picture])
    assert np.abs(out.astype(int) - smooth).max() <= 6


def test_a_crop_hanging_over_the_edge_is_cut(image: Image) -> None:
    target = PreparedFace(Crop.from_box((50, -5, 70, 15), (8, 8)), None, None)
    out = compose(image, [target], [np.full((8, 8, 3), 9, np.uint8)])
    assert (out[:15, 50:] == 9).all()
    assert (out[15:] == image[15:]).all()


def test_no_targets_is_a_plain_copy(image: Image) -> None:
    out = compose(image, [], [])
    assert out is not image
    assert (out == image).all()


def test_a_mask_pixel_for_pixel_is_pillows_paste() -> None:
    mask, above, below = np.meshgrid(np.arange(256), np.arange(0, 256, 5), np.arange(0, 256, 3), indexing="ij")
    colours = np.stack([above, below], -1).reshape(256, -1, 2)
    picture, image = (np.repeat(colours[..., k : k + 1], 3, 2).astype(np.uint8) for k in (0, 1))
    height, width = image.shape[:2]
    alpha = (mask.reshape(height, width) / 255).astype(np.float32)
    out = compose(image, [PreparedFace(Crop.from_box((0, 0, width, height)), alpha, None)], [picture])
    mixed = below * (255 - mask) + above * mask + 128
    assert np.array_equal(out[..., 0], ((mixed + (mixed >> 8)) >> 8).reshape(height, width))


def test_what_hangs_over_the_edge_is_cut_pixel_for_pixel() -> None:
    image, picture = np.zeros((20, 30, 3), np.uint8), np.full((10, 10, 3), 200, np.uint8)
    for mask in (None, np.ones((10, 10), np.float32)):
        out = compose(image, [PreparedFace(Crop.from_box((-4, 15, 6, 25)), mask, None)], [picture])
        assert (out[15:, :6] == 200).all()
        assert out.sum() == 5 * 6 * 3 * 200
        assert not compose(image, [PreparedFace(Crop.from_box((-14, 15, -4, 25)), mask, None)], [picture]).any()
