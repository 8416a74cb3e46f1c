"""Writes ``.npz`` files whole or not at all."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import OutputError


def write_npz(path: Path, **arrays: np.ndarray[Any, Any]) -> None:
    """Write arrays of any shape to ``path`` atomically; half a file never stays behind.

    Raises:
        OutputError: the disk is full, or the folder cannot be written to.
    """
    packed = BytesIO()  # numpy's own writer leaves errors behind when the disk is full
    np.savez(packed, **arrays)
    partial = path.with_suffix(".part.npz")
    try:
        partial.write_bytes(packed.getbuffer())
        partial.replace(path)
    except OSError as problem:
        partial.unlink(missing_ok=True)
        raise OutputError(f"{path} cannot be written: {problem.strerror or problem}.") from problem


__all__ = ["write_npz"]
