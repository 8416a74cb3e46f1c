"""What is laid aside comes back bit for bit, and a full disk is one sentence."""

from __future__ import annotations

from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest

from lipsmith.errors import OutputError
from lipsmith.media import spool as spool_module
from lipsmith.media.spool import Spool
from lipsmith.types import Image


def noisy(index: int, size: tuple[int, int] = (64, 48)) -> Image:
    return np.random.default_rng(index).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)


@pytest.mark.parametrize("size", [(64, 48), (16, 16), (17, 16), (16, 17), (255, 257), (19, 301)])
def test_images_of_any_size_come_back_in_any_order(tmp_path: Path, size: tuple[int, int]) -> None:
    images = [noisy(k, size) for k in range(5)]
    with Spool(tmp_path, size) as spool:
        assert [spool.put(image[:, ::-1][:, ::-1]) for image in images] == [0, 1, 2, 3, 4]
        for k in (4, 0, 3, 3, 1):
            assert np.array_equal(spool.get(k), images[k])
    assert list(tmp_path.iterdir()) == []


def test_putting_and_getting_may_alternate(tmp_path: Path) -> None:
    with Spool(tmp_path, (64, 48)) as spool:
        spool.put(noisy(0))
        spool.put(noisy(1))
        assert np.array_equal(spool.get(0), noisy(0))
        spool.put(noisy(2))
        assert np.array_equal(spool.get(2), noisy(2))


def test_smooth_images_take_less_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    smooth = [np.full((240, 320, 3), 10 * k, np.uint8) for k in range(6)]
    written = []
    append = spool_module._TemporaryRecords.append
    monkeypatch.setattr(
        spool_module._TemporaryRecords,
        "append",
        lambda records, data: (written.append(len(data)), append(records, data))[1],
    )
    with Spool(tmp_path, (320, 240)) as spool:
        for image in smooth:
            spool.put(image)
        assert np.array_equal(spool.get(3), smooth[3])
    assert sum(written) < 6 * 240 * 320 * 3 / 3


def test_a_disk_that_fills_up_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    with Spool(tmp_path, (64, 48)) as spool:
        spool.put(noisy(0))
        monkeypatch.setattr(spool_module.shutil, "disk_usage", lambda _: usage(100, 99, 1))
        with pytest.raises(OutputError, match=r"needs 67 MB free in .* but only 0 MB are: make room"):
            spool.put(noisy(1))


def test_a_write_that_fails_is_said(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with Spool(tmp_path, (64, 48)) as spool:
            resource.setrlimit(resource.RLIMIT_FSIZE, (5000, before[1]))
            with pytest.raises(OutputError, match=r"cannot be written to .* \(File too large\)"):
                spool.put(noisy(0))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
