"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A hidden name beside ``path`` to write to; it becomes ``path``, or is gone if the block is left early."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def place(partial: Path, path: Path, overwrite: bool = True) -> Path:
    """Give the file ``partial`` its name ``path`` and return it.

    Without ``overwrite`` a file that is there stays, and ``partial`` gets the first free name beside it: film-2.mp4.
    """
    if overwrite:
        return partial.replace(path)
    number, name = 1, path
    while not _link(partial, name):
        number += 1
        name = path.with_stem(f"{path.stem}-{number}")
    partial.unlink(missing_ok=True)
    return name


def _link(partial: Path, name: Path) -> bool:
    """Give ``partial`` the name ``name`` too; False: there is such a file."""
    try:
        os.link(partial, name)
    except FileExistsError:
        return False
    except OSError:  # a file system without links
        if name.exists():
            return False
        partial.replace(name)
    return True


__all__ = ["place", "whole_file"]
