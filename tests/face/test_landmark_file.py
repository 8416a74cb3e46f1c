"""Landmarks on disk: read back as written, gone with their owner, a full disk named."""

from __future__ import annotations

import gc

import numpy as np
import pytest

from lipsmith.errors import OutputError
from lipsmith.face.landmark_file import LandmarkFile

LANDMARKS = np.random.default_rng(0).uniform(-1, 1, (478, 3)).astype(np.float32)


def test_the_file_goes_with_its_owner() -> None:
    landmark_file = LandmarkFile()
    file = landmark_file._file
    landmark_file.append(LANDMARKS)
    np.testing.assert_array_equal(landmark_file.read(0), LANDMARKS)
    del landmark_file
    gc.collect()
    assert file.closed


class FullDisk:
    """A file on a disk that takes ``room`` more bytes, and complains only when there is no room at all."""

    def __init__(self, room: int) -> None:
        self.room = room

    def seek(self, at: int) -> int:
        return at

    def write(self, data: bytes) -> int:
        if self.room == 0:
            raise OSError(28, "No space left on device")
        return min(self.room, len(data))


@pytest.mark.parametrize("room", [0, 100])
def test_a_full_disk_is_named(room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    landmark_file = LandmarkFile()
    monkeypatch.setattr(landmark_file, "_file", FullDisk(room))
    with pytest.raises(OutputError, match="set TMPDIR"):
        landmark_file.append(LANDMARKS)
