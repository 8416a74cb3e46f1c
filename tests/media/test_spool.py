"""What is laid aside comes back bit for bit, and a full disk is one sentence."""

from __future__ import annotations

from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest

from lipsmith.errors import OutputError
from lipsmith.media import spool as spool_module
from lipsmith.media.spool import CompressedSpool, RawSpool, open_spool
from lipsmith.media.video import VideoFileSource, open_video_source
from lipsmith.types import Image
from tests.support.made_media import write_video


def noisy(index: int) -> Image:
    return np.random.default_rng(index).integers(0, 255, (48, 64, 3), dtype=np.uint8)


def test_raw_frames_come_back_in_any_order(tmp_path: Path) -> None:
    with RawSpool(tmp_path, 5, (64, 48)) as spool:
        places = [spool.put(noisy(k)[:, ::-1][:, ::-1], None) for k in range(5)]
        assert places == [0, 1, 2, 3, 4]
        for k in (4, 0, 3, 3, 1):
            assert np.array_equal(spool.get(k), noisy(k))
    assert list(tmp_path.iterdir()) == []


def test_putting_and_getting_may_alternate(tmp_path: Path) -> None:
    with RawSpool(tmp_path, 3, (64, 48)) as spool:
        spool.put(noisy(0), None)
        spool.put(noisy(1), None)
        assert np.array_equal(spool.get(0), noisy(0))
        spool.put(noisy(2), None)
        assert np.array_equal(spool.get(2), noisy(2))


def test_film_frames_come_back_in_any_order_in_less_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    smooth = [np.full((240, 320, 3), 10 * k, np.uint8) for k in range(6)]
    video = open_video_source(write_video(tmp_path / "a.mp4", smooth))
    assert isinstance(video, VideoFileSource)
    forward = list(video.decoded_frames())
    written = []
    append = spool_module._TemporaryRecords.append
    monkeypatch.setattr(
        spool_module._TemporaryRecords,
        "append",
        lambda records, data: (written.append(len(data)), append(records, data))[1],
    )
    with CompressedSpool(tmp_path, video) as spool:
        for image, decoded in forward:
            spool.put(image, decoded)
        for k in (5, 1, 0, 4, 4):
            assert np.array_equal(spool.get(k), forward[k][0])
    assert sum(written) < 6 * 240 * 320 * 3 / 5


@pytest.mark.parametrize(
    ("pixels", "limit", "kind"), [("yuv420p", 3840, CompressedSpool), ("yuv420p10le", 3840, RawSpool)]
)
def test_the_spool_fits_the_footage(tmp_path: Path, pixels: str, limit: int, kind: type) -> None:
    path = write_video(tmp_path / "a.mov", [noisy(k) for k in range(4)], codec="libx265", pix_fmt=pixels)
    video = open_video_source(path, max_side=limit)
    assert isinstance(video, VideoFileSource)
    with open_spool(video, 2, tmp_path, *next(video.decoded_frames())) as spool:
        assert isinstance(spool, kind)


def test_a_disk_that_fills_up_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    with RawSpool(tmp_path, 2, (64, 48)) as spool:
        spool.put(noisy(0), None)
        monkeypatch.setattr(spool_module.shutil, "disk_usage", lambda _: usage(100, 99, 1))
        with pytest.raises(OutputError, match=r"needs 67 MB free in .* but only 0 MB are: make room"):
            spool.put(noisy(1), None)


def test_a_write_that_fails_is_said(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with RawSpool(tmp_path, 2, (64, 48)) as spool:
            resource.setrlimit(resource.RLIMIT_FSIZE, (5000, before[1]))
            with pytest.raises(OutputError, match=r"cannot be written to .* \(File too large\)"):
                spool.put(noisy(0), None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
