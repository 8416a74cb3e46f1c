"""What surrounds DWPose's network, with networks whose answers are known; its file is made here, byte by byte."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from lipsmith.errors import InputError
from lipsmith.face.dwpose import BINS, HEIGHT, KEYPOINTS, WIDTH, DWPose, decode_simcc, network_input
from lipsmith.face.points68 import MIRRORED
from lipsmith.types import Array

DEVIATION = np.array([58.395, 57.12, 57.375])
MEAN = np.array([123.675, 116.28, 103.53])


def peaks(at: Array, length: int) -> Array:
    """(1, 133, length) bins: a bell of height 1 around each (133,) place, in px."""
    away = np.arange(length) - np.asarray(at)[:, None] * BINS
    return np.exp(-(away**2) / 50)[None].astype(np.float32)


def sees_the_brightest(given: Array) -> tuple[Array, Array]:
    """Every point is the middle of the brightest pixels."""
    bright = given[0].sum(0)
    rows, columns = np.nonzero(bright > 0.9 * bright.max())
    places = (np.full(KEYPOINTS, axis.mean()) for axis in (columns, rows))
    return tuple(peaks(at, side * BINS) for at, side in zip(places, (WIDTH, HEIGHT), strict=True))  # type: ignore[return-value]


@pytest.mark.parametrize("size", [(480, 640), (1280, 720), (300, 300)])
def test_a_spot_is_found_where_it_is_in_images_of_any_proportions(size: tuple[int, int]) -> None:
    height, width = size
    image = np.zeros((height, width, 3), np.uint8)
    x, y = width * 3 // 10, height * 7 // 10
    image[y - 12 : y + 13, x - 12 : x + 13] = 255
    seen = DWPose(sees_the_brightest).find(image)
    px = 1.25 * max(width / WIDTH, height / HEIGHT)  # of the image, in one px of what the network sees
    assert seen.points.shape == (68, 2)
    np.testing.assert_allclose(seen.points, np.tile([x, y], (68, 1)), atol=1.1 * px)
    np.testing.assert_allclose(seen.scores, 1, atol=0.03)


def test_the_frame_is_the_image_enlarged_by_a_quarter_and_black_around_it() -> None:
    given: list[Array] = []

    def remember(one: Array) -> tuple[Array, Array]:
        given.append(one)
        return sees_the_brightest(one)

    DWPose(remember).find(np.full((384, 288, 3), 255, np.uint8))
    black, white = -MEAN / DEVIATION, (255 - MEAN) / DEVIATION
    np.testing.assert_allclose(given[0][0, :, 0, 0], black, rtol=1e-5)
    np.testing.assert_allclose(given[0][0, :, HEIGHT // 2, WIDTH // 2], white, rtol=1e-5)
    shown = given[0][0, 0] > 0
    assert (shown.any(1).sum(), shown.any(0).sum()) == pytest.approx((HEIGHT / 1.25, WIDTH / 1.25), abs=1.5)
    np.testing.assert_array_equal(given[1], given[0][..., ::-1])


def test_both_looks_are_averaged_point_by_point() -> None:
    own = np.linspace(40, 240, KEYPOINTS)
    swapped = own.copy()
    swapped[23:91] = WIDTH - 0.5 - own[23:91][MIRRORED]
    answers = iter([own, swapped])

    def network(given: Array) -> tuple[Array, Array]:
        return peaks(next(answers), WIDTH * BINS), peaks(np.full(KEYPOINTS, 100.0), HEIGHT * BINS)

    seen = DWPose(network).find(np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    np.testing.assert_allclose(seen.points[:, 0], own[23:91] * 1.25 - WIDTH * 0.125, atol=0.5)
    assert seen.scores.min() > 0.98


@pytest.mark.parametrize("size", [(480, 640), (719, 333), (1080, 1920)])
def test_points_cut_to_whole_pixels_are_mmposes(size: tuple[int, int]) -> None:
    """mmpose reckons from bins to the image in float64; upstream then cuts to int32."""
    height, width = size
    for first in range(0, WIDTH * BINS, KEYPOINTS):
        bins = np.minimum(first + np.arange(KEYPOINTS), WIDTH * BINS - 1)
        both = bins[23:91]
        mirrored = bins.copy()
        mirrored[23:91] = WIDTH * BINS - 1 - both[MIRRORED]
        looks = iter([bins, mirrored])

        def network(given: Array, looks: Iterator[Array] = looks) -> tuple[Array, Array]:
            at = next(looks) / BINS
            return peaks(at, WIDTH * BINS), peaks(np.full(KEYPOINTS, 100.0), HEIGHT * BINS)

        seen = DWPose(network).find(np.zeros((height, width, 3), np.uint8))
        wide, high = max(width * 1.25, height * 1.25 * 0.75), max(height * 1.25, width * 1.25 / 0.75)
        scale = np.array([wide, high], np.float32)
        points = np.stack([both / BINS, np.full(68, 100.0)], 1)
        wanted = points / (WIDTH, HEIGHT) * scale + np.array([width / 2, height / 2], np.float32) - 0.5 * scale
        np.testing.assert_array_equal(seen.points.astype(np.int32), wanted.astype(np.int32))


def test_the_first_highest_bin_counts_and_nothing_is_outside() -> None:
    across, down = np.zeros((3, 576), np.float32), np.zeros((3, 768), np.float32)
    across[0, [11, 300]], down[0, 41] = 0.7, 0.9
    across[1, 5] = 0.6
    points, scores = decode_simcc(across, down)
    np.testing.assert_array_equal(points, [[5.5, 20.5], [-0.5, -0.5], [-0.5, -0.5]])
    np.testing.assert_allclose(scores, [0.7, 0, 0])


def test_colours_are_normalised_in_rgb() -> None:
    given = network_input(np.tile(np.array([255, 0, 128], np.uint8), (HEIGHT, WIDTH, 1)))
    assert given.shape == (1, 3, HEIGHT, WIDTH)
    np.testing.assert_allclose(given[0, :, 5, 5], (np.array([255, 0, 128]) - MEAN) / DEVIATION, rtol=1e-5)


def packed(number: int, value: int | str | bytes) -> bytes:
    """One field of a protobuf message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    content = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(value: int) -> bytes:
    head, rest = value & 127, value >> 7
    return bytes([head | 128]) + varint(rest) if rest else bytes([head])


