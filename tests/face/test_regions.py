from __future__ import annotations

import numpy as np
import pytest

from lipsmith.face.regions import Region, RegionView, area, iou
from tests.support.pasted_faces import backdrop


def test_a_region_surrounds_its_box_and_turns_with_the_eyes() -> None:
    region = Region.around(np.float32([10, 20, 30, 60]), np.float32([[0, 0], [5, 5]]), margin=2)
    assert (region.x, region.y, region.side) == (20, 40, 80)
    assert region.angle == pytest.approx(np.pi / 4)


def test_a_region_of_landmarks_has_their_tilt() -> None:
    landmarks = np.zeros((478, 3), np.float32)
    landmarks[263] = 10, -10, 3
    region = Region.of(landmarks)
    assert region.angle == pytest.approx(-np.pi / 4)
    assert region.side == 15


def test_straying_counts_place_and_size() -> None:
    region = Region(10, 10, 100)
    assert region.distance(region) == 0
    assert region.distance(region.moved(0.1, 0, 1)) == pytest.approx(0.1)
    assert region.moved(0, 0, 0.5).distance(region) == pytest.approx(0.5)


@pytest.mark.parametrize("side", [20.0, 100.0, 300.0, 700.0, 1500.0])
def test_the_way_into_a_view_leads_back(side: float) -> None:
    image = backdrop(2000, 1600, seed=1)
    region = Region(900, 800, side, 0.2)
    view = RegionView.of(image, region)
    assert view is not None
    inside = view.to_view(region)
    assert 240 <= inside.side <= 480  # good for a network that samples 192
    outside = view.to_image(np.float32([[inside.x, inside.y, 8]]))
    np.testing.assert_allclose(outside, [[900, 800, 8 / view.zoom[0]]], rtol=1e-5)


@pytest.mark.parametrize("side", [60.0, 700.0])
def test_a_view_shows_what_is_there(side: float) -> None:
    """Colours that are proportional to x and y say where a pixel of the view comes from."""
    x, y = np.meshgrid(np.arange(1000) / 4, np.arange(1000) / 4)
    image = np.stack([x, y, x], 2).astype(np.uint8)
    view = RegionView.of(image, Region(500, 520, side))
    assert view is not None
    height, width = view.picture.shape[:2]
    middle = np.float32([[width // 2, height // 2]])
    np.testing.assert_allclose(view.picture[height // 2, width // 2, :2], view.to_image(middle)[0] / 4, atol=1)


def test_there_is_no_view_outside_the_image() -> None:
    image = backdrop()
    assert RegionView.of(image, Region(-500, 50, 100)) is None
    assert RegionView.of(image, Region(50, 50, 1)) is None


@pytest.mark.parametrize("size", [(640, 360), (641, 360), (3840, 2160), (40, 300)])
def test_an_overview_is_of_the_whole_image_and_small(size: tuple[int, int]) -> None:
    view = RegionView.overview(backdrop(*size))
    height, width = view.picture.shape[:2]
    assert max(width, height) <= 640
    assert width / view.zoom[0] == pytest.approx(size[0], abs=8)
    assert height / view.zoom[1] == pytest.approx(size[1], abs=8)


@pytest.mark.parametrize("size", [(1280, 720), (720, 1280), (333, 333), (32, 1000), (40, 40)])
def test_tiles_cover_every_pixel_and_overlap(size: tuple[int, int]) -> None:
    width, height = size
    covered = np.zeros((height, width), int)
    for tile in RegionView.tiles(backdrop(width, height)):
        x, y = tile.corner.astype(int)
        rows, columns = (int(n / z) for n, z in zip(tile.picture.shape[:2], tile.zoom, strict=True))
        covered[y : y + rows, x : x + columns] += 1
    assert covered.min() >= 1
    assert covered.max() > 1


def test_overlap_is_the_share_of_what_two_boxes_cover() -> None:
    box = np.float32([0, 0, 10, 10])
    assert iou(box, box) == 1
    assert iou(box, np.float32([5, 0, 15, 10])) == pytest.approx(1 / 3)
    assert iou(box, np.float32([10, 0, 20, 10])) == 0
    assert area(box) == 100
