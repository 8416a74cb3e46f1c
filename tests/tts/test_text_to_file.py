"""``lipsmith speak --text``: a voice reads, an avatar says it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lipsmith.avatars.store import AvatarStore
from lipsmith.cli import run
from lipsmith.engines.fake import FakeEngine
from lipsmith.media.probe import probe
from lipsmith.tts.espeak_library import has_espeak
from tests.support.drawn_people import KnownFaces, draw_folder
from tests.support.speech_service import service


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs ``speak`` in an empty folder with an avatar on the shelf: its exit code, its report, its complaint."""
    monkeypatch.setattr("lipsmith.avatars.builder.FacePreparation", KnownFaces)
    monkeypatch.setenv("LIPSMITH_AVATARS", str(tmp_path / "shelf"))
    monkeypatch.chdir(tmp_path)
    AvatarStore(tmp_path / "shelf").create("anna", draw_folder(tmp_path / "source", 4), FakeEngine())

    def call(*words: str) -> tuple[int, Any, str]:
        capsys.readouterr()
        code = run(["speak", "anna", *words, "-o", "film.mp4", "-q", "--json"])
        out, complaint = capsys.readouterr()
        return code, json.loads(out) if out else None, complaint

    return call


@pytest.mark.skipif(not has_espeak(), reason="eSpeak NG is not installed")
def test_a_text_becomes_a_film(said: Any, tmp_path: Path) -> None:
    code, report, _ = said("--text", "Good morning. 早上好。")
    assert (code, report["engine"]) == (0, "fake")
    assert 30 < probe(tmp_path / "film.mp4").frames < 100


def test_a_service_reads_too_and_its_trouble_is_told(said: Any, tmp_path: Path) -> None:
    pytest.importorskip("httpx")
    with service() as speaker:
        words = ["--text", "One. Two.", "--voice", f"openai:{speaker.base}"]
        assert said(*words)[1]["frames"] == 25
        assert [asked["input"] for asked, _ in speaker.asked] == ["One.", "Two."]
        (tmp_path / "film.mp4").unlink()
        speaker.status = 500
        code, _, complaint = said(*words)
        assert code == 8
        assert "answered 500" in complaint
    assert not (tmp_path / "film.mp4").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["one.wav", "--text", "Hi"], "one of the two"), ([], "one of the two"), (["--text", "..."], "nothing to say"),
        (["--text", "Hi", "--voice", "none"], "espeak:en"), (["--text", "Hi", "--voice", "x"], "openai:URL"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told(said: Any, words: list[str], told: str) -> None:
    code, _, complaint = said(*words)
    assert code == 2
    assert told in complaint
