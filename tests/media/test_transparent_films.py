"""Transparent films: alpha and colours come back from VP9 in webm and ProRes 4444 in mov, with mark and sound."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from lipsmith.errors import OptionError
from lipsmith.media.probe import probe, read_provenance
from lipsmith.media.writer import FilmOptions, FilmWriter
from lipsmith.types import AVFrame, FilmInfo
from tests.support.made_media import decode_transparent, noise

FPS = Fraction(25)
SIZE = (96, 64)


def picture(index: int, size: tuple[int, int] = SIZE) -> AVFrame:
    """Red, with a clear left third, a half clear band and an opaque rest that moves."""
    image = np.full((size[1], size[0], 3), (200, 40, 30), np.uint8)
    alpha = np.full(image.shape[:2], 255, np.uint8)
    alpha[:, : size[0] // 3 + index] = 128
    alpha[:, : size[0] // 3] = 0
    alpha[:, size[0] // 3 : size[0] // 3 + 16] = 128
    return AVFrame(index, image, noise(640, index), alpha)


def write(path: Path, frames: int = 10, size: tuple[int, int] = SIZE) -> Path:
    with FilmWriter(path, FilmInfo(size, FPS, 16000), None, FilmOptions(transparent=True, engine="fake 1")) as film:
        for index in range(frames):
            film.write(picture(index, size))
    return path


@pytest.mark.parametrize("name", ["a.webm", "a.mov"])
def test_alpha_and_colours_come_back(tmp_path: Path, name: str) -> None:
    frames = decode_transparent(write(tmp_path / name))
    assert len(frames) == 10
    for index, frame in enumerate(frames):
        theirs = picture(index).alpha
        assert theirs is not None
        assert np.abs(frame[..., 3].astype(int) - theirs).max() <= 2
        assert frame[:, 4:24, 3].max() == 0
        assert frame[:, 70:, 3].min() == 255
        assert np.abs(frame[:, 70:, :3].astype(int) - (200, 40, 30)).max() <= 3


@pytest.mark.parametrize("name", ["a.webm", "a.mov"])
def test_no_pixel_of_alpha_is_lost_in_hundreds_of_small_frames(tmp_path: Path, name: str) -> None:
    """Threads of libswscale left eight pixels half opaque in one of twenty."""
    alpha = np.full((38, 50), 255, np.uint8)
    alpha[:, 36:] = 60
    image = np.random.default_rng(0).integers(0, 255, (38, 50, 3), dtype=np.uint8)
    with FilmWriter(tmp_path / name, FilmInfo((50, 38), FPS, 16000), None, FilmOptions(transparent=True)) as film:
        for index in range(300):
            film.write(AVFrame(index, image, noise(640), alpha))
    frames = decode_transparent(tmp_path / name)
    assert len(frames) == 300
    for frame in frames:
        assert np.abs(frame[..., 3].astype(int) - alpha).max() <= 2


@pytest.mark.parametrize(("name", "codec"), [("a.webm", "vp9"), ("a.mov", "prores")])
def test_the_film_keeps_its_mark_and_its_sound(tmp_path: Path, name: str, codec: str) -> None:
    path = write(tmp_path / name)
    assert read_provenance(path)
    assert probe(path).frames == 10
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.codec.canonical_name == codec
        assert len(container.streams.audio) == 1


def test_a_webm_says_to_browsers_that_it_has_alpha(tmp_path: Path) -> None:
    assert b"\x53\xc0\x81\x01" in write(tmp_path / "a.webm").read_bytes()[:4096]  # Matroska's AlphaMode: 1


@pytest.mark.parametrize("name", ["a.webm", "a.mov"])
def test_odd_sizes_grow_by_one(tmp_path: Path, name: str) -> None:
    assert decode_transparent(write(tmp_path / name, 2, (95, 63)))[0].shape == (64, 96, 4)


@pytest.mark.parametrize("name", ["a.mp4", "a.m4v"])
def test_mp4_is_refused_with_what_to_take_instead(tmp_path: Path, name: str) -> None:
    with pytest.raises(OptionError, match=r"\.webm \(VP9.*\.mov \(ProRes 4444"):
        FilmWriter(tmp_path / name, FilmInfo(SIZE, FPS, 16000), None, FilmOptions(transparent=True))


def test_a_frame_without_alpha_is_opaque(tmp_path: Path) -> None:
    path = tmp_path / "a.mov"
    with FilmWriter(path, FilmInfo(SIZE, FPS, 16000), None, FilmOptions(transparent=True)) as film:
        film.write(AVFrame(0, picture(0).image, noise(640)))
    assert decode_transparent(path)[0][..., 3].min() == 255