def node(kind: str, taken: list[str], made: str) -> bytes:
    return packed(1, b"".join(packed(1, one) for one in taken) + packed(2, made) + packed(4, kind))


def numbers(name: str, *values: int) -> bytes:
    raw = np.array(values, "<i8").tobytes()
    return packed(5, packed(1, len(values)) + packed(2, 7) + packed(8, name) + packed(9, raw))


def value(field: int, name: str, *shape: int) -> bytes:
    dims = b"".join(packed(1, packed(1, side)) for side in shape)
    return packed(field, packed(1, name) + packed(2, packed(1, packed(1, 1) + packed(2, dims))))


def onnx_file(path: Path, keypoints: int = KEYPOINTS) -> Path:
    """A network whose bins are the first numbers of what it is given; y comes first."""
    graph, answers = node("Reshape", ["input", "flat"], "all"), b""
    graph += packed(2, "made") + numbers("flat", 3 * HEIGHT * WIDTH) + numbers("zero", 0)
    for name, side in (("y", HEIGHT), ("x", WIDTH)):
        shape = (1, keypoints, side * BINS)
        graph += numbers(f"end_{name}", int(np.prod(shape))) + numbers(f"shape_{name}", *shape)
        graph += node("Slice", ["all", "zero", f"end_{name}"], f"part_{name}")
        graph += node("Reshape", [f"part_{name}", f"shape_{name}"], f"simcc_{name}")
        answers += value(12, f"simcc_{name}", *shape)
    graph += value(11, "input", 1, 3, HEIGHT, WIDTH) + answers
    path.write_bytes(packed(1, 8) + packed(7, graph) + packed(8, packed(1, "") + packed(2, 13)))
    return path


def test_an_onnx_file_answers_through_onnxruntime(tmp_path: Path) -> None:
    def first_numbers(given: Array) -> tuple[Array, Array]:
        sides = [(1, KEYPOINTS, side * BINS) for side in (WIDTH, HEIGHT)]
        x, y = (given.ravel()[: int(np.prod(shape))].reshape(shape) for shape in sides)
        return x, y

    image = np.random.default_rng(3).integers(0, 256, (200, 150, 3), np.uint8)
    read, known = DWPose.load(onnx_file(tmp_path / "made.onnx")).find(image), DWPose(first_numbers).find(image)
    np.testing.assert_array_equal(read.points, known.points)
    np.testing.assert_array_equal(read.scores, known.scores)


def test_a_file_that_is_not_dwpose_is_named_with_what_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"not ONNX")
    with pytest.raises(InputError, match=r"broken\.onnx cannot be read as ONNX .* weights fetch dwpose"):
        DWPose.load(tmp_path / "broken.onnx")
    with pytest.raises(InputError, match=r"absent\.onnx cannot be read"):
        DWPose.load(tmp_path / "absent.onnx")
    student = Path(__file__).parents[2] / "src/lipsmith/assets/voice2mouth.onnx"
    with pytest.raises(InputError, match=r"another network \(mel"):
        DWPose.load(student)
    other = DWPose.load(onnx_file(tmp_path / "other.onnx", keypoints=17))
    with pytest.raises(InputError, match=r"answers with \(1, 17, 576\)"):
        other.find(np.zeros((40, 30, 3), np.uint8))
