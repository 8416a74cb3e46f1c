"""Writes ``.npz`` files, and files of bytes, whole or not at all, and says so if there is no room."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import OutputError
from ..whole_file import whole_file


def write_npz(path: Path, **arrays: np.ndarray[Any, Any]) -> None:
    """Write arrays of any shape to ``path`` atomically; half a file never stays behind.

    Raises:
        OutputError: the disk is full, or the folder cannot be written to.
    """
    packed = BytesIO()  # numpy's own writer leaves errors behind when the disk is full
    np.savez(packed, **arrays)
    write_whole(path, packed.getbuffer())


def write_whole(path: Path, data: bytes | memoryview) -> None:
    """Write ``data`` to ``path`` atomically; its folder is made if need be. Raises OutputError as ``write_npz``."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as partial:
            partial.write_bytes(data)
    except OSError as problem:
        raise OutputError(f"{path} cannot be written: {problem.strerror or problem}.") from problem


__all__ = ["write_npz", "write_whole"]
