"""``lipsmith speak --background``: films of stored people before a screen, their transparency really decoded."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import ArrayLike
from PIL import Image as Pillow

from lipsmith.avatars.options import engine_of
from lipsmith.avatars.store import AvatarStore
from lipsmith.cli import run
from lipsmith.engines.fake import FakeEngine
from lipsmith.types import Array, Image
from tests.support.drawn_people import draw_folder
from tests.support.made_media import decode_transparent, noise, number_of, numbered, write_sound, write_video

SIZE = (160, 120)
GREEN, PERSON = (0, 177, 64), (150, 120, 110)
ORDER = [0, 1, 2, 3, 4, 5, 4, 3, 2, 1]
"""The stored frames, of six, that ten frames show."""


def depth(index: int) -> Array:
    """(H, W) px within a person who is 8 px wider in every frame; the known face lies within."""
    rows, columns = np.mgrid[: SIZE[1], : SIZE[0]]
    return np.minimum.reduce([columns - 3, 60 + 8 * index - columns, rows - 3, 90 - rows])


def outline(index: int) -> Array:
    """(H, W) 0..1: that person's opacity, soft over 2 px."""
    return np.clip(depth(index) / 2 + 0.5, 0, 1).astype(np.float32)


def mixed(alpha: Array, person: ArrayLike, wall: ArrayLike) -> Image:
    mix = alpha[..., None] * np.array(person) + (1 - alpha[..., None]) * np.array(wall)
    return np.clip(mix, 0, 255).astype(np.uint8)


