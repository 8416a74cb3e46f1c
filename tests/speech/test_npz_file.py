"""Files of arrays are written whole or not at all."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest

from lipsmith.errors import OutputError
from lipsmith.speech.npz_file import write_npz


def test_a_full_disk_is_told_and_leaves_the_file_of_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "some.npz"
    write_npz(path, one=np.arange(3))

    def half(self: Path, data: memoryview) -> int:
        self.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(OutputError, match=r"some.npz cannot be written: No space left on device\."):
        write_npz(path, one=np.arange(9))
    with path.open("rb") as file, np.load(file) as stored:
        assert stored["one"].tolist() == [0, 1, 2]
    assert list(tmp_path.iterdir()) == [path]
