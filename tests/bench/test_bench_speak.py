"""The bench of prepared avatars makes real films; no test judges its figures.

Its processes spend seconds on imports, so most films are made by the very same program within this one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lipsmith.avatars.store import AvatarStore
from lipsmith.bench import speak_worker
from lipsmith.bench.case import run_in_process
from lipsmith.bench.material import write_moving_portrait, write_portrait, write_speech
from lipsmith.bench.speak import SpeakCase, SpeakFigures, measure_speak, write_source_film
from lipsmith.cli import run
from lipsmith.engines import load_engine
from lipsmith.errors import InputError
from lipsmith.media.probe import probe
from lipsmith.media.video import open_picture


@pytest.fixture(scope="module")
def portrait(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_portrait(tmp_path_factory.mktemp("portrait"), (160, 160))


def run_here(module: str, request: Mapping[str, object], threads: int) -> dict[str, Any]:
    """What ``run_in_process`` answers, without a process."""
    assert module == speak_worker.__name__
    answered: dict[str, Any] = json.loads(json.dumps(speak_worker._measured({**request, "threads": threads})))
    return answered


@pytest.fixture(scope="module", autouse=True)
def here() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lipsmith.bench.speak.run_in_process", run_here)
        yield


@pytest.fixture(scope="module")
def found(portrait: Path, here: None) -> SpeakFigures:
    told: list[str] = []
    figures = measure_speak(SpeakCase(picture=portrait, runs=2, speech_seconds=0.4, engine="fake"), told.append)
    films = [f"{do}, {run} of 2" for run in (1, 2) for do in ("everything", "speak")]
    assert told[1:] == ["creating the avatar", *films]
    return figures


def test_films_are_made_alone_and_speaking_never_imports_what_finds_faces(
    portrait: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    AvatarStore(tmp_path / "store").create("anna", portrait, load_engine("fake"))
    speech = write_speech(tmp_path, 0.4)
    request = {"do": "speak", "engine": "fake", "store": str(tmp_path / "store"), "id": "anna"}
    request |= {"speech": str(speech), "short": str(speech), "output": str(tmp_path / "film.mp4")}
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "mediapipe.py").write_text("raise AssertionError('faces are looked for')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "broken"))
    measured = run_in_process(speak_worker.__name__, request, 1)
    assert measured["info"]["size"] == [160, 160]
    assert 0 < measured["open_seconds"] < measured["film"]["first_frame_seconds"]
    assert probe(tmp_path / "film.mp4").frames == measured["film"]["frames"] == 10
    with pytest.raises(InputError, match="nobody"):
        run_in_process(speak_worker.__name__, request | {"id": "nobody"}, 1)


def test_both_ways_are_measured_and_the_store_needs_no_looking(found: SpeakFigures) -> None:
    assert (found.engine, found.size, found.runs, found.created.frames) == ("fake", (160, 160), 2, 1)
    assert found.film_seconds == pytest.approx(0.4)
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
    monkeypatch.setenv("LIPSMITH_AVATARS", str(tmp_path / "store"))
    AvatarStore().create("anna", portrait, load_engine("fake", context=1))
    assert run(["bench", "speak", "anna", "--speech-seconds", "0.2", "--runs", "1", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["size"] == [160, 160]
    assert [info.id for info in AvatarStore().list()] == ["anna"]
    assert run(["bench", "speak", "nobody"]) == 3
    assert "no avatar 'nobody'" in capsys.readouterr().err


def test_plates_become_a_film_again(tmp_path: Path) -> None:
    store = AvatarStore(tmp_path / "store")
    film = write_moving_portrait(tmp_path, (161, 120), 0.2)
    store.create("anna", film, load_engine("fake"))
    with store.open("anna") as avatar:
        again = open_picture(write_source_film(avatar, tmp_path))
        assert again.info.frames == avatar.info.frames == 5
        images = list(again.frames())
        assert np.abs(images[3].astype(int) - avatar.source_frame(3).image).mean() < 4
        assert (images[0] != images[4]).any()


def test_the_command_prints_a_table(
    found: SpeakFigures, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[SpeakCase] = []
    monkeypatch.setattr("lipsmith.bench.speak.measure_speak", lambda case, tell: seen.append(case) or found)
    words = ["bench", "speak", "--speech", "hello.wav", "--size", "320x180", "--set", "context=1", "--engine", "fake"]
    assert run(words) == 0
    out = capsys.readouterr().out
    head, *rows = out.splitlines()
    assert head.startswith("160x160, an avatar of 0.0 s, 0.4 s of film by the engine fake, median of 2")
    cells = {row[:32].strip(): row[32:].split() for row in rows}
    spent = found.everything, found.stored.film
    for name, one, two in (
        ("wall clock, s", spent[0].wall_seconds, spent[1].wall_seconds),
        ("first frame after, s", spent[0].first_frame_seconds, spent[1].first_frame_seconds),
        ("frames per second", spent[0].fps, spent[1].fps),
        ("render and blend", spent[0].stages_ms["render"], spent[1].stages_ms["render"]),
    ):
        assert cells[name][:2] == [f"{one:.2f}", f"{two:.2f}"]
    assert cells["wall clock, s"][2] == f"{found.times_wall:.1f}x"
    assert cells["find the faces"][1] == cells["prepare the frames"][1] == cells["read the stored frames"][0] == "-"
    assert "the avatar opens in" in out
    assert out.rstrip().endswith("on") == (found.times_wall > 1)
    case = seen[0]
    assert (case.avatar, case.speech, case.size, case.engine_options) == (
        None,
        Path("hello.wav"),
        (320, 180),
        {"context": 1},
    )
    assert run(["bench", "speak", "--runs", "0"]) == 2
    assert run(["bench", "speak", "--seconds", "-1"]) == 2
