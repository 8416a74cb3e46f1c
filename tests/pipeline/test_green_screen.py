"""The whole act before a screen: colours behind, transparent films, a picture's own outline, early refusals."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image as Pillow

import lipsmith
from lipsmith.engines.fake import FakeEngine, FakeOptions
from lipsmith.errors import OptionError, PictureError
from lipsmith.media.probe import read_provenance
from lipsmith.media.video import open_video_source
from lipsmith.options import GenerateOptions
from lipsmith.types import Image
from tests.support.made_media import decode_transparent

GREEN = (0, 177, 64)


@pytest.fixture(scope="module")
def outline(astronaut: Image) -> Image:
    """(H, W) 255 in an ellipse around the face of the portrait."""
    rows, columns = np.mgrid[: astronaut.shape[0], : astronaut.shape[1]]
    return (255 * (np.hypot((rows - 140) / 150, (columns - 225) / 110) < 1)).astype(np.uint8)


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory, speech_file: Path) -> Path:
    import wave

    from lipsmith.media.sound import open_speech

    sound = open_speech(speech_file)
    samples = np.concatenate(list(sound.blocks()))[: sound.rate // 2]
    path = tmp_path_factory.mktemp("speech") / "speech.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sound.rate)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


@pytest.fixture(scope="module")
def on_green(astronaut: Image, outline: Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("green") / "green.png"
    Pillow.fromarray(np.where(outline[..., None] > 0, astronaut, np.array(GREEN, np.uint8))).save(path)
    return path


@pytest.fixture(scope="module")
def cut_out(astronaut: Image, outline: Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("alpha") / "alpha.png"
    Pillow.fromarray(np.dstack([astronaut, outline])).save(path)
    return path


def frames_of(path: Path) -> list[Image]:
    return list(open_video_source(path).frames())


@pytest.mark.parametrize("picture", ["on_green", "cut_out"])
def test_a_colour_comes_behind(picture: str, request: pytest.FixtureRequest, speech: Path, tmp_path: Path) -> None:
    path, film = request.getfixturevalue(picture), tmp_path / "film.mp4"
    options = GenerateOptions(background="#3060c0")
    report = lipsmith.generate(path, speech, film, options, engine=FakeEngine(FakeOptions()))
    assert not [notice for notice in report.notices if "white" in notice]
    for frame in frames_of(film):
        assert np.abs(frame[400:, :100].astype(int) - (48, 96, 192)).max() < 8
    assert read_provenance(film)


@pytest.mark.parametrize("name", ["film.webm", "film.mov"])
def test_a_transparent_film_has_sound_and_the_person_s_alpha(
    on_green: Path, outline: Image, speech: Path, tmp_path: Path, name: str
) -> None:
    film = tmp_path / name
    options = GenerateOptions(background="transparent")
    report = lipsmith.generate(on_green, speech, film, options, engine=FakeEngine(FakeOptions()))
    assert report.rendered == report.frames
    for frame in decode_transparent(film):
        assert np.abs(frame[..., 3].astype(int) - outline).mean() < 0.6
        assert frame[:20, :20, 3].max() == 0
        assert frame[100:180, 180:270, 3].min() == 255
    with av.open(str(film)) as container:
        assert len(container.streams.audio) == 1
        if name == "film.mov":
            assert container.streams.video[0].format.name.startswith("yuva444p1")
    assert read_provenance(film)


def test_a_picture_s_own_outline_keeps_the_head_still(cut_out: Path, on_green: Path) -> None:
    from lipsmith.pipeline.generate import has_own_outline

    assert has_own_outline(cut_out, GenerateOptions(background="red"))
    assert not has_own_outline(cut_out, GenerateOptions())
    assert not has_own_outline(cut_out, GenerateOptions(background="red", key="#00b140"))
    assert not has_own_outline(on_green, GenerateOptions(background="red"))


def test_impossible_options_are_refused_before_the_work(
    on_green: Path, astronaut_file: Path, speech: Path, tmp_path: Path
) -> None:
    engine = FakeEngine(FakeOptions())
    with pytest.raises(OptionError, match=r"film\.mp4 cannot be transparent"):
        lipsmith.generate(on_green, speech, tmp_path / "film.mp4", GenerateOptions(background="transparent"))
    with pytest.raises(OptionError, match="no such file, and no colour"):
        lipsmith.generate(on_green, speech, tmp_path / "a.mp4", GenerateOptions(background="bleu"), engine=engine)
    with pytest.raises(PictureError, match="--key"):
        lipsmith.generate(astronaut_file, speech, tmp_path / "a.mp4", GenerateOptions(background="red"), engine=engine)
    with pytest.raises(OptionError, match="the background is kept"):
        GenerateOptions(key="#00ff00")
    assert list(tmp_path.iterdir()) == []
