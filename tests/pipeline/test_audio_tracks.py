"""The door's choice of an audio track reaches the film's mouth and its sound."""

from __future__ import annotations

from pathlib import Path

import pytest

from lipsmith import AvatarStore, GenerateOptions, SpeakOptions, generate, load_engine, speak
from lipsmith.bench.material import write_portrait
from lipsmith.cli import run
from lipsmith.errors import OptionError, SoundError
from lipsmith.media.sound import open_speech
from tests.media.test_tracks import DEFAULT, Track, heard, write_tracks


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    return write_tracks(tmp_path / "two.mkv", [Track(language="eng"), Track(DEFAULT, "spa")], [])


@pytest.mark.parametrize(("number", "expected"), [(None, 2), (1, 1)])
def test_generate_takes_the_track(speech: Path, tmp_path: Path, number: int | None, expected: int) -> None:
    film, options = tmp_path / "film.mp4", GenerateOptions(engine="fake", audio_track=number)
    report = generate(write_portrait(tmp_path, (96, 96)), speech, film, options)
    assert heard(open_speech(film).blocks()) == expected
    assert any("audio track 2 is taken" in notice for notice in report.notices) == (number is None)


def test_an_avatar_takes_the_track(
    speech: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIPSMITH_AVATARS", str(tmp_path / "store"))
    AvatarStore().create("anna", write_portrait(tmp_path, (96, 96)), load_engine("fake", context=1))
    film = tmp_path / "film.mp4"
    with AvatarStore().open("anna") as avatar:
        speak(avatar, speech, film, SpeakOptions(audio_track=1))
        assert heard(open_speech(film).blocks()) == 1
        with pytest.raises(SoundError, match="no audio track 3"):
            speak(avatar, speech, film, SpeakOptions(audio_track=3))
    assert run(["speak", "anna", str(speech), "-o", str(film), "--audio-track", "2", "--overwrite"]) == 0
    assert heard(open_speech(film).blocks()) == 2
    live = ["live", "anna", str(speech), "--record", str(tmp_path / "live.mp4"), "--audio-track", "3"]
    assert run(live) != 0
    assert "no audio track 3, but 1 (eng, aac, mono) and 2 (spa, aac, mono)" in capsys.readouterr().err


@pytest.mark.parametrize("kind", [GenerateOptions, SpeakOptions])
def test_tracks_count_from_one(kind: type) -> None:
    with pytest.raises(OptionError, match="tracks count from 1"):
        kind(audio_track=0)
