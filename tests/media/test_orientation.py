"""All eight orientations, in every container that has them; of pictures too."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image as Pillow

from lipsmith.media.orientation import Orientation, orientation_of_matrix
from lipsmith.media.video import open_video_source
from lipsmith.types import Image

ONE = 1 << 16
ROOT = 46341  # ONE * sin(45 degrees)
STORED = np.zeros((48, 64, 3), np.uint8)
STORED[:24, :32], STORED[:24, 32:], STORED[24:, :32] = (255, 255, 255), (255, 0, 0), (0, 255, 0)  # W R / G black

SHOWN = {
    "upright": ((1, 0, 0, 1), "WR/G."),
    "mirrored": ((-1, 0, 0, 1), "RW/.G"),
    "upside down": ((-1, 0, 0, -1), ".G/RW"),
    "upside down, mirrored": ((1, 0, 0, -1), "G./WR"),
    "turned right": ((0, 1, -1, 0), "GW/.R"),
    "turned left": ((0, -1, 1, 0), "R./WG"),
    "turned left, mirrored": ((0, 1, 1, 0), "WG/R."),
    "turned right, mirrored": ((0, -1, -1, 0), ".R/GW"),
}
"""Name -> (a, b, c, d) of ISO 14496-12, and the colours of the quarters as a player shows them."""
EXIF = dict(zip(range(1, 9), ["WR/G.", "RW/.G", ".G/RW", "G./WR", "WG/R.", "GW/.R", ".R/GW", "R./WG"], strict=True))
"""EXIF orientation -> the quarters as a viewer shows them (Exif 2.32, tag 274)."""


def quarters(image: Image) -> str:
    """The colours of the four quarters: "WR/G." is white and red above green and black."""
    height, width = image.shape[:2]
    names = {(True, True, True): "W", (True, False, False): "R", (False, True, False): "G", (False, False, False): "."}
    seen = [
        names[tuple(bool(value > 128) for value in image[y * height // 4, x * width // 4])]  # type: ignore[index]
        for y in (1, 3)
        for x in (1, 3)
    ]
    return f"{seen[0]}{seen[1]}/{seen[2]}{seen[3]}"


def write_turned(path: Path, matrix: list[int]) -> Path:
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libvpx" if path.suffix == ".webm" else "libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.set_display_matrix(matrix)
        for _ in range(2):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(STORED, "rgb24")))
        output.mux(stream.encode(None))
    return path


def display_matrix(a: int, b: int, c: int, d: int) -> list[int]:
    return [a, b, 0, c, d, 0, 0, 0, 1 << 30]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
@pytest.mark.parametrize("name", list(SHOWN))
def test_a_video_is_shown_as_a_player_shows_it(tmp_path: Path, name: str, suffix: str) -> None:
    numbers, expected = SHOWN[name]
    video = open_video_source(
        write_turned(tmp_path / f"a{suffix}", display_matrix(*(ONE * value for value in numbers)))
    )
    image = next(video.frames())
    assert quarters(image) == expected
    assert video.info.size == image.shape[1::-1] == ((64, 48) if numbers[0] else (48, 64))
    assert video.info.notices == ()


@pytest.mark.parametrize(
    ("numbers", "expected", "exact"),
    [
        ((65400, 700, -700, 65400), "WR/G.", True),  # half a degree
        ((62000, 21000, -21000, 62000), "WR/G.", False),  # 19 degrees
        ((-21000, 62000, -62000, -21000), "GW/.R", False),  # 109 degrees
        ((-62000, 21000, 21000, 62000), "RW/.G", False),  # mirrored, and 19 degrees
        ((2 * ONE, 0, 0, -2 * ONE), "G./WR", True),  # larger, and flipped
    ],
)
def test_any_other_turn_becomes_the_nearest_and_is_said(
    tmp_path: Path, numbers: tuple[int, int, int, int], expected: str, exact: bool
) -> None:
    video = open_video_source(write_turned(tmp_path / "a.mp4", display_matrix(*numbers)))
    assert quarters(next(video.frames())) == expected
    assert ("no multiple of 90 degrees" not in " ".join(video.info.notices)) == exact


@pytest.mark.parametrize("numbers", [(0, 0, 0, 0), (ONE, 0, ONE, 0), (ONE, 0, 0, 0)])
def test_an_impossible_matrix_counts_as_upright(numbers: tuple[int, int, int, int]) -> None:
    assert orientation_of_matrix(np.array(display_matrix(*numbers), np.int32).tobytes()) == Orientation()


@pytest.mark.parametrize("orientation", list(EXIF))
def test_a_picture_is_shown_as_a_viewer_shows_it(tmp_path: Path, orientation: int) -> None:
    exif = Pillow.Exif()
    exif[274] = orientation
    Pillow.fromarray(STORED).save(tmp_path / "a.jpg", exif=exif, quality=95, subsampling=0)
    for path in (tmp_path / "a.jpg", tmp_path):
        source = open_video_source(path)
        image = next(source.frames())
        assert quarters(image) == EXIF[orientation]
        assert source.info.size == image.shape[1::-1]
