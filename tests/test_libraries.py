"""Hints that say how to install what is missing: they work from an index, a clone, a folder, with pip and with uv."""

from __future__ import annotations

import json
import re
import sys
from importlib import metadata
from pathlib import Path

import pytest

from lipsmith import libraries
from lipsmith.libraries import clone_folder, install_hint, pip_install
from tests.support.source_tree import ROOT

HAND_WRITTEN = re.compile(r"pip install ['\"]?lipsmith|pip install [^`\n]*\[(server|torch|voice|ui|train)\]")


class Installed:
    """A distribution that was installed from where ``direct_url`` says."""

    def __init__(self, direct_url: dict[str, object] | None) -> None:
        self._text = json.dumps(direct_url) if direct_url else None

    def read_text(self, name: str) -> str | None:
        assert name == "direct_url.json"
        return self._text


@pytest.fixture
def python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """A Python in another folder, with pip."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "executable", "/venv/bin/python")
    monkeypatch.setattr(libraries, "find_spec", lambda name: name)
    return "/venv/bin/python"


@pytest.mark.parametrize(
    ("direct_url", "hint"),
    [
        (None, 'pip install "lipsmith[torch]"'),
        (
            {"url": "https://example.org/x.git", "vcs_info": {"vcs": "git", "commit_id": "1"}},
            '/venv/bin/python -m pip install "lipsmith[torch] @ git+https://example.org/x.git"',
        ),
        (
            {"url": "file:///wheels/lipsmith.whl", "archive_info": {}},
            '/venv/bin/python -m pip install "lipsmith[torch] @ file:///wheels/lipsmith.whl"',
        ),
    ],
)
def test_an_installed_package_is_installed_from_where_it_came(
    direct_url: dict[str, object] | None, hint: str, python: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libraries, "clone_folder", lambda: None)
    monkeypatch.setattr(metadata, "distribution", lambda _: Installed(direct_url))
    assert install_hint("torch") == hint


def test_a_folder_that_it_was_installed_from_is_named(
    python: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "my clone"
    folder.mkdir()
    monkeypatch.setattr(libraries, "clone_folder", lambda: None)
    monkeypatch.setattr(metadata, "distribution", lambda _: Installed({"url": folder.as_uri(), "dir_info": {}}))
    assert install_hint("ui") == '/venv/bin/python -m pip install "my clone[ui]"'


def test_a_clone_is_named_as_it_is_typed_here(python: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert clone_folder() == ROOT
    hint = f'/venv/bin/python -m pip install -c "{ROOT}/constraints.txt" -e "{ROOT}[server]"'
    assert install_hint("server") == hint
    assert pip_install() == "/venv/bin/python -m pip install"
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "executable", f"{ROOT}/.venv/bin/python")
    assert install_hint("server") == '.venv/bin/python -m pip install -c "constraints.txt" -e ".[server]"'
    assert install_hint() == '.venv/bin/python -m pip install -c "constraints.txt" -e "."'


def test_an_environment_without_pip_is_filled_by_uv_or_gets_pip_first(
    python: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libraries, "find_spec", lambda _: None)
    assert pip_install(which=lambda _: "/usr/bin/uv") == "uv pip install --python /venv/bin/python"
    assert pip_install(which=lambda _: None) == ("/venv/bin/python -m ensurepip && /venv/bin/python -m pip install")


def test_no_hint_is_written_by_hand() -> None:
    places = [*ROOT.glob("src/**/*.py"), *ROOT.glob("docs/*.md"), ROOT / "README.md"]
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in places
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if (HAND_WRITTEN.search(line) if path.suffix == ".md" else "pip install" in line)
        and path.name != "libraries.py"
        and "-e " not in line
    ]
    assert found == []
