"""The transparency of videos comes through, in whatever way their codec stores it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lipsmith.errors import PictureError
from lipsmith.media.background import BackgroundOptions, open_alpha, open_replacement
from lipsmith.media.ping_pong import ping_pong_frames
from lipsmith.media.video import open_video_source
from lipsmith.types import AVFrame, Image, SourceFrame
from tests.support.made_media import noise, numbered, write_transparent_video, write_video

SIZE = (98, 66)
KINDS = [
    ("a.mov", "prores_ks", "yuva444p10le"),
    ("a.webm", "libvpx-vp9", "yuva420p"),
    ("a.webm", "libvpx", "yuva420p"),
    ("a.mov", "qtrle", "argb"),
    ("a.mov", "png", "rgba"),
    ("a.mkv", "ffv1", "yuva420p"),
    ("a.mkv", "ffv1", "gbrap12le"),
    ("a.avi", "utvideo", "gbrap"),
]
COLOUR = (200, 60, 30)


def outline(index: int) -> Image:
    """(H, W): clear on the left, then a half clear band that moves, then opaque."""
    alpha = np.full(SIZE[::-1], 255, np.uint8)
    alpha[:, : 32 + 4 * index] = 128
    alpha[:, :24] = 0
    return alpha


def film(path: Path, codec: str, pixels: str, count: int = 4, alphas: list[Image] | None = None) -> Path:
    image = np.full((SIZE[1], SIZE[0], 3), COLOUR, np.uint8)
    alphas = alphas or [outline(k) for k in range(count)]
    return write_transparent_video(path, [np.dstack([image, alpha]) for alpha in alphas], codec, pixels)


@pytest.mark.parametrize(("name", "codec", "pixels"), KINDS)
def test_alpha_comes_through_forward_and_backward(tmp_path: Path, name: str, codec: str, pixels: str) -> None:
    source = open_video_source(film(tmp_path / name, codec, pixels))
    assert source.info.notices == (f"{name}: its transparent parts are laid over white.",)
    alphas = open_alpha(source)
    assert alphas is not None
    for index, image in ping_pong_frames(source, 9, tmp_path):
        wanted = outline(index)
        assert np.abs(alphas(index).astype(int) - wanted).max() <= 2
        over_white = 255 - (255 - np.array(COLOUR)) * (wanted[..., None] / 255)
        inside = np.r_[0:22, 26:30, 48:98]  # away from the edges, where chroma is coarse
        assert np.abs(image[:, inside] - over_white[:, inside]).max() <= 4


@pytest.mark.parametrize("codec", ["libvpx-vp9", "libvpx"])
def test_a_webm_with_alpha_keeps_what_its_container_says(tmp_path: Path, codec: str) -> None:
    def turned_and_hdr(stream: Any) -> None:
        stream.set_display_matrix([0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30])  # a quarter to the right
        context = stream.codec_context
        context.color_primaries, context.color_trc, context.colorspace, context.color_range = 9, 16, 9, 1

    image = np.dstack([np.full((*SIZE[::-1], 3), COLOUR, np.uint8), outline(0)])
    path = write_transparent_video(tmp_path / "a.webm", [image] * 3, codec, "yuva420p", turned_and_hdr)
    source = open_video_source(path)
    assert source.info.size == SIZE[::-1]
    assert "a.webm: its high dynamic range (PQ) is tone-mapped to BT.709." in source.info.notices
    alphas = list(source.alphas())
    assert len(alphas) == 3
    assert all(np.abs(alpha.astype(int) - np.rot90(outline(0), -1)).max() <= 2 for alpha in alphas)


def test_the_person_stands_before_another_background(tmp_path: Path) -> None:
    source = open_video_source(film(tmp_path / "a.mov", "png", "rgba"))
    first = next(iter(source.frames()))
    scene = open_replacement(BackgroundOptions("#102030", "alpha"), first, Fraction(25), open_alpha(source))
    assert scene is not None
    for index, image in enumerate(source.frames()):
        laid = scene.finish(SourceFrame(index, image), AVFrame(index, image, noise(640))).image
        assert (laid[:, :20] == (16, 32, 48)).all()
        assert (laid[:, 60:] == COLOUR).all()
        assert np.abs(laid[:, 26:30].astype(int) - (108, 46, 39)).max() <= 2  # half of both


@pytest.mark.parametrize(("name", "codec", "pixels"), KINDS[:2])
def test_a_format_with_alpha_may_be_opaque(tmp_path: Path, name: str, codec: str, pixels: str) -> None:
    source = open_video_source(film(tmp_path / name, codec, pixels, alphas=[np.full(SIZE[::-1], 255, np.uint8)] * 2))
    assert source.info.notices == ()
    assert open_alpha(source) is None


def test_one_transparent_picture_among_opaque_ones_counts(tmp_path: Path) -> None:
    opaque = np.full(SIZE[::-1], 255, np.uint8)
    source = open_video_source(film(tmp_path / "a.mov", "qtrle", "argb", alphas=[opaque, opaque, outline(0)]))
    assert open_alpha(source) is not None


def test_a_scaled_film_has_scaled_alpha(tmp_path: Path) -> None:
    source = open_video_source(film(tmp_path / "a.mov", "png", "rgba"), max_side=49)
    assert source.info.size == (49, 33)
    assert {alpha.shape for alpha in source.alphas()} == {(33, 49)}
    assert all((image[:, :10] > 250).all() for image in source.frames())


def test_repeated_pictures_repeat_their_alpha(tmp_path: Path) -> None:
    source = open_video_source(film(tmp_path / "a.mov", "png", "rgba"), "50")
    edges = [int((alpha == 128).sum(axis=1)[0]) for alpha in source.alphas()]
    assert edges == [8, 8, 12, 12, 16, 16, 20, 20]
    assert len(edges) == source.info.frames


def test_an_opaque_film_still_says_that_it_has_none(tmp_path: Path) -> None:
    source = open_video_source(write_video(tmp_path / "a.mp4", [numbered(k) for k in range(3)]))
    assert list(source.alphas()) == []
    with pytest.raises(PictureError, match="no transparent parts of its own"):
        open_replacement(BackgroundOptions("red", "alpha"), numbered(0), Fraction(25), open_alpha(source))


def test_a_webm_without_alpha_is_decoded_as_before(tmp_path: Path) -> None:
    source = open_video_source(write_video(tmp_path / "a.webm", [numbered(k) for k in range(3)], codec="libvpx-vp9"))
    assert [round((float(image.mean()) - 20) / 7) for image in source.frames()] == [0, 1, 2]
