"""There and back again: exact, restartable, in constant memory."""

from __future__ import annotations

import tracemalloc
from collections import namedtuple
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from lipsmith.errors import OutputError
from lipsmith.media import ping_pong, spool
from lipsmith.media.ping_pong import ping_pong_frames
from lipsmith.media.spool import Spool
from lipsmith.media.video import VideoInfo, open_video_source
from lipsmith.types import Image
from tests.support.made_media import numbered, write_video


class Drawn:
    """Footage drawn on demand: every pixel of frame k tells k."""

    def __init__(self, frames: int, size: tuple[int, int] = (20, 16)) -> None:
        self.info = VideoInfo("video", size, Fraction(25), frames, frames / 25, "none", False)
        self.drawn = 0

    def frames(self) -> Iterator[Image]:
        for k in range(self.info.frames or 0):
            self.drawn += 1
            yield np.full((self.info.size[1], self.info.size[0], 3), k, np.uint8)

    def alphas(self) -> Iterator[Image]:
        return iter(())


def bounce(total: int, count: int) -> list[int]:
    """The law, said in another way: the triangle wave."""
    if total == 1:
        return [0] * count
    period = 2 * (total - 1)
    return [min(k % period, period - k % period) for k in range(count)]


@pytest.mark.parametrize("total", [1, 2, 3, 4, 7, 20])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 7, 8, 12, 13, 14, 25, 61, 100])
def test_the_order_is_a_triangle_wave_and_each_image_is_its_own(tmp_path: Path, total: int, count: int) -> None:
    pairs = list(ping_pong_frames(Drawn(total), count, tmp_path))
    assert [index for index, _ in pairs] == bounce(total, count)
    assert all((image == index).all() for index, image in pairs)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fps", ["source", "60", "10"])
@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [
        ("a.mp4", "libx264", "yuv420p"),
        ("a.mp4", "libx264", "yuv444p"),
        ("a.mp4", "libx264", "yuvj420p"),
        ("a.mp4", "libx265", "yuv420p10le"),
        ("a.avi", "mpeg4", "yuv420p"),
    ],
)
def test_backward_equals_forward_exactly(tmp_path: Path, name: str, codec: str, pixels: str, fps: str) -> None:
    images = [np.random.default_rng(k).integers(0, 255, (48, 64, 3), dtype=np.uint8) for k in range(12)]
    source = open_video_source(write_video(tmp_path / name, images, codec=codec, pix_fmt=pixels), fps)
    forward = [image.copy() for image in source.frames()]
    played = list(ping_pong_frames(source, 80, tmp_path))
    assert [index for index, _ in played] == bounce(len(forward), 80)
    assert all(np.array_equal(image, forward[index]) for index, image in played)


@pytest.mark.parametrize("turned", [0, 90])
@pytest.mark.parametrize("limit", [3840, 40])
def test_backward_equals_forward_however_the_picture_is_laid(tmp_path: Path, turned: int, limit: int) -> None:
    images = [np.random.default_rng(k).integers(0, 255, (48, 64, 3), dtype=np.uint8) for k in range(6)]
    source = open_video_source(write_video(tmp_path / "a.mp4", images, turned=turned), "source", limit)
    forward = [image.copy() for image in source.frames()]
    assert all(np.array_equal(image, forward[index]) for index, image in ping_pong_frames(source, 16, tmp_path))


def test_one_image_is_the_very_same_array(tmp_path: Path) -> None:
    Pillow.fromarray(numbered(1)).save(tmp_path / "a.png")
    source = open_video_source(tmp_path / "a.png")
    pairs = list(ping_pong_frames(source, 50, tmp_path))
    assert len(pairs) == 50
    assert all(index == 0 and image is pairs[0][1] for index, image in pairs)


def test_nothing_is_kept_when_the_footage_suffices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ping_pong, "Spool", lambda *_: pytest.fail("a spool was opened"))
    source = Drawn(10)
    assert len(list(ping_pong_frames(source, 6, tmp_path))) == 6
    assert source.drawn <= 7


def test_only_frames_that_come_back_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[int] = []

    class Watched(Spool):
        def put(self, image: Image) -> int:
            kept.append(int(image[0, 0, 0]))
            return super().put(image)

    monkeypatch.setattr(ping_pong, "Spool", Watched)
    list(ping_pong_frames(Drawn(50), 53, tmp_path))
    assert kept == [46, 47, 48]


def test_a_full_disk_is_said_before_the_first_frame_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(spool.shutil, "disk_usage", lambda _: usage(100, 99, 1))
    source = Drawn(10)
    with pytest.raises(OutputError, match=r"backward needs 67 MB free in .* make room"):
        next(ping_pong_frames(source, 100, tmp_path))
    assert source.drawn <= 1


def test_a_missing_spool_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot hold temporary frames"):
        next(ping_pong_frames(Drawn(10), 100, tmp_path / "nowhere"))


def test_memory_does_not_grow(tmp_path: Path) -> None:
    tracemalloc.start()
    for _ in ping_pong_frames(Drawn(60, (200, 100)), 300, tmp_path):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 * 200 * 100 * 3


def test_the_spool_vanishes_when_the_player_stops_early(tmp_path: Path) -> None:
    playing = ping_pong_frames(Drawn(10), 100, tmp_path)
    for _ in range(15):
        next(playing)
    playing.close()
    assert list(tmp_path.iterdir()) == []
