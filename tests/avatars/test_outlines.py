"""Speaking from the store before another background: a source's own transparency, a keyed template, refusals."""

from __future__ import annotations

import wave
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image as Pillow

from lipsmith.avatars.avatar import compress_alpha, decompress_alpha
from lipsmith.avatars.store import AvatarStore
from lipsmith.engines import load_engine
from lipsmith.engines.fake import FakeEngine
from lipsmith.errors import AvatarBroken, OptionError, PictureError
from lipsmith.media.probe import read_provenance
from lipsmith.options import GenerateOptions
from lipsmith.pipeline.generate import generate
from lipsmith.pipeline.speak import SpeakOptions, engine_for, speak
from lipsmith.types import Image
from tests.support.drawn_people import draw_folder

GREEN = (0, 177, 64)


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    """8 frames of a tone."""
    path = tmp_path / "tone.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes((8000 * np.sin(np.arange(8 * 640) * 0.05)).astype("<i2").tobytes())
    return path


@pytest.fixture
def outline(astronaut: Image) -> Image:
    """(H, W) 255 in an ellipse around the face of the portrait."""
    rows, columns = np.mgrid[: astronaut.shape[0], : astronaut.shape[1]]
    return (255 * (np.hypot((rows - 140) / 150, (columns - 225) / 110) < 1)).astype(np.uint8)


@pytest.fixture
def cut_out(astronaut: Image, outline: Image, tmp_path: Path) -> Path:
    path = tmp_path / "cut_out.png"
    Pillow.fromarray(np.dstack([astronaut, outline])).save(path)
    return path


@pytest.fixture
def on_green(astronaut: Image, outline: Image, tmp_path: Path) -> Path:
    path = tmp_path / "on_green.png"
    Pillow.fromarray(np.where(outline[..., None] > 0, astronaut, np.array(GREEN, np.uint8))).save(path)
    return path


def images(path: Path) -> list[Image]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


@pytest.mark.parametrize("source", ["cut_out", "on_green"])
def test_a_film_from_the_store_stands_before_the_ground_that_generate_gives_it(
    source: str, request: pytest.FixtureRequest, store: AvatarStore, speech: Path, tmp_path: Path
) -> None:
    picture = request.getfixturevalue(source)
    quiet = {"speech_encoder": "small"}  # which keeps the mouth shut on a tone: the ground is what is compared
    store.create("anna", picture, load_engine("warp", **quiet))
    with store.open("anna") as avatar:
        report = speak(avatar, speech, tmp_path / "spoken.mp4", SpeakOptions(background="#3060c0"))
    options = GenerateOptions(engine="warp", background="#3060c0", engine_options=quiet)
    generate(picture, speech, tmp_path / "made.mp4", options)
    assert report.rendered == report.frames == 8
    assert not [notice for notice in report.notices if "white" in notice]
    assert read_provenance(report.output)
    for spoken, made in zip(images(report.output), images(tmp_path / "made.mp4"), strict=True):
        assert np.abs(spoken[400:, :100].astype(int) - (48, 96, 192)).max() < 8
        assert np.array_equal(spoken, made)


def test_only_a_head_within_its_own_outline_keeps_still(cut_out: Path, on_green: Path, store: AvatarStore) -> None:
    store.create("outlined", cut_out, load_engine("warp"))
    store.create("keyed", on_green, load_engine("warp"))

    def moves(name: str, **options: str) -> bool:
        with store.open(name) as avatar:
            return bool(engine_for(avatar, SpeakOptions(**options)).options.idle)  # type: ignore[attr-defined,arg-type]

    assert moves("outlined")
    assert not moves("outlined", background="red")
    assert moves("outlined", background="red", key="#00b140")
    assert moves("keyed", background="red")


@pytest.mark.parametrize("name", ["film.webm", "film.mov"])
def test_a_folder_of_cut_outs_speaks_transparently(
    name: str, store: AvatarStore, speech: Path, tmp_path: Path, known_faces: None
) -> None:
    folder = draw_folder(tmp_path / "source", 4)
    outlines = []
    for number, path in enumerate(sorted(folder.iterdir())):
        image = np.asarray(Pillow.open(path).convert("RGB"))
        outlines.append(np.full(image.shape[:2], 255, np.uint8))
        outlines[-1][:, : 10 + number] = 60 * number
        Pillow.fromarray(np.dstack([image, outlines[-1]])).save(path)
    store.create("anna", folder, FakeEngine())
    with store.open("anna") as avatar:
        assert avatar.alphas is not None
        assert all(np.array_equal(avatar.alphas(index), outlines[index]) for index in (2, 0, 3, 1))
        with pytest.raises(OptionError, match=r"no\.mp4 cannot be transparent"):
            speak(avatar, speech, tmp_path / "no.mp4", SpeakOptions(background="transparent"))
        report = speak(avatar, speech, tmp_path / name, SpeakOptions(background="transparent"))
    assert report.frames == 8
    with av.open(str(tmp_path / name)) as container:
        assert len(container.streams.audio) == 1
        if name == "film.mov":
            assert container.streams.video[0].format.name.startswith("yuva444p1")
    assert store.check("anna").frames == 4


def test_an_opaque_avatar_before_no_screen_says_so(anna: AvatarStore, speech: Path, tmp_path: Path) -> None:
    with anna.open("anna") as avatar:
        assert avatar.alphas is None
        with pytest.raises(PictureError, match="no transparent parts"):
            speak(avatar, speech, tmp_path / "a.mp4", SpeakOptions(background="red", key="alpha"))
    assert not (tmp_path / "a.mp4").exists()


def test_a_transparency_of_another_size_is_refused_in_bounded_memory() -> None:
    alpha = np.arange(48, dtype=np.uint8).reshape(6, 8)
    assert np.array_equal(decompress_alpha(compress_alpha(alpha), (8, 6)), alpha)
    bomb = compress_alpha(np.zeros((20_000, 1000), np.uint8))
    for data in (
        bomb,
        compress_alpha(alpha[1:]),
        compress_alpha(alpha)[:-12],
        np.zeros(9, np.uint8),
        np.zeros(9),
        None,
    ):
        with pytest.raises(AvatarBroken, match="not of its picture's size"):
            decompress_alpha(data, (8, 6))
