#!/usr/bin/env python3
"""Sets Lipsmith up and runs it with nothing but Python: what the Makefile calls, and machines without make.

    python3 tools/bootstrap.py setup|demo|test|check|bench|clean [further arguments]

The environment is made once, in .venv, and again only when pyproject.toml or constraints.txt changes. uv installs it
when uv can be had, and is told what pip is configured with (mirrors, local wheels, certificates); else pip does.
This file must start under any Python 3 to be able to say which one is wanted.
"""

from __future__ import annotations

import ast
import hashlib
import os
import platform
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
SUPPORTED = ((3, 11), (3, 12))  # mediapipe 0.10.21 has wheels for these
WHEELLESS = {  # what constraints.txt pins and PyPI lacks, asked with pip's --platform for Python 3.11 and 3.12
    "linux aarch64": "mediapipe 0.10.21",
    "darwin x86_64": "jaxlib 0.7.1 and onnxruntime 1.31.1",
    "win32 arm64": "mediapipe 0.10.21, jaxlib 0.7.1, numpy 1.26.4 and opencv-contrib-python 4.11",
}
UV_NAMES = {  # pip's setting -> uv's variable, and what separates several values there
    "find-links": ("UV_FIND_LINKS", ","),
    "index-url": ("UV_DEFAULT_INDEX", " "),
    "extra-index-url": ("UV_INDEX", " "),
    "trusted-host": ("UV_INSECURE_HOST", " "),
    "cert": ("SSL_CERT_FILE", " "),
}
PROJECT = "import tomllib; project = tomllib.load(open('pyproject.toml', 'rb')); print(*project"
DEV_GROUP = f"{PROJECT}['dependency-groups']['dev'], sep='\\n')"
TORCH_EXTRA = f"{PROJECT}['project']['optional-dependencies']['torch'], sep='\\n')"
TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"
CHECKS = (["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"])


class Stop(Exception):
    """The set-up cannot go on; the message is one sentence for the person at the keyboard."""


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def run(*command: object, environment: dict[str, str] | None = None, quiet: bool = False) -> int:
    """Run one command in the repository and return its exit code."""
    sink = subprocess.DEVNULL if quiet else None
    words = [str(word) for word in command]
    return subprocess.call(words, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink)


