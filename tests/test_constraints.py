"""Every extra can be installed with constraints.txt: resolved with uv for each supported Python, nothing installed."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def _uv() -> list[str]:
    """The command that runs uv; a test without it is skipped."""
    if shutil.which("uv"):
        return ["uv"]
    if importlib.util.find_spec("uv") is None:
        pytest.skip("uv is not here to resolve the extras")
    return [sys.executable, "-m", "uv"]


@cache
def _environment() -> dict[str, str]:
    """uv's environment with the registry that pip uses here, as the set-up script gives it."""
    spec = importlib.util.spec_from_file_location("bootstrap", ROOT / "tools" / "bootstrap.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.PYTHON = Path(sys.executable)
    return {**script.uv_environment(script.pip_settings()), "UV_HTTP_TIMEOUT": "10", "UV_HTTP_RETRIES": "0"}


def resolve(constraints: Path, python: str) -> None:
    """Resolve all extras together, so each of them; skip where no registry answers."""
    words = [*_uv(), "pip", "compile", "pyproject.toml", "--all-extras", "-c", str(constraints), "-q", "--no-header"]
    done = subprocess.run(
        [*words, "--python-version", python], cwd=ROOT, env=_environment(), capture_output=True, text=True, check=False
    )
    if done.returncode and "No solution found" not in done.stderr:
        pytest.skip(f"no registry answers: {(done.stderr.splitlines() or ['uv failed'])[0]}")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("python", ["3.11", "3.12"])
def test_every_extra_resolves_with_the_constraints(python: str) -> None:
    resolve(ROOT / "constraints.txt", python)


def test_a_pin_that_an_extra_refuses_is_found(tmp_path: Path) -> None:
    wrong = tmp_path / "constraints.txt"
    wrong.write_text("tomlkit==0.15.2\n")  # gradio wants an older one
    with pytest.raises(AssertionError, match="tomlkit"):
        resolve(wrong, "3.11")
