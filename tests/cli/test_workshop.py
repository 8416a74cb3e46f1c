"""The workshop's commands: train and metrics."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lipsmith.cli import run, train
from lipsmith.libraries import install_hint
from lipsmith.metrics.sync import SyncReport
from lipsmith.speech.sync import Match
from lipsmith.speech.verdict import Verdict

Captured = pytest.CaptureFixture[str]
MATCH = Match(0.7, 0.8, 0.6, 0.5, 40.0)
LEVEL = Match(0.2, 0.3, 0.1, None, -80.0)
VERDICT = Verdict("sound late by 280 ms", 0.97, -280.0, 0.6, 7.1)
REPORT = SyncReport("film.mp4", "film.mp4", 25.0, 100, 0.5, 0.1, 0.05, VERDICT, MATCH, MATCH, LEVEL)


@pytest.mark.parametrize(("group", "command"), [("train", "voice2mouth"), ("metrics", "sync"), ("metrics", "mouth")])
def test_a_group_alone_shows_its_commands(group: str, command: str, capsys: Captured) -> None:
    assert run([group]) == 0
    assert f"  {command} " in capsys.readouterr().out


def test_sync_prints_for_people_and_programs(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[Path, Path | None]] = []
    monkeypatch.setattr("lipsmith.metrics.sync.score_film", lambda *given: seen.append(given) or REPORT)
    assert run(["metrics", "sync", "film.mp4", "--speech", "other.wav"]) == 0
    out = capsys.readouterr().out
    assert "sound late by 280 ms (confidence 97%)" in out
    assert "100 frames at 25 fps, a face in 50% of them" in out
    assert out.splitlines()[-1].split() == ["level", "0.20", "0.30", "0.10", "-", "-80", "ms"]
    assert run(["metrics", "sync", "film.mp4", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["controls"]["lag_ms"] == 40.0
    assert (found["verdict"]["words"], found["verdict"]["confidence"]) == ("sound late by 280 ms", 0.97)
    assert seen == [(Path("film.mp4"), Path("other.wav")), (Path("film.mp4"), None)]


def test_sync_of_a_missing_film_is_one_sentence(capsys: Captured) -> None:
    assert run(["metrics", "sync", "none.mp4"]) == 3
    assert capsys.readouterr().err.count("\n") == 1


def test_training_takes_what_was_given_and_leaves_the_rest_as_shipped(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from lipsmith.training.voice2mouth.pipeline import VoiceOptions

    seen: list[VoiceOptions] = []

    def learn(options: VoiceOptions, progress: Callable[[str, float], None]) -> dict[str, Any]:
        seen.append(options)
        progress("training, step 50", 0.5)
        return {"heads": {"bytes": 12}, "student": {"bytes": 1234}}

    monkeypatch.setattr("lipsmith.training.voice2mouth.pipeline.train_voice2mouth", learn)
    assert run(["train", "voice2mouth", "-o", str(tmp_path), "--steps", "10", "--start", "random"]) == 0
    assert seen == [VoiceOptions(tmp_path, tmp_path / "work", steps=10, start="random")]
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        f"{tmp_path / 'mouth_heads.npz'}: 12 bytes, scores in mouth_heads.json",
        f"{tmp_path / 'voice2mouth.onnx'}: 1234 bytes, scores in voice2mouth.json",
    ]
    assert printed.err == "training, step 50: 50%\n"
    assert run(["train", "voice2mouth", "-o", str(tmp_path), "--folder", str(tmp_path / "corpus"), "--json"]) == 0
    assert seen[1:] == [VoiceOptions(tmp_path, tmp_path / "corpus")]
    assert json.loads(capsys.readouterr().out) == {"heads": {"bytes": 12}, "student": {"bytes": 1234}}


@pytest.mark.parametrize(
    "words", [["--share", "0"], ["--share", "1.5"], ["--part", "ears"]], ids=lambda words: "".join(words)
)
def test_training_that_cannot_be_is_refused(words: list[str], capsys: Captured) -> None:
    assert run(["train", "voice2mouth", *words]) != 0
    assert words[0].strip("-") in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--seed", "--steps"])
def test_training_refuses_numbers_below_its_range(option: str, capsys: Captured, tmp_path: Path) -> None:
    assert run(["train", "voice2mouth", "-o", str(tmp_path), option, "-1"]) == 2
    assert f"{option[2:]} is -1; it can be" in capsys.readouterr().err


def test_mouth_prints_a_row_for_every_film(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    from lipsmith.metrics.mouth import MouthScore

    heard: list[object] = []

    def score(film: Path, curves: Callable[[], object]) -> MouthScore:
        heard.append(curves())
        return MouthScore(str(film), 100, -80.0, 0.61, 0.5, 0.4, 0.9, 0.8, 0.05)

    monkeypatch.setattr("lipsmith.metrics.mouth.score_mouth", score)
    assert run(["metrics", "mouth", "a.mp4", "b.mp4", "--speech-encoder", "small"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert [row.split()[-1] for row in rows] == ["film", "a.mp4", "b.mp4"]
    assert rows[1].split() == ["0.61", "0.50", "0.40", "0.90", "0.80", "5.0%", "-80", "ms", "a.mp4"]
    assert [type(one).__name__ for one in heard] == ["StudentStream"] * 2
    assert run(["metrics", "mouth", "a.mp4", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["aperture"] == 0.61
    assert run(["metrics", "mouth", "a.mp4", "--live"]) == 0
    assert type(heard[-1]).__name__ == "EncoderStream"
    assert run(["metrics", "mouth", "a.mp4", "--heads", "none.npz"]) == 3


def test_mouth_refuses_a_student_that_is_none(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "x.onnx").write_bytes(b"no network")
    words = ["metrics", "mouth", "a.mp4", "--speech-encoder", "small", "--student", str(tmp_path / "x.onnx")]
    assert run(words) == 3
    assert "no student network" in capsys.readouterr().err


@pytest.mark.parametrize("words", ["--live", "--heads a.npz", "--student none.onnx", ""])
def test_mouth_refuses_what_does_not_go_together(words: str, capsys: Captured) -> None:
    small = ["--student", "none.onnx"] if not words else words.split()
    who = "whisper" if "student" in words else "small"
    assert run(["metrics", "mouth", "a.mp4", "--speech-encoder", who, *small]) in (2, 3)
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_without_torch_the_extra_is_named(capsys: Captured, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    assert run(["train", "voice2mouth", "-o", str(tmp_path)]) == 5
    assert install_hint("train") in capsys.readouterr().err


def test_steps_speak_up_seldom_and_at_every_new_stage(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(train.time, "monotonic", lambda: now[0])
    steps = train.TrainingProgress()
    for text, share, passed in (
        ("a, 1", 0.1, 1),
        ("a, 2", 0.2, 1),
        ("b, 1", 0.1, 11),
        ("b, 2", 0.5, 1),
        ("b, 3", 1, 1),
    ):
        steps.report(text, share)
        now[0] += passed
    assert capsys.readouterr().err.split("\n")[:-1] == ["a, 1: 10%", "b, 1: 10%", "b, 2: 50%", "b, 3: 100%"]
