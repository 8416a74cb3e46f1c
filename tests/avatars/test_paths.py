"""Where the user's avatars lie."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lipsmith.avatars.paths import data_folder


@pytest.fixture(autouse=True)
def no_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LIPSMITH_AVATARS", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.mark.skipif(sys.platform != "linux", reason="these are Linux's folders")
def test_avatars_lie_where_they_always_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert data_folder() == tmp_path / ".local" / "share" / "lipsmith" / "avatars"
    monkeypatch.setenv("XDG_DATA_HOME", "")
    assert data_folder() == tmp_path / ".local" / "share" / "lipsmith" / "avatars"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert data_folder() == tmp_path / "data" / "lipsmith" / "avatars"


def test_the_variable_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIPSMITH_AVATARS", "~/faces")
    assert data_folder() == Path("~/faces").expanduser()
