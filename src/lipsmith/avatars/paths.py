"""Where avatars are stored, which names they can have, and which of the files in an avatar's folder are our own."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from platformdirs import user_data_path

from ..errors import OptionError

VARIABLE = "LIPSMITH_AVATARS"
LOCKS = ".locks"
RECORD_FILES = ("pictures", "targets", "shared")
"""Names of the record files; on disk they end in ``.roll``."""
INDEX = "index.safetensors"
FILES = (INDEX, *(f"{name}.roll" for name in RECORD_FILES))
"""The files of a data folder."""
AVATAR_FOLDER = re.compile(r"[^\W_][\w.-]{0,63}")
"""Names of folders that may hold an avatar."""
DATA_FOLDER = re.compile(r"[0-9a-f]{16}")
"""Names of data folders, beside a manifest."""
_TEMPORARY = re.compile(r"\.[0-9a-f]{12}\.part")
"""Names of manifests that are being written."""
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
"""Names that Windows reserves for devices."""


def data_folder() -> Path:
    """The folder of the user's avatars: ``LIPSMITH_AVATARS``, else the one that this platform has for users' data."""
    given = os.environ.get(VARIABLE)
    if given:
        return Path(given).expanduser()
    return user_data_path("lipsmith", appauthor=False) / "avatars"


def check_name(name: str) -> str:
    """Return ``name`` if it is a valid name for an avatar.

    Raises:
        OptionError: it is not a valid folder name on every platform.
    """
    if not AVATAR_FOLDER.fullmatch(name) or name.endswith(".") or _RESERVED.fullmatch(name) or len(name.encode()) > 128:
        raise OptionError(
            f"An avatar cannot be called '{name}': give up to 64 letters, digits, dots, hyphens and underscores, the "
            "first a letter or digit."
        )
    return name


def leftovers(home: Path) -> list[Path]:
    """Our own files and folders in an avatar's folder, except its manifest.

    Nothing else is ever removed: the folder may hold other files too, or no avatar at all.
    """
    return [one for one in home.iterdir() if _is_ours(one)] if home.is_dir() else []


def _is_ours(path: Path) -> bool:
    if path.is_symlink() or not path.is_dir():
        return _TEMPORARY.fullmatch(path.name) is not None
    try:
        return DATA_FOLDER.fullmatch(path.name) is not None and all(one.name in FILES for one in path.iterdir())
    except OSError:  # another process is removing it
        return False


def remove(paths: Iterable[Path]) -> None:
    """Remove files, and folders with their contents. What cannot be removed stays."""
    for one in paths:
        if one.is_dir():
            shutil.rmtree(one, ignore_errors=True)
        else:
            one.unlink(missing_ok=True)


__all__ = [
    "AVATAR_FOLDER",
    "DATA_FOLDER",
    "FILES",
    "INDEX",
    "LOCKS",
    "RECORD_FILES",
    "VARIABLE",
    "check_name",
    "data_folder",
    "leftovers",
    "remove",
]
