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
    assert rows["bisenet"]["optional"] == rows["dwpose"]["optional"] == ["musetalk", "musetalk-v1"]
    assert [name for name, row in rows.items() if row["optional"] and row["fetched"]] == ["bisenet"]
    assert "recommended for musetalk and musetalk-v1; MIT" in out
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


def test_a_check_of_nothing_is_no_success(
    tmp_path: Path, models: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["weights", "check", "--models", str(tmp_path / "empty")]) == 5
    err = capsys.readouterr().err
    assert f"No official weights are in {tmp_path / 'empty'}; `lipsmith weights fetch NAME --to" in err
    assert run(["weights", "check", "--models", str(tmp_path / "empty"), "--json"]) == 5
    assert json.loads(capsys.readouterr().out) == []


def test_what_masks_need_is_asked_for_where_musetalk_is_named(
    models: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything but BiSeNet is here: MuseTalk runs, and each place says what is worse and what helps."""
    from lipsmith.cli.engines import describe
    from lipsmith.doctor import examine
    from lipsmith.engines import engine_table
    from lipsmith.engines.musetalk import availability

    monkeypatch.setattr("lipsmith.weights.check", lambda *_: "every key and shape")
    monkeypatch.setattr(availability, "missing_packages", lambda: None)
    for part in (PARTS["unet-v15"], PARTS["vae"]):
        for file in (part.weights[0], *part.companions):
            (models / part.folders[0]).mkdir(exist_ok=True)
            (models / part.folders[0] / file.name).write_text("{}")
    assert run(["weights", "check", "musetalk"]) == 5
    seen = capsys.readouterr()
    assert "`lipsmith weights fetch bisenet`" in seen.err
    assert seen.out.count("no fault") == 3
    assert run(["weights", "check"]) == 0
    assert "musetalk runs worse without bisenet: `lipsmith weights fetch bisenet` brings it." in capsys.readouterr().err
    row = describe(engine_table()["musetalk"])
    assert row.lacks is None
    assert "masks are polygons" in (row.limited or "")
    findings = {(one.topic, one.name): one.value for one in examine()}
    assert "can run, but: BiSeNet's weights are not here" in findings["engines", "musetalk"]
    assert "run worse without it: lipsmith weights fetch bisenet" in findings["weights", "bisenet"]
    (models / "face-parse-bisent").mkdir()
    (models / "face-parse-bisent" / "79999_iter.pth").write_text("{}")
    assert run(["weights", "check", "musetalk"]) == 0
    assert describe(engine_table()["musetalk"]).limited is None


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
        (named("unet-v15", "vae", "whisper", "bisenet"), catalogue, None, None),
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
