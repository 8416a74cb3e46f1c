"""Where avatars lie, what they can be called, and what of an avatar's folder is ours."""

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
ROLLS = ("pictures", "targets", "shared")
INDEX = "index.safetensors"
FILES = (INDEX, *(f"{name}.roll" for name in ROLLS))
"""What a folder of data holds."""
FOLDER = re.compile(r"[^\W_][\w.-]{0,63}")
"""Names of folders that may be avatars."""
DATA = re.compile(r"[0-9a-f]{16}")
"""Names of folders of data, beside a manifest."""
_PART = re.compile(r"\.[0-9a-f]{12}\.part")
"""Names of manifests that are not yet in their place."""
_TAKEN = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def data_folder() -> Path:
    """The folder of the user's avatars: ``LIPSMITH_AVATARS``, else the one that this platform has for users' data."""
    given = os.environ.get(VARIABLE)
    if given:
        return Path(given).expanduser()
    return user_data_path("lipsmith", appauthor=False) / "avatars"


def check_name(name: str) -> str:
    """``name``, if an avatar can be called so.

    Raises:
        OptionError: it cannot be a folder's name everywhere.
    """
    if not FOLDER.fullmatch(name) or name.endswith(".") or _TAKEN.fullmatch(name) or len(name.encode()) > 128:
        raise OptionError(
            f"An avatar cannot be called '{name}': give up to 64 letters, digits, dots, hyphens and underscores, the "
            "first a letter or digit."
        )
    return name


def left_behind(home: Path) -> list[Path]:
    """What makers lay into an avatar's folder, besides its manifest.

    Nothing else is ever removed: the folder may hold something of somebody else's, or be no avatar's at all.
    """
    return [one for one in home.iterdir() if _is_ours(one)] if home.is_dir() else []


def _is_ours(path: Path) -> bool:
    if path.is_symlink() or not path.is_dir():
        return _PART.fullmatch(path.name) is not None
    try:
        return DATA.fullmatch(path.name) is not None and all(one.name in FILES for one in path.iterdir())
    except OSError:  # somebody removes it now
        return False


def remove(paths: Iterable[Path]) -> None:
    """Remove folders with all in them, and files; what cannot be removed stays."""
    for one in paths:
        if one.is_dir():
            shutil.rmtree(one, ignore_errors=True)
        else:
            one.unlink(missing_ok=True)


__all__ = [
    "DATA",
    "FILES",
    "FOLDER",
    "INDEX",
    "LOCKS",
    "ROLLS",
    "VARIABLE",
    "check_name",
    "data_folder",
    "left_behind",
    "remove",
]
