"""The bench of prepared avatars makes real films in real processes; no test judges its figures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lipsmith.avatars.shelf import Shelf
from lipsmith.bench.material import write_moving_portrait, write_portrait
from lipsmith.bench.speak import SpeakCase, SpeakFigures, measure_speak, write_plates
from lipsmith.cli import run
from lipsmith.engines import load_engine
from lipsmith.media.video import open_picture


@pytest.fixture(scope="module")
def portrait(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_portrait(tmp_path_factory.mktemp("portrait"), (160, 160))


@pytest.fixture(scope="module")
def found(portrait: Path) -> SpeakFigures:
    told: list[str] = []
    figures = measure_speak(SpeakCase(picture=portrait, runs=1, speech_seconds=0.4, engine="fake"), told.append)
    assert "creating the avatar" in told
    return figures


def test_both_ways_are_measured_and_the_store_needs_no_looking(found: SpeakFigures) -> None:
    assert (found.engine, found.size, found.runs, found.created.frames) == ("fake", (160, 160), 1, 1)
    assert found.everything.stages_ms.keys() >= {"detect", "prepare", "render", "encode"}
    assert found.stored.film.stages_ms.keys() >= {"fetch", "render", "encode"}
    assert not found.stored.film.stages_ms.keys() & {"detect", "prepare", "decode"}
    assert found.times_wall == pytest.approx(found.everything.wall_seconds / found.stored.film.wall_seconds)
    assert 0 < found.stored.open_seconds < found.stored.film.first_frame_seconds < found.stored.film.wall_seconds
    assert found.stored.second_seconds > 0
    assert found.disk_mb > 0


def test_an_avatar_that_is_there_is_measured_from_its_plates(
    portrait: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIPSMITH_AVATARS", str(tmp_path / "shelf"))
    Shelf().create("anna", portrait, load_engine("fake", context=1))
    assert run(["bench", "speak", "anna", "--speech-seconds", "0.2", "--runs", "1", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["size"] == [160, 160]
    assert [info.id for info in Shelf().list()] == ["anna"]
    assert run(["bench", "speak", "nobody"]) == 3
    assert "no avatar 'nobody'" in capsys.readouterr().err


def test_plates_become_a_film_again(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "shelf")
    film = write_moving_portrait(tmp_path, (161, 120), 0.2)
    shelf.create("anna", film, load_engine("fake"))
    with shelf.open("anna") as avatar:
        again = open_picture(write_plates(avatar, tmp_path))
        assert again.info.frames == avatar.info.frames == 5
        images = list(again.frames())
        assert np.abs(images[3].astype(int) - avatar.plate(3).image).mean() < 4
        assert (images[0] != images[4]).any()


def test_the_command_prints_a_table(
    found: SpeakFigures, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[SpeakCase] = []
    monkeypatch.setattr("lipsmith.bench.speak.measure_speak", lambda case, tell: seen.append(case) or found)
    words = ["bench", "speak", "--speech", "hello.wav", "--size", "320x180", "--set", "context=1", "--engine", "fake"]
    assert run(words) == 0
    out = capsys.readouterr().out
    assert "first frame after, s" in out
    assert "the store opens in" in out
    case = seen[0]
    assert (case.avatar, case.speech, case.size, case.engine_options) == (
        None,
        Path("hello.wav"),
        (320, 180),
        {"context": 1},
    )
    assert run(["bench", "speak", "--runs", "0"]) == 2
    assert run(["bench", "speak", "--seconds", "-1"]) == 2
