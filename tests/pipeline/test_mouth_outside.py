"""Mouths that the picture cuts off stay as they are, and frames say who is missing from them."""

from __future__ import annotations

import wave
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

import lipsmith
from lipsmith.avatars.store import AvatarOptions, AvatarStore
from lipsmith.cli.generate import summary
from lipsmith.engines import load_engine
from lipsmith.errors import FaceError
from lipsmith.face.mouth_view import OUTSIDE
from lipsmith.media.video import open_video_source
from lipsmith.options import GenerateOptions
from lipsmith.types import Image
from tests.support.made_media import write_video


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise of 30 frames at 25 fps."""
    path = tmp_path_factory.mktemp("speech") / "words.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(np.random.default_rng(2).integers(-9000, 9000, 30 * 640).astype("<i2").tobytes())
    return path


@pytest.fixture(scope="module")
def small(astronaut: Image) -> Image:
    """(320, 320, 3); the lips are between rows 92 and 106."""
    return np.asarray(cv2.resize(astronaut, (320, 320), interpolation=cv2.INTER_AREA), np.uint8)


@pytest.mark.parametrize("engine", ["warp", "fake"])
def test_a_portrait_without_its_mouth_is_refused(astronaut: Image, speech: Path, tmp_path: Path, engine: str) -> None:
    Pillow.fromarray(astronaut[:145]).save(tmp_path / "cut.png")
    with pytest.raises(FaceError, match=OUTSIDE):
        lipsmith.generate(tmp_path / "cut.png", speech, tmp_path / "film.mp4", GenerateOptions(engine=engine))
    assert not (tmp_path / "film.mp4").exists()


def test_an_avatar_of_it_is_refused_too(astronaut: Image, tmp_path: Path) -> None:
    Pillow.fromarray(astronaut[:145]).save(tmp_path / "cut.png")
    store = AvatarStore(tmp_path / "store")
    with pytest.raises(FaceError, match=OUTSIDE):
        store.create("cut", tmp_path / "cut.png", load_engine("fake"), AvatarOptions(engine="fake"))


def test_frames_of_a_film_without_the_mouth_stay_as_they_are(small: Image, speech: Path, tmp_path: Path) -> None:
    down = [np.roll(small, 100 + min(k, 10) * 14, axis=0) for k in range(20)]  # from row 10 on the mouth is below 320
    talk = write_video(tmp_path / "talk.mp4", down)
    options = GenerateOptions(engine="fake", length="picture", crf=4)
    report = lipsmith.generate(talk, speech, tmp_path / "film.mp4", options)
    assert list(report.unable) == [OUTSIDE]
    assert 8 <= report.unable[OUTSIDE] <= 12
    assert report.rendered + report.unable[OUTSIDE] == 20
    last = [list(open_video_source(path, "25").frames())[-1].astype(int) for path in (talk, report.output)]
    assert np.abs(last[0] - last[1]).mean() < 2


def test_a_frame_without_the_chosen_person_is_told_from_one_without_a_face(
    small: Image, speech: Path, tmp_path: Path
) -> None:
    hills = np.random.default_rng(0).integers(60, 200, (40, 40, 3), dtype=np.uint8)
    empty = np.asarray(cv2.resize(hills, (640, 320), interpolation=cv2.INTER_CUBIC), np.uint8)
    both, second = empty.copy(), empty.copy()
    both[:, :320], both[:, 320:] = small, small[:, ::-1]
    second[:, 320:] = small[:, ::-1]
    talk = write_video(tmp_path / "talk.mp4", [*[both] * 10, *[second] * 8, *[empty] * 6], Fraction(25))
    options = GenerateOptions(engine="fake", faces="left", length="picture")
    report = lipsmith.generate(talk, speech, tmp_path / "film.mp4", options)
    assert (report.rendered, report.cutaways, report.others) == (10, 14, 8)
    assert "note: 6 frames without a face passed through" in summary(report)
    assert "note: 8 frames that show other people only passed through" in summary(report)
