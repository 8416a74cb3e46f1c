"""The system libraries that OpenCV's wheel leaves to the machine, and the one command that brings them.

Standard library only: the set-up script loads this file before anything is installed.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import shutil
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

WANTED = {"libGL.so.1": "libgl1", "libgthread-2.0.so.0": "libglib2.0-0"}
"""What the loader looks for -> the Debian package that holds it."""

FEDORA_NAMES = {"libgl1": "mesa-libGL", "libglib2.0-0": "glib2"}


def missing_libraries(load: Callable[[str], object] = ctypes.CDLL, platform: str = sys.platform) -> list[str]:
    """Debian names of the wanted packages whose library does not load; always empty away from Linux."""
    if not platform.startswith("linux"):
        return []
    return [package for library, package in WANTED.items() if not _loads(library, load)]


def blocking_libraries() -> list[str]:
    """The missing ones, where OpenCV really does not load: a headless build wants none of them."""
    missing = missing_libraries()
    return missing if missing and not opencv_loads() else []


def opencv_loads() -> bool:
    """Whether ``cv2`` can be imported."""
    try:
        importlib.import_module("cv2")
    except ImportError:
        return False
    return True


def remedy(packages: list[str], which: Callable[[str], str | None] = shutil.which) -> str:
    """The one command that brings ``packages``, for the package tool of this machine."""
    rights = "" if not hasattr(os, "geteuid") or os.geteuid() == 0 else "sudo "
    if not which("apt-get") and which("dnf"):
        return f"{rights}dnf install -y {' '.join(FEDORA_NAMES[name] for name in packages)}"
    return f"{rights}apt-get update && {rights}apt-get install -y {' '.join(packages)}"


def sentence(packages: list[str]) -> str:
    """What to tell somebody whose machine lacks ``packages``."""
    return f"this machine lacks {' and '.join(packages)}, which OpenCV needs; this brings them: {remedy(packages)}"


def _loads(library: str, load: Callable[[str], object]) -> bool:
    try:
        load(library)
    except OSError:
        return False
    return True
