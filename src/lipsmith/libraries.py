"""The commands that install what is missing: extras of this package, and system libraries that OpenCV's wheel lacks.

Standard library only: the set-up script loads this file before anything is installed.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

DEBIAN_PACKAGES = {"libGL.so.1": "libgl1", "libgthread-2.0.so.0": "libglib2.0-0"}
"""Shared library -> the Debian package that contains it."""

FEDORA_NAMES = {"libgl1": "mesa-libGL", "libglib2.0-0": "glib2"}


def install_hint(extra: str = "") -> str:
    """The command that brings the extra ``extra`` of this package here; without one, the package's own dependencies.

    From a clone it is the clone's command, for the running interpreter. A package that was installed from a folder or
    an address is installed from there again.
    """
    wanted, clone = f"[{extra}]" if extra else "", clone_folder()
    if clone:
        pins = clone / "constraints.txt"
        pinned = f'-c "{_shown(pins)}" ' if pins.is_file() else ""
        return f'{pip_install(explicit=True)} {pinned}-e "{_shown(clone)}{wanted}"'
    origin = _direct_url()
    if origin.startswith("file:") and Path(unquote(urlsplit(origin).path)).is_dir():
        return f'{pip_install(explicit=True)} "{_shown(Path(unquote(urlsplit(origin).path)))}{wanted}"'
    if origin:
        return f'{pip_install(explicit=True)} "lipsmith{wanted} @ {origin}"'
    return f'{pip_install()} "lipsmith{wanted}"' if extra else f"{pip_install()} lipsmith"


def pip_install(explicit: bool = False, which: Callable[[str], str | None] = shutil.which) -> str:
    """What packages are installed by, before their names; ``explicit``: for the running interpreter, by its path.

    So it is in a clone, whose environment is seldom the active one.

    An environment that uv made has no pip.
    """
    python = f'"{sys.executable}"' if " " in sys.executable else sys.executable
    if sys.executable and Path(sys.executable).is_relative_to(Path.cwd()):
        python = str(Path(sys.executable).relative_to(Path.cwd()))
    if find_spec("pip") is None and which("uv"):
        return f"uv pip install --python {python}"
    if find_spec("pip") is None:
        return f"{python} -m ensurepip && {python} -m pip install"
    return f"{python} -m pip install" if explicit or clone_folder() else "pip install"


def clone_folder() -> Path | None:
    """The clone that this package runs from; None: it is installed."""
    folder = Path(__file__).resolve().parents[2]
    return folder if (folder / "pyproject.toml").is_file() and (folder / "src" / "lipsmith").is_dir() else None


def _direct_url() -> str:
    """The folder or address that this package was installed from (PEP 610); empty: an index."""
    from importlib import metadata

    try:
        text = metadata.distribution("lipsmith").read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        text = None
    found = json.loads(text) if text else {}
    version_control = found.get("vcs_info", {}).get("vcs")
    return f"{version_control}+{found['url']}" if version_control else str(found.get("url", ""))


def _shown(path: Path) -> str:
    """The path as it is typed here: relative inside the present folder."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


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
