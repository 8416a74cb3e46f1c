"""What is behind: the right colour, picture or film at its own beat; and refusals in one sentence."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from lipsmith.errors import OptionError, PictureError
from lipsmith.media.background import (
    BackgroundOptions,
    BackgroundReplacement,
    VideoBackground,
    checkerboard,
    open_alpha,
    open_replacement,
    parse_colour,
    resize_to_cover,
)
from lipsmith.media.stills import read_alpha
from lipsmith.media.video import open_video_source
from lipsmith.types import AVFrame, Image, SourceFrame
from tests.support.made_media import noise, number_of, numbered, write_video

FPS = Fraction(25)
GREEN = (0, 177, 64)


def before_screen() -> Image:
    """48 x 64 px: a grey person before green."""
    image = np.full((48, 64, 3), GREEN, np.uint8)
    image[16:, 20:44] = 120
    return image


def opened(background: str, key: str = "auto", sheet: bool = False) -> BackgroundReplacement:
    scene = open_replacement(BackgroundOptions(background, key), before_screen(), FPS, sheet=sheet)
    assert scene is not None
    return scene


def finished(scene: BackgroundReplacement, index: int = 0, image: Image | None = None) -> AVFrame:
    spoken = before_screen() if image is None else image
    return scene.finish(SourceFrame(0, before_screen()), AVFrame(index, spoken, noise(640)))


def rgba(path: Path, opaque: int = 24) -> Path:
    pixels = np.full((48, 64, 4), (90, 90, 90, 255), np.uint8)
    pixels[:, opaque:, 3] = 0
    Pillow.fromarray(pixels).save(path)
    return path


def test_keep_asks_for_nothing() -> None:
    assert open_replacement(BackgroundOptions("keep"), np.zeros((48, 64, 3), np.uint8), FPS) is None


@pytest.mark.parametrize(("words", "colour"), [("#3060c0", (48, 96, 192)), ("#fff", (255,) * 3), ("Navy", (0, 0, 128))])
def test_a_colour_lies_behind(words: str, colour: tuple[int, ...]) -> None:
    frame = finished(opened(words))
    assert frame.alpha is None
    assert (frame.image[2, 2] == colour).all()
    assert (frame.image[40, 32] == 120).all()


def test_a_picture_fills_the_frame(tmp_path: Path) -> None:
    wide = np.zeros((60, 200, 3), np.uint8)
    wide[:, 50:150] = (200, 10, 10)
    Pillow.fromarray(wide).save(tmp_path / "wide.png")
    frame = finished(opened(str(tmp_path / "wide.png")))
    assert (np.abs(frame.image[:14].astype(int) - (200, 10, 10)) < 4).all()


def test_a_film_plays_behind_at_the_film_s_rate_and_begins_again(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [numbered(k) for k in range(5)], Fraction(25, 2))
    background = VideoBackground(open_video_source(path, FPS), (64, 48))
    assert [number_of(background.at(index)) for index in (0, 0, 1, 2, 9, 10, 13)] == [0, 0, 0, 1, 4, 0, 1]


def test_a_drawn_mouth_is_no_hole_but_a_moved_edge_is_followed() -> None:
    spoken = np.roll(before_screen(), 2, axis=1)
    spoken[30:34, 28:36] = GREEN  # a mouth that would be keyed away
    frame = finished(opened("transparent"), image=spoken)
    assert frame.alpha is not None
    assert (frame.alpha[30:34, 28:36] == 255).all()
    assert (frame.image[30:34, 28:36] == GREEN).all()
    assert (frame.alpha[20:, :22] == 0).all()
    assert (frame.alpha[20:, 22:46] == 255).all()


def test_where_a_portraits_head_moves_far_no_screen_stays_behind_it() -> None:
    still = before_screen().repeat(6, 0).repeat(6, 1)  # 288 x 384 px, the person from column 120 to 263
    moved = np.roll(still, 20, axis=1)
    scene = open_replacement(BackgroundOptions("transparent", head_moves=True), still, FPS)
    assert scene is not None
    frame = scene.finish(SourceFrame(0, still), AVFrame(0, moved, noise(640)))
    assert frame.alpha is not None
    assert (frame.alpha[120:, :138] == 0).all()
    assert (frame.alpha[120:, 142:280] == 255).all()


def test_a_sheet_shows_nothing_as_a_checkerboard() -> None:
    frame = finished(opened("transparent", sheet=True))
    assert frame.alpha is None
    assert np.array_equal(frame.image[:14], checkerboard((64, 48))[:14])


@pytest.mark.parametrize("key", ["auto", "alpha"])
def test_a_picture_s_own_transparency_is_used(tmp_path: Path, key: str) -> None:
    path = rgba(tmp_path / "a.png")
    image = next(iter(open_video_source(path).frames()))
    scene = open_replacement(BackgroundOptions("#102030", key), image, FPS, open_alpha(open_video_source(path)))
    assert scene is not None
    laid = scene.finish(SourceFrame(0, image), AVFrame(0, image, noise(640))).image
    assert (laid[:, :24] == 90).all()
    assert (laid[:, 24:] == (16, 32, 48)).all()


def test_a_folder_brings_one_transparency_per_picture(tmp_path: Path) -> None:
    for number, opaque in ((1, 10), (2, 30)):
        rgba(tmp_path / f"{number}.png", opaque)
    alphas = open_alpha(open_video_source(tmp_path))
    assert alphas is not None
    assert [int((alphas(index)[0] == 255).sum()) for index in (1, 0)] == [30, 10]


def test_transparency_keeps_the_size_that_the_picture_is_read_at(tmp_path: Path) -> None:
    assert read_alpha(rgba(tmp_path / "a.png"), 32).shape == (24, 32)


def test_opaque_pictures_and_films_bring_none(tmp_path: Path) -> None:
    film = write_video(tmp_path / "a.mp4", [numbered(1)] * 3)
    Pillow.fromarray(before_screen()).save(tmp_path / "b.png")
    rgba(tmp_path / "c.png", 64)
    assert [open_alpha(open_video_source(path)) for path in (film, tmp_path / "b.png", tmp_path / "c.png")] == [
        None
    ] * 3
    with pytest.raises(PictureError, match="no transparent parts"):
        opened("red", key="alpha")


@pytest.mark.parametrize("words", ["#12", "#gggggg", "#11223344"])
def test_a_wrong_colour_is_said(words: str) -> None:
    with pytest.raises(OptionError, match="is no colour: write it as #rrggbb"):
        parse_colour(words)


def test_no_such_background_is_said_with_the_nearest() -> None:
    with pytest.raises(OptionError, match=r"no such file, and no colour.*Did you mean 'transparent'"):
        opened("transparant")


@pytest.mark.parametrize("key", ["screen.png", "#808080", "#12345"])
def test_a_wrong_key_is_said(key: str) -> None:
    with pytest.raises(OptionError):
        opened("red", key=key)


@pytest.mark.parametrize("size", [(64, 48), (48, 64), (101, 33), (7, 200)])
def test_covering_fills_any_size_and_keeps_the_middle(size: tuple[int, int]) -> None:
    image = np.zeros((50, 80, 3), np.uint8)
    image[20:30, 35:45] = 255
    covered = resize_to_cover(image, size)
    assert covered.shape == (size[1], size[0], 3)
    assert covered[size[1] // 2, size[0] // 2].min() > 200
