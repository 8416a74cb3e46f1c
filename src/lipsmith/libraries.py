"""Checks the system libraries that OpenCV's wheel does not contain, and names the command that installs them.

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

DEBIAN_PACKAGES = {"libGL.so.1": "libgl1", "libgthread-2.0.so.0": "libglib2.0-0"}
"""Shared library -> the Debian package that contains it."""

FEDORA_NAMES = {"libgl1": "mesa-libGL", "libglib2.0-0": "glib2"}


def missing_libraries(load: Callable[[str], object] = ctypes.CDLL, platform: str = sys.platform) -> list[str]:
    """The Debian packages whose library does not load; always empty on other systems than Linux."""
    if not platform.startswith("linux"):
        return []
    return [package for library, package in DEBIAN_PACKAGES.items() if not _loads(library, load)]


def blocking_libraries() -> list[str]:
    """The missing packages if OpenCV does not load without them; a headless build needs none."""
    missing = missing_libraries()
    return missing if missing and not opencv_loads() else []


def opencv_loads() -> bool:
    """Whether ``cv2`` can be imported."""
    try:
        importlib.import_module("cv2")
    except ImportError:
        return False
    return True


def install_command(packages: list[str], which: Callable[[str], str | None] = shutil.which) -> str:
    """The command that installs ``packages`` with this machine's package tool."""
    rights = "" if not hasattr(os, "geteuid") or os.geteuid() == 0 else "sudo "
    if not which("apt-get") and which("dnf"):
        return f"{rights}dnf install -y {' '.join(FEDORA_NAMES[name] for name in packages)}"
    return f"{rights}apt-get update && {rights}apt-get install -y {' '.join(packages)}"


def missing_message(packages: list[str]) -> str:
    """The error message for a machine without ``packages``."""
    names, command = " and ".join(packages), install_command(packages)
    return f"this machine lacks {names}, which OpenCV needs; this brings them: {command}"


def _loads(library: str, load: Callable[[str], object]) -> bool:
    try:
        load(library)
    except OSError:
        return False
    return True
