"""The three modes against upstream's on a made class map; polygons against that map."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lipsmith.face.parsing import (
    BiSeNetParser,
    Classes,
    Mode,
    PolygonParser,
    chin_kernel,
    network_input,
    speaking_region,
)
from lipsmith.types import Array
from tests.support.goldens import golden_arrays, load_key_seeded, synth_bgr, synth_class_map

GOLDEN = golden_arrays("parse")


def points_of_the_class_map() -> Array:
    """(68, 2) px of the face that ``synth_class_map`` draws."""

    def arc(x: float, y: float, width: float, height: float, start: float, end: float, count: int) -> Array:
        turn = np.radians(np.linspace(start, end, count))
        return np.stack([x + width * np.cos(turn), y - height * np.sin(turn)], 1).astype(np.float32)

    jaw = arc(250, 250, 130, 175, 180, 360, 17)
    brows = np.concatenate([arc(200, 190, 32, 7, 180, 0, 5), arc(305, 188, 32, 7, 180, 0, 5)])
    bridge = np.array([[252, y] for y in (220, 236, 252, 268)], np.float32)
    nose = np.concatenate([bridge, arc(252, 295, 26, 20, 200, 340, 5)])
    eyes = np.concatenate([arc(x, 215, 24, 10, 180, -120, 6) for x in (200, 305)])
    lips, mouth = arc(250, 348, 52, 28, 180, -150, 12), arc(250, 347, 38, 9, 180, -135, 8)
    return np.concatenate([jaw, brows, nose, eyes, lips, mouth])


@pytest.mark.parametrize("name", [name for name in GOLDEN if name.startswith("parse512")])
def test_regions_are_upstreams(name: str) -> None:
    mode, left, right = name.split("_")[1:]
    region = speaking_region(synth_class_map(), mode, int(left), int(right))  # type: ignore[arg-type]
    np.testing.assert_array_equal(np.packbits(region), GOLDEN[name])


def test_the_chin_is_grown_with_upstreams_kernel() -> None:
    np.testing.assert_array_equal(chin_kernel(), GOLDEN["jaw_kernel"])


def test_the_network_sees_what_upstreams_sees() -> None:
    rgb = np.ascontiguousarray(synth_bgr(360, 480, 7)[..., ::-1])
    np.testing.assert_array_equal(network_input(rgb)[:, 100:104, 200:232], GOLDEN["net_input_slice"])


def overlap(found: Classes, wanted: Classes, mode: Mode) -> float:
    """Where something can be pasted: from the middle of the face's box to its chin and the usual margin."""
    a, b = (speaking_region(classes, mode)[256:440] for classes in (found, wanted))
    return float((a & b).sum() / (a | b).sum())


@pytest.mark.parametrize(("mode", "least"), [("raw", 0.9), ("neck", 0.9), ("jaw", 0.9)])
def test_polygons_and_classes_agree_on_what_is_pasted(mode: Mode, least: float) -> None:
    found = PolygonParser().classes(np.zeros((512, 512, 3), np.uint8), points_of_the_class_map())
    assert overlap(found, synth_class_map(), mode) >= least


def test_polygons_are_scaled_from_any_square() -> None:
    points = points_of_the_class_map()
    small = PolygonParser().classes(np.zeros((128, 128, 3), np.uint8), points / 4)
    large = PolygonParser().classes(np.zeros((512, 512, 3), np.uint8), points)
    np.testing.assert_array_equal(small, large)


def test_polygons_know_the_parts_of_a_mouth() -> None:
    classes = PolygonParser().classes(np.zeros((512, 512, 3), np.uint8), points_of_the_class_map())
    assert [int(classes[y, 250]) for y in (324, 347, 370, 290, 400)] == [12, 11, 13, 10, 1]


def test_bisenet_is_read_and_parses_as_upstreams_does(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("safetensors")
    from lipsmith.nets.bisenet import BiSeNet

    torch.save(load_key_seeded(BiSeNet()).state_dict(), tmp_path / "79999_iter.pth")
    picture = np.ascontiguousarray(synth_bgr(360, 480, 7)[..., ::-1])
    classes = BiSeNetParser.load(tmp_path / "79999_iter.pth").classes(picture, np.zeros((68, 2), np.float32))
    assert classes.dtype == np.uint8
    wanted = np.unpackbits(GOLDEN["bisenet_neck"]).reshape(512, 512).astype(bool)
    assert 0.01 < wanted.mean() < 0.99
    assert (speaking_region(classes, "neck") == wanted).mean() > 0.9999  # of 262144: ties fall apart elsewhere