def before_screen(index: int) -> Image:
    """(H, W, 3): that person before an unsteady green."""
    unsteady = np.random.default_rng(index).normal(0, 2, (*outline(index).shape, 3))
    return mixed(outline(index), PERSON, GREEN + unsteady)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known_faces: None) -> Path:
    """The folder that we are in, with the avatar ``anna`` of a film before a screen, and ten frames of speech."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIPSMITH_AVATARS", str(tmp_path / "store"))
    film = write_video(tmp_path / "screen.mp4", [before_screen(index) for index in range(6)])
    AvatarStore().create("anna", film, FakeEngine())
    write_sound(tmp_path / "tone.wav", noise(10 * 640), 16_000, "pcm_s16le")
    return tmp_path


def opaque_films(path: Path) -> list[Image]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def nearest(alpha: Array, outlines: Sequence[Array]) -> int:
    return int(np.argmin([np.abs(alpha - one).mean() for one in outlines]))


@pytest.mark.parametrize("name", ["film.webm", "film.mov"])
def test_the_alpha_in_the_film_is_the_person_s_outline_frame_by_frame(home: Path, name: str) -> None:
    assert run(["speak", "anna", "tone.wav", "-o", name, "--background", "transparent", "-q"]) == 0
    frames, outlines = decode_transparent(home / name), [outline(index) for index in range(6)]
    assert [nearest(frame[..., 3] / 255, outlines) for frame in frames] == ORDER
    for frame, source_frame in zip(frames, ORDER, strict=True):
        alpha, within = frame[..., 3] / 255, depth(source_frame)
        assert np.abs(alpha - outlines[source_frame]).mean() < 0.01
        assert alpha[within >= 4].min() >= 0.98
        assert alpha[within <= -4].max() <= 0.02
        green = frame[..., 1].astype(int) - frame[..., [0, 2]].max(-1)
        assert green[alpha > 0.1].max() < 25  # of the screen's own 113
        assert green[alpha > 0.1].mean() < 0
    with av.open(str(home / name)) as container:
        assert len(container.streams.audio) == 1


def test_a_transparency_that_the_source_brought_is_in_the_film(home: Path) -> None:
    folder = draw_folder(home / "cut_outs", 4)
    outlines = []
    for number, path in enumerate(sorted(folder.iterdir())):
        image = np.asarray(Pillow.open(path).convert("RGB"))
        outlines.append(np.full(image.shape[:2], 255, np.uint8))
        outlines[-1][:, 36:] = 60 * number
        Pillow.fromarray(np.dstack([image, outlines[-1]])).save(path)
    AvatarStore().create("cora", folder, FakeEngine())
    assert run(["speak", "cora", "tone.wav", "-o", "film.mov", "--background", "transparent", "-q"]) == 0
    height, width = outlines[0].shape
    for frame, source_frame in zip(decode_transparent(home / "film.mov"), [0, 1, 2, 3, 2, 1, 0, 1, 2, 3], strict=True):
        assert np.abs(frame[:height, :width, 3].astype(int) - outlines[source_frame]).max() <= 2


def test_a_film_plays_behind_and_begins_again(home: Path) -> None:
    write_video(home / "street.mp4", [numbered(index, SIZE) for index in (1, 5, 9)])
    assert run(["speak", "anna", "tone.wav", "-o", "film.mp4", "--background", "street.mp4", "-q"]) == 0
    frames = opaque_films(home / "film.mp4")
    assert [number_of(frame[100:, 130:]) for frame in frames] == [1, 5, 9, 1, 5, 9, 1, 5, 9, 1]
    for frame in frames:
        assert np.abs(frame[50:80, 8:50].astype(int) - PERSON).mean() < 6


def test_a_picture_lies_behind_scaled_to_fill(home: Path) -> None:
    wide = np.zeros((60, 200, 3), np.uint8)
    wide[:, 60:140] = (200, 10, 90)
    Pillow.fromarray(wide).save(home / "wide.png")
    words = ["speak", "anna", "tone.wav", "-o", "film.mp4", "--background", "wide.png", "--key", "#00b140", "-q"]
    assert run(words) == 0
    for frame in opaque_films(home / "film.mp4"):
        assert np.abs(frame[100:, 8:150].astype(int) - (200, 10, 90)).max() < 12


def test_many_speeches_share_one_engine_and_one_that_fails_loses_no_other(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    loads: list[str] = []

    def load(info: Any, *changes: Any, **how: Any) -> Any:
        loads.append(info.id)
        return engine_of(info, *changes, **how)

    monkeypatch.setattr("lipsmith.pipeline.speak.engine_of", load)
    (home / "lessons").mkdir()
    for name in ("one.wav", "three.wav"):
        write_sound(home / "lessons" / name, noise(3 * 640), 16_000, "pcm_s16le")
    (home / "lessons" / "two.wav").write_bytes(b"RIFF, and then nothing")
    words = ["speak", "anna", "lessons", "tone.wav", "-o", "films", "--format", "webm", "--background", "transparent"]
    assert run(words) == 3
    said = capsys.readouterr()
    assert loads == ["anna"]
    assert sorted(path.name for path in (home / "films").iterdir()) == ["one.webm", "three.webm", "tone.webm"]
    assert "two.wav: failed: " in said.out
    assert "3 of 4 films of anna made" in said.out
    names = [line.partition(",")[0] for line in said.err.splitlines()]
    assert names == ["one.webm: 3/3 frames", "three.webm: 3/3 frames", "tone.webm: 10/10 frames"]
    assert decode_transparent(home / "films" / "three.webm")[0][110, 150, 3] == 0


@pytest.mark.parametrize("where", [["-o", "film.mp4"], ["-o", "films"]])
def test_a_transparent_mp4_is_refused_once_before_any_work(
    home: Path, where: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    there = sorted(home.iterdir())
    assert run(["speak", "anna", "tone.wav", *where, "--background", "transparent"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("cannot be transparent, as .mp4 films have no alpha") == 1
    assert sorted(home.iterdir()) == there


def test_impossible_options_are_refused_as_by_generate(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for options, word in (
        (["--background", "transparant"], "Did you mean 'transparent'"),
        (["--key", "#00b140"], "the background is kept"),
        (["--background", "red", "--key", "alpha"], "no transparent parts"),
        (["--background", "red", "--key", "greenish"], "key is 'greenish'"),
        (["--background", "red", "--key", "#808080"], "nearly grey"),
    ):
        assert run(["speak", "anna", "tone.wav", "-o", "film.mp4", *options]) in (2, 3)
        assert word in capsys.readouterr().err
    assert not (home / "film.mp4").exists()


def laid(words: list[str]) -> Image:
    """The first frame of a film of ``dora`` before blue."""
    assert (
        run(["speak", "dora", "tone.wav", "-o", "film.mp4", "--overwrite", "--background", "#102080", "-q", *words])
        == 0
    )
    return opaque_films(Path("film.mp4"))[0]


def test_a_template_keeps_its_key_so_that_speaking_need_not_say_it(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wall = (190, 120, 80)  # too near to skin to be taken for a screen by itself
    write_video(home / "wall.mp4", [mixed(outline(index), (40, 60, 150), wall) for index in range(6)])
    making = ["avatar", "create", "dora", "wall.mp4", "--engine", "fake", "-q", "--json"]
    assert run([*making, "--key", "auto"]) == 3
    assert "too near to skin" in capsys.readouterr().err
    assert run(["avatar", "check", "dora"]) == 3  # nothing was made
    capsys.readouterr()
    assert run([*making, "--key", "#be7850"]) == 0
    assert json.loads(capsys.readouterr().out)["key"] == "#be7850"
    assert np.abs(laid([])[100:, 100:].astype(int) - (16, 32, 128)).max() < 12
    assert np.abs(laid(["--key", "#00b140"])[100:, 100:].astype(int) - wall).max() < 12  # the film's own key counts
    data = AvatarStore().info("dora").bytes
    assert run(making) == 0  # made of the same, it is found at once, and now knows no key
    assert (AvatarStore().info("dora").key, AvatarStore().info("dora").bytes) == ("none", data)
    assert run(["speak", "dora", "tone.wav", "-o", "no.mp4", "--background", "red"]) == 3
    assert run([*making, "--key", "alpha"]) == 3
    assert AvatarStore().info("dora").key == "none"
    assert run([*making, "--key", "#be7850"]) == 0
    assert run(["avatar", "export", "dora", "dora.lipsmith"]) == 0
    assert run(["avatar", "import", "dora.lipsmith", "--id", "emma"]) == 0
    assert AvatarStore().info("emma").key == "#be7850"
