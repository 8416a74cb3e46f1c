"""The commands ``avatar`` and ``speak``, from making to removing."""

from __future__ import annotations

import json
import wave
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lipsmith.avatars.manifest import NAME, read_manifest, write_manifest
from lipsmith.cli import run
from lipsmith.cli.avatar import parse_size
from lipsmith.cli.speak import plan
from lipsmith.errors import OptionError, SoundError
from lipsmith.media.probe import probe
from tests.support.drawn_people import draw_folder


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known_faces: None, source: Path) -> Path:
    """Called from an empty folder, with an empty store and four pictures beside."""
    monkeypatch.setenv("LIPSMITH_AVATARS", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a command line: its exit code, and what it printed as JSON if asked for."""

    def call(*words: str) -> tuple[int, Any]:
        capsys.readouterr()
        code = run(words)
        out = capsys.readouterr().out
        return code, json.loads(out) if "--json" in words and out else out

    return call


def write_sound(path: Path, seconds: float = 0.4) -> Path:
    path.parent.mkdir(exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes((8000 * np.sin(np.arange(int(16_000 * seconds)) / 9)).astype("<i2").tobytes())
    return path


def test_the_life_of_an_avatar(said: Any, home: Path) -> None:
    making = ["avatar", "create", "anna", "source", "--engine", "fake", "--json", "-q"]
    code, info = said(*making)
    assert (code, info["id"], info["frames"], info["fps"], info["engine"]) == (0, "anna", 4, "25", "fake")
    assert said(*making) == (0, info)
    assert said(*making, "--fps", "30")[0] == 3
    assert said(*making, "--fps", "30", "--refresh")[1]["fps"] == "30"
    assert [one["id"] for one in said("avatar", "list", "--json")[1]] == ["anna"]
    code, shown = said("avatar", "show", "anna", "-o", "anna.png", "--json")
    assert (code, shown["clips"][0]["stop"], (home / shown["sheet"]).is_file()) == (0, 4, True)
    assert said("avatar", "check", "--json") == (0, [{"id": "anna", "fault": None}])
    assert said("avatar", "rename", "anna", "berta", "--json")[1]["id"] == "berta"
    assert said("avatar", "export", "berta", "berta.lipsmith", "--json")[0] == 0
    assert said("avatar", "import", "berta.lipsmith")[0] == 3
    assert said("avatar", "import", "berta.lipsmith", "--id", "cora", "--json")[1]["frames"] == 4
    assert set(said("avatar", "warm", "cora", "--json")[1]) == {"open", "read", "engine", "render"}
    assert "2 avatars" in said("avatar", "list")[1]
    assert said("avatar", "delete", "cora", "nobody")[0] == 3
    assert "2 avatars" in said("avatar", "list")[1]
    assert said("avatar", "delete", "cora")[0] == 0
    assert said("avatar", "gc", "--max-size", "0", "--json") == (0, {"deleted": ["berta"]})
    assert said("avatar", "delete", "berta")[0] == 3
    assert said("avatar", "list", "--json") == (0, [])


def test_damage_is_reported(said: Any, home: Path) -> None:
    said("avatar", "create", "anna", "source", "--engine", "fake")
    file = next((home / "store").rglob("targets.roll"))
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    code, found = said("avatar", "check", "anna", "--json")
    assert (code, found[0]["id"]) == (3, "anna")
    assert "damaged" in found[0]["fault"]
    said("avatar", "create", "berta", "source", "--engine", "fake")
    other = home / "store" / "berta" / NAME
    write_manifest(other.parent, replace(read_manifest(other), engine="elsewhere"))
    code, found = said("avatar", "check", "--json")
    assert (code, [one["id"] for one in found]) == (3, ["anna", "berta"])
    assert "'elsewhere', which is not installed" in found[1]["fault"]
    (home / "store" / "anna" / NAME).write_text("{}")
    assert "anna: damaged" in said("avatar", "list")[1]
    assert said("avatar", "show", "anna")[0] == 3


def test_more_clips(said: Any, home: Path) -> None:
    draw_folder(home / "talk", 6)
    making = ["avatar", "create", "anna", "source", "--engine", "fake", "--json", "-q"]
    assert said(*making, "--clip", "speaking=talk")[1]["clips"] == ["idle", "speaking"]
    for wrong in ("talk", "=talk", "speaking=", "idle=talk", "a b=talk"):
        assert said(*making, "--clip", wrong)[0] == 2


def test_one_speech_and_many(said: Any, home: Path) -> None:
    said("avatar", "create", "anna", "source", "--engine", "fake")
    write_sound(home / "one.wav")
    for name in ("one.wav", "two.wav"):
        write_sound(home / "more" / name)
    (home / "more" / "three.wav").write_text("no sound")
    (home / "more" / "one.txt").write_text("what is said in it")
    code, report = said("speak", "anna", "one.wav", "-o", "film.mp4", "--json", "-q")
    assert (code, report["frames"], report["rendered"], report["engine"]) == (0, 10, 10, "fake")
    assert probe(home / "film.mp4").frames == 10
    code, reports = said("speak", "anna", "one.wav", "more", "-o", "films", "--json")
    assert code == 3
    assert [Path(one["speech"]).name for one in reports if one["error"]] == ["three.wav"]
    assert len(reports) == 4  # texts and pictures in a folder of speeches are none
    assert sorted(path.name for path in (home / "films").iterdir()) == ["one-2.mp4", "one.mp4", "two.mp4"]
    assert said("speak", "anna", "one.wav", "two.wav", "-o", "films")[0] == 6  # one.mp4 is there: nothing begins
    assert "1 of 1 film of anna made" in said("speak", "anna", "one.wav", "-o", "films", "--overwrite")[1]
    assert said("speak", "nobody", "one.wav", "-o", "film.mp4")[0] == 3
    assert said("speak", "anna", "one.wav", "one.wav", "-o", "film.mp4")[0] == 2
    assert said("speak", "anna", "one.wav", "-o", "film.mp4")[0] == 6


def test_engine_options_are_changed_for_one_run(said: Any, home: Path) -> None:
    said("avatar", "create", "anna", "source", "--engine", "fake", "--set", "context=1", "-q")
    sound = str(write_sound(home / "a.wav"))
    films = []
    for number, words in enumerate(([], ["--set", "context=30"])):
        code, _ = said("speak", "anna", sound, "-o", f"{number}.mp4", "-q", *words)
        assert code == 0
        films.append((home / f"{number}.mp4").read_bytes())
    assert films[0] != films[1]
    assert read_manifest(home / "store" / "anna" / NAME).options["context"] == 1  # the avatar keeps its own


@pytest.mark.parametrize("words", [["--set", "gain=2"], ["--life", "0.5"]])
def test_options_that_the_engine_lacks_are_refused(said: Any, home: Path, words: list[str]) -> None:
    said("avatar", "create", "anna", "source", "--engine", "fake", "-q")
    assert said("speak", "anna", str(write_sound(home / "a.wav")), "-o", "a.mp4", "-q", *words)[0] == 2
    assert not (home / "a.mp4").exists()


def test_which_speech_becomes_which_film(home: Path) -> None:
    one = write_sound(home / "a" / "one.wav")
    assert plan([one], Path("film.webm"), "mp4") == [(one, Path("film.webm"))]
    assert plan([one], home, "mov") == [(one, home / "one.mov")]
    assert plan([home / "a"], Path("new"), "mp4") == [(one, Path("new/one.mp4"))]
    with pytest.raises(OptionError):
        plan([one], Path("new"), "avi")
    (home / "empty").mkdir()
    with pytest.raises(SoundError):
        plan([home / "empty"], Path("new"), "mp4")


@pytest.mark.parametrize(("text", "size"), [("0", 0), ("500M", 500_000_000), ("1.5 GB", 1_500_000_000), ("2k", 2000)])
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "M", "-1", "nan", "1X", "inf", "1e999"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(OptionError):
        parse_size(text)
