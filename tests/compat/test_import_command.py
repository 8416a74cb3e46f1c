"""``lipsmith avatar import`` takes what others prepared."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lipsmith.cli import run
from tests.support.upstream_files import made_frames, service_rows, write_service

pytest.importorskip("torch")
pytest.importorskip("diffusers")


@pytest.fixture
def pickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LIPSMITH_AVATARS", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)
    return write_service(tmp_path, "xiaoha", service_rows(made_frames(2)))


def test_a_pickle_becomes_an_avatar(pickled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["avatar", "import", str(pickled), "--id", "anna", "--fps", "30", "--version", "v15", "--json"]) == 0
    info = json.loads(capsys.readouterr().out)
    assert (info["id"], info["fps"], info["engine_version"], info["frames"]) == ("anna", "30", "v15", 2)
    assert run(["avatar", "show", "anna", "--json"]) == 0


def test_a_hostile_pickle_is_one_sentence(pickled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pickled.write_bytes(b"cos\nsystem\n(X\x04\x00\x00\x00truetR.")
    assert run(["avatar", "import", str(pickled)]) == 3
    said = capsys.readouterr().err
    assert "asks for 'os.system'" in said
    assert said.count("\n") == 1


def test_a_folder_of_something_else_is_one_sentence(pickled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (pickled.parent / "holiday").mkdir()
    assert run(["avatar", "import", str(pickled.parent / "holiday")]) == 3
    assert "is no avatar of MuseTalk's" in capsys.readouterr().err
