"""The commands around official weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lipsmith.cli import run
from lipsmith.engines import weight_catalogue
from lipsmith.weights import FoundPart, Part

PARTS = {part.name: part for part in weight_catalogue().parts}
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose only weights lie in this folder: a whole Whisper's, as far as its files' names go."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LIPSMITH_MODELS", str(tmp_path / "models"))
    monkeypatch.delenv("TORCH_HOME", raising=False)
    folder = tmp_path / "models" / "whisper"
    folder.mkdir(parents=True)
    for name in ("model.safetensors", "config.json"):
        (folder / name).write_text("{}")
    return tmp_path / "models"


def test_the_list_says_what_is_needed_and_what_is_here(models: Path, capsys: Captured) -> None:
    assert run(["weights", "list"]) == 0
    out = capsys.readouterr().out
    assert str(models / "whisper" / "model.safetensors") in out
    assert "needed by musetalk and musetalk-v1; Apache-2.0" in out
    assert out.count("not here") == len(PARTS) - 1
    assert run(["weights", "list", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert set(rows) == set(PARTS)
    assert rows["whisper"]["path"] == str(models / "whisper" / "model.safetensors")
    assert rows["bisenet"]["engines"] == []
    assert rows["bisenet"]["optional"] == ["musetalk", "musetalk-v1"]
    assert rows["vae"]["path"] is None


def test_check_tells_the_good_from_the_bad(models: Path, capsys: Captured) -> None:
    assert run(["weights", "check", "--json"]) == 3
    (verdict,) = json.loads(capsys.readouterr().out)
    assert verdict["name"] == "whisper"
    assert "is not a safetensors file" in verdict["fault"]
    assert run(["weights", "check", "vae"]) == 5
    assert "lipsmith weights fetch vae" in capsys.readouterr().err


def test_check_compares_checksums_when_asked(models: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lipsmith.weights.check", lambda *_: "every key and shape")
    assert run(["weights", "check"]) == 0
    assert "no fault; checked every key and shape" in capsys.readouterr().out
    assert run(["weights", "check", "--checksums"]) == 3
    assert "its SHA-256 is" in capsys.readouterr().out


def test_fetch_and_import_hand_on_what_was_asked(
    models: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[object, ...]] = []
    catalogue = weight_catalogue()

    def named(*names: str) -> list[Part]:
        return [PARTS[name] for name in names]

    part = PARTS["whisper"]
    found = [FoundPart(part, models / "whisper", part.weights[0])]
    monkeypatch.setattr("lipsmith.weights.fetch.fetch", lambda *given: seen.append(given[:4]) or found)
    monkeypatch.setattr("lipsmith.weights.fetch.import_folder", lambda *given: seen.append(given[:4]) or found)
    assert run(["weights", "fetch"]) == 0
    assert run(["weights", "fetch", "musetalk-v1", "--all", "--to", "there", "--endpoint", "http://mirror"]) == 0
    assert run(["weights", "import", "MuseTalk", "--copy", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"whisper": str(found[0].path)}
    assert seen == [
        (named("unet-v15", "vae", "whisper"), catalogue, None, None),
        (named("unet-v1", "vae", "whisper", "bisenet", "dwpose"), catalogue, Path("there"), "http://mirror"),
        (Path("MuseTalk"), catalogue.parts, None, True),
    ]


def test_importing_a_folder_without_models_is_one_sentence(models: Path, tmp_path: Path, capsys: Captured) -> None:
    assert run(["weights", "import", str(tmp_path / "home")]) == 3
    assert "holds no network that is known here" in capsys.readouterr().err


def test_the_group_alone_shows_its_commands(capsys: Captured) -> None:
    assert run(["weights"]) == 0
    out = capsys.readouterr().out
    assert all(f"  {command} " in out for command in ("list", "fetch", "check", "import"))


def test_doctor_shows_the_same(models: Path) -> None:
    from lipsmith.doctor import examine

    findings = {finding.name: finding for finding in examine() if finding.topic == "weights"}
    assert set(findings) == set(PARTS)
    assert findings["whisper"].value.startswith(str(models / "whisper"))
    assert findings["vae"].value == "not here, needed by musetalk and musetalk-v1"
    assert all(finding.good for finding in findings.values())
    (models / "whisper" / "model.safetensors").write_bytes(b"version https://git-lfs.github.com/spec/v1")
    findings = {finding.name: finding for finding in examine() if finding.topic == "weights"}
    assert not findings["whisper"].good
    assert findings["whisper"].remedy == "delete it, then: lipsmith weights fetch whisper"