def output(*command: object) -> str:
    """What one command prints, or nothing when it fails or is not there."""
    try:
        done = subprocess.run([str(word) for word in command], cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout if done.returncode == 0 else ""


def version_of(python: str) -> tuple[int, ...]:
    """(major, minor) of an interpreter; empty when it does not run."""
    return tuple(int(part) for part in output(python, "-c", "import sys; print(*sys.version_info[:2])").split())


def find_python() -> str:
    """An interpreter of a supported version: this one if it is, else the newest on PATH."""
    if sys.version_info[:2] in SUPPORTED:
        return sys.executable
    for major, minor in reversed(SUPPORTED):
        name = f"python{major}.{minor}"
        if shutil.which(name) and version_of(name) == (major, minor):
            return name
    wanted = " or ".join(f"{major}.{minor}" for major, minor in SUPPORTED)
    seen = ".".join(str(part) for part in sys.version_info[:2])
    raise Stop(
        f"Lipsmith needs Python {wanted}, this is {seen} and no other is on PATH: install Python 3.12 and run again."
    )


def check_platform() -> None:
    """Stop where packages are known to have no wheels, before pip tries to build them."""
    here = f"{sys.platform} {platform.machine().lower()}"
    if here in WHEELLESS:
        raise Stop(
            f"there are no wheels of {WHEELLESS[here]} for {here}: use Linux on x86-64, which is tested; "
            "macOS on Apple silicon and Windows on x86-64 have all wheels, but nobody has tried them."
        )


def check_libraries() -> None:
    """Stop when a system library is missing, before a gigabyte is downloaded."""
    libraries = runpy.run_path(str(ROOT / "src/lipsmith/libraries.py"))
    missing = libraries["missing_libraries"]()
    if missing:
        raise Stop(libraries["sentence"](missing))


def pip_settings() -> dict[str, list[str]]:
    """What pip is configured with, by setting; pip's environment variables win over its files."""
    lines = [line.partition("=") for line in output(PYTHON, "-m", "pip", "config", "list").splitlines() if "=" in line]
    lines.sort(key=lambda line: (line[0].startswith(":env:"), line[0].startswith("install.")))
    return {key.rpartition(".")[2]: str(ast.literal_eval(value)).split() for key, _, value in lines}


def uv_environment(settings: dict[str, list[str]]) -> dict[str, str]:
    """The environment for uv: it does not read pip's settings, and would miss a private mirror or a local wheel."""
    environment = dict(os.environ)
    for setting, (name, separator) in UV_NAMES.items():
        if settings.get(setting):
            environment.setdefault(name, separator.join(settings[setting]))
    if "extra-index-url" in settings:  # as pip does: the best version of all indexes, not the first index that answers
        environment.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")
    return environment


def find_uv() -> list[str]:
    """The words that call uv, bringing it into the environment when it is not on PATH; empty when it cannot be had."""
    if shutil.which("uv"):
        return ["uv"]
    if run(PYTHON, "-m", "pip", "install", "-q", "--disable-pip-version-check", "uv", quiet=True) == 0:
        return [str(PYTHON), "-m", "uv"]
    return []


def install(requirements: list[str]) -> None:
    """Install into the environment within constraints.txt: with uv, else with pip."""
    wanted = ["-c", "constraints.txt", *requirements]
    uv = find_uv()
    if (
        uv
        and run(*uv, "pip", "install", "-q", "--python", PYTHON, *wanted, environment=uv_environment(pip_settings()))
        == 0
    ):
        return
    say("uv could not install; pip does it, which takes a minute longer.")
    if run(PYTHON, "-m", "pip", "install", "-q", "--disable-pip-version-check", *wanted) != 0:
        raise Stop("the packages could not be installed: see above; is a package registry reachable?")


def torch_extra() -> list[str]:
    """What the networks need, where a CPU wheel of torch can be had: in pip's find-links, else from PyTorch's index.

    PyPI's own wheel for Linux would bring gigabytes of CUDA.
    """
    extra = output(PYTHON, "-c", TORCH_EXTRA).splitlines()
    torch = [one for one in extra if one.startswith("torch==")]
    pip = (PYTHON, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps")
    if run(*pip, "--dry-run", "--no-index", *torch, quiet=True) == 0:
        return extra
    if run(*pip, "--timeout", "5", "--retries", "0", "--index-url", TORCH_CPU_INDEX, *torch, quiet=True) == 0:
        return extra
    say(f"Without {torch[0]}: no CPU wheel of it can be had, so tests of networks will not run.")
    return []


def make_environment(python: str) -> None:
    if version_of(str(PYTHON)) in SUPPORTED:
        return
    if run(python, "-m", "venv", "--clear", VENV) != 0:
        raise Stop("no virtual environment could be made; on Debian and Ubuntu run: apt-get install -y python3-venv")


def setup(group: str) -> None:
    """Make the environment for ``group`` (core or dev), unless it stands already."""
    parts = [(ROOT / name).read_bytes() for name in ("pyproject.toml", "constraints.txt")]
    wanted = hashlib.sha256(b"\0".join([str(ROOT).encode(), *parts])).hexdigest()
    stamp = VENV / f".{group}"
    if stamp.is_file() and stamp.read_text() == wanted and PYTHON.exists():
        return
    check_platform()
    python = find_python()
    check_libraries()
    say(f"Making {VENV.name} and installing Lipsmith for {group} (1.2 GB; about half a minute) ...")
    make_environment(python)
    extra = [*output(PYTHON, "-c", DEV_GROUP).splitlines(), *torch_extra()] if group == "dev" else []
    install(["-e", ".", *extra])
    for name in {"core", group}:
        (VENV / f".{name}").write_text(wanted)


def clean() -> int:
    """Remove what was made: the environment, caches, built wheels, films."""
    for name in (".venv", "build", "dist", "out", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"):
        shutil.rmtree(ROOT / name, ignore_errors=True)
    return 0


def task(name: str, rest: list[str]) -> int:
    """Carry out one task and return its exit code."""
    if name == "clean":
        return clean()
    setup("dev" if name in ("test", "check") else "core")
    if name == "test":
        return run(PYTHON, "-m", "pytest", *rest)
    if name == "check":
        codes = [run(PYTHON, "-m", *words) for words in CHECKS]
        return int(any(codes))
    return run(PYTHON, "-m", "lipsmith", name, *rest) if name != "setup" else 0


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] not in ("setup", "demo", "test", "check", "bench", "clean"):
        say(__doc__ or "")
        return 2
    try:
        return task(arguments[0], arguments[1:])
    except Stop as stop:
        say(f"bootstrap: {stop}")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
