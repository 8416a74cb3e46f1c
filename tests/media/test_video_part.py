"""A part of a video shows the very frames that the whole shows there, whether it is read by seeking or not."""

from __future__ import annotations

from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lipsmith.media import video as reading
from lipsmith.media.video import open_video_source
from lipsmith.media.video_part import VideoPart
from tests.support.made_media import numbered, write_video

UNEVEN = [round(40 * k + 15 * (k % 3)) for k in range(30)]
"""Times of 30 pictures in ms, of a variable rate."""


def moving(count: int = 30) -> list[Any]:
    """Pictures that an encoder predicts from each other: a bright bar moves over a changing grey."""
    pictures = [numbered(k).copy() for k in range(count)]
    for k, picture in enumerate(pictures):
        picture[:, 2 * k : 2 * k + 8] = 255
    return pictures


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The timestamps of all frames that are decoded."""
    seen: list[int] = []
    decode = reading.decode

    def counted(*arguments: Any) -> Any:
        for frame in decode(*arguments):
            seen.append(frame.pts)
            yield frame

    monkeypatch.setattr(reading, "decode", counted)
    return seen


@pytest.mark.parametrize(
    ("name", "codec", "seeks", "context"),
    [
        ("plain.mp4", "libx264", True, {"gop_size": 6, "max_b_frames": 2}),
        ("turned.mp4", "libx264", True, {"gop_size": 6, "turned": 90}),
        ("uneven.mkv", "libx264", True, {"gop_size": 6, "pts": UNEVEN}),
        ("vp9.webm", "libvpx-vp9", False, {"gop_size": 60}),
        ("deep.mkv", "libx264", True, {"gop_size": 6, "pix_fmt": "yuv420p10le", "color_trc": 16, "color_primaries": 9}),
        ("interlaced.mp4", "libx264", False, {"gop_size": 6, "interlaced": True}),
        ("stream.ts", "libx264", False, {"gop_size": 6}),
        ("old.avi", "mpeg4", False, {"gop_size": 6, "max_b_frames": 2}),
    ],
)
def test_a_part_shows_the_frames_of_the_whole(
    name: str, codec: str, seeks: bool, context: dict[str, Any], tmp_path: Path, decoded: list[int]
) -> None:
    source = open_video_source(write_video(tmp_path / name, moving(), codec=codec, **context), Fraction(24))
    whole = list(source.frames())
    beginning = min(decoded)
    for first, count in ((1, 2), (9, 4), (13, 14), (len(whole) - 1, 1)):
        decoded.clear()
        part = VideoPart(source, first, count)
        assert (part.info.frames, part.info.seconds) == (count, count / 24)
        shown = list(part.frames())
        assert len(shown) == count
        assert all(np.array_equal(one, other) for one, other in zip(shown, whole[first : first + count], strict=True))
        assert (min(decoded) > beginning) == (seeks and first > 6)


def test_parts_of_folders_images_and_transparent_sources_are_cut_too(tmp_path: Path) -> None:
    from PIL import Image as Pillow

    folder = tmp_path / "pictures"
    folder.mkdir()
    for k in range(5):
        picture = np.dstack([numbered(k), np.full((48, 64), 50 * k, np.uint8)])
        Pillow.fromarray(picture).save(folder / f"{k}.png")
    source = open_video_source(folder)
    part = VideoPart(source, 2, 2)
    for whole, cut in ((source.frames(), part.frames()), (source.alphas(), part.alphas())):
        assert [image.tolist() for image in cut] == [image.tolist() for image in islice(whole, 2, 4)]
