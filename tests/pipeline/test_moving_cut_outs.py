"""Videos and animations with transparency of their own, through `generate`, `preview` and avatars."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

import lipsmith
from lipsmith.avatars.store import AvatarStore
from lipsmith.engines.fake import FakeEngine, FakeOptions
from lipsmith.options import GenerateOptions
from lipsmith.pipeline.speak import SpeakOptions, speak
from lipsmith.types import Image
from tests.support.made_media import decode_transparent, write_transparent_video
from tests.support.tones import tone

FRAMES = 4


@pytest.fixture(scope="module")
def portrait(astronaut: Image) -> Image:
    return np.asarray(cv2.resize(astronaut, (256, 256), interpolation=cv2.INTER_AREA), np.uint8)


@pytest.fixture(scope="module")
def outlines() -> list[Image]:
    """(256, 256) each: an ellipse around the face that moves down."""
    rows, columns = np.mgrid[:256, :256]
    ellipses = [np.hypot((rows - 70 - 4 * k) / 75, (columns - 112) / 55) < 1 for k in range(FRAMES)]
    return [(255 * ellipse).astype(np.uint8) for ellipse in ellipses]


@pytest.fixture(scope="module", params=["a.mov", "a.png"])
def cut_outs(
    request: pytest.FixtureRequest, portrait: Image, outlines: list[Image], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    path: Path = tmp_path_factory.mktemp("alpha") / request.param
    pictures = [np.dstack([portrait, outline]) for outline in outlines]
    if path.suffix == ".png":
        first, *others = map(Pillow.fromarray, pictures)
        first.save(path, save_all=True, append_images=others, duration=40, compress_level=1)
        return path
    return write_transparent_video(path, pictures, "qtrle", "argb")


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("speech") / "speech.wav"
    path.write_bytes(tone(0.3))
    return path


def bounce(index: int) -> int:
    place = index % (2 * FRAMES - 2)
    return min(place, 2 * FRAMES - 2 - place)


def test_a_transparent_film_has_each_picture_s_outline(
    cut_outs: Path, outlines: list[Image], speech: Path, tmp_path: Path
) -> None:
    options = GenerateOptions(background="transparent", key="alpha")
    report = lipsmith.generate(cut_outs, speech, tmp_path / "a.mov", options, engine=FakeEngine(FakeOptions()))
    assert not [notice for notice in report.notices if "white" in notice]
    frames = decode_transparent(tmp_path / "a.mov")
    assert len(frames) == report.frames > FRAMES
    for index, frame in enumerate(frames):
        differences = [float(np.abs(frame[..., 3].astype(int) - outline).mean()) for outline in outlines]
        assert int(np.argmin(differences)) == bounce(index)
        assert min(differences) < 0.5


def test_a_kept_background_is_white_and_said(cut_outs: Path, speech: Path, tmp_path: Path) -> None:
    report = lipsmith.generate(cut_outs, speech, tmp_path / "a.mp4", engine=FakeEngine(FakeOptions()))
    assert f"{cut_outs.name}: its transparent parts are laid over white." in report.notices


def test_the_preview_has_the_same_outline(cut_outs: Path, speech: Path) -> None:
    options = GenerateOptions(engine="fake", background="#3060c0", key="alpha")
    seen = lipsmith.preview(cut_outs, speech, options)
    assert seen.sheet is not None
    blue = np.abs(seen.sheet.astype(int) - (48, 96, 192)).max(axis=2) < 8
    assert blue.mean() > 0.2


def test_an_avatar_keeps_the_outlines(cut_outs: Path, outlines: list[Image], speech: Path, tmp_path: Path) -> None:
    store = AvatarStore(tmp_path / "store")
    store.create("anna", cut_outs, FakeEngine())
    with store.open("anna") as avatar:
        assert avatar.alphas is not None
        for index in (2, 0, 3, 1):
            assert np.abs(avatar.alphas(index).astype(int) - outlines[index]).mean() < 0.5
        speak(avatar, speech, tmp_path / "a.webm", SpeakOptions(background="transparent"))
    assert decode_transparent(tmp_path / "a.webm")[0][:16, :16, 3].max() == 0
