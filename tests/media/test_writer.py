"""Films out: right pictures, whole or not at all, and one sentence when it cannot be."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lipsmith.errors import OptionError, OutputError
from lipsmith.media import writer as writer_module
from lipsmith.media.probe import probe
from lipsmith.media.sound import open_speech
from lipsmith.media.video import open_video_source
from lipsmith.media.writer import FilmOptions, FilmWriter, check_output, container_of
from lipsmith.types import AVFrame, FilmInfo, Image
from tests.support.made_media import noise, number_of, numbered, write_sound

FPS = Fraction(25)
INFO = FilmInfo((64, 48), FPS, 16000)


def frame(index: int, image: Image | None = None) -> AVFrame:
    return AVFrame(index, numbered(index % 30) if image is None else image, noise(640, index))


def write(path: Path, frames: int = 12, info: FilmInfo = INFO, options: FilmOptions | None = None) -> Path:
    with FilmWriter(path, info, None, options) as film:
        for k in range(frames):
            film.write(frame(k))
    return path


@pytest.mark.parametrize("name", ["a.mp4", "a.MP4", "a.m4v", "a.mov", "a.webm"])
def test_every_frame_arrives_in_its_place(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name)
    assert [number_of(image) for image in open_video_source(path, "source").frames()] == list(range(12))
    film = probe(path)
    assert (film.frames, film.fps, film.size, film.pix_fmt) == (12, 25, (64, 48), "yuv420p")
    assert film.video_codec == ("vp9" if name == "a.webm" else "h264")
    assert film.audio_codec == ("opus" if name == "a.webm" else "aac")
    assert film.faststart
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.webm"])
@pytest.mark.parametrize("fps", [Fraction(30000, 1001), Fraction(24000, 1001), Fraction(60), Fraction(12)])
def test_the_rate_is_exact(tmp_path: Path, name: str, fps: Fraction) -> None:
    path = write(tmp_path / name, info=FilmInfo((64, 48), fps, 16000))
    assert open_video_source(path, "source").info.fps == fps
    assert [number_of(image) for image in open_video_source(path, "source").frames()] == list(range(12))
    if not name.endswith(".webm"):
        assert probe(path).fps == fps
        assert abs(probe(path).picture_seconds - float(12 / fps)) < 1e-4


@pytest.mark.parametrize("name", ["a.mp4", "a.webm"])
@pytest.mark.parametrize("size", [(320, 240), (1280, 720)])
def test_colours_arrive_and_are_tagged(tmp_path: Path, name: str, size: tuple[int, int]) -> None:
    import av

    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (200, 120, 60)]
    bars = np.repeat(np.array(colours, np.uint8), -(-size[0] // len(colours)), axis=0)[: size[0]]
    image = np.tile(bars, (size[1], 1, 1))
    with FilmWriter(tmp_path / name, FilmInfo(size, FPS, 16000)) as film:
        for k in range(2):
            film.write(frame(k, image))
    seen = list(open_video_source(tmp_path / name).frames())[-1].astype(int)
    for k, colour in enumerate(colours):
        at = (2 * k + 1) * size[0] // (2 * len(colours))
        assert np.abs(seen[size[1] // 2, at] - colour).max() <= 5
    with av.open(str(tmp_path / name)) as container:
        first = next(container.decode(video=0))
        assert (first.colorspace, first.color_range, first.color_primaries) == (1, 1, 1)


@pytest.mark.parametrize("name", ["a.mp4", "a.webm"])
@pytest.mark.parametrize("size", [(63, 48), (64, 47), (33, 17), (16, 16), (17, 16), (16, 17), (1921, 17)])
def test_odd_sizes_grow_by_a_repeated_edge(tmp_path: Path, size: tuple[int, int], name: str) -> None:
    image = np.random.default_rng(0).integers(90, 110, (size[1], size[0], 3), dtype=np.uint8)
    image[:, -1] = image[-1, :] = 240
    with FilmWriter(tmp_path / name, FilmInfo(size, FPS, 16000), None, FilmOptions(crf=4)) as film:
        film.write(frame(0, image))
    seen = next(open_video_source(tmp_path / name).frames())
    assert seen.shape == (size[1] + size[1] % 2, size[0] + size[0] % 2, 3)
    assert np.abs(seen[: size[1], : size[0]].astype(int) - image).mean() < 6
    if size[0] % 2:
        assert seen[:, -1].min() > 200


def test_finer_quality_makes_a_larger_film(tmp_path: Path) -> None:
    images = [np.random.default_rng(k).integers(0, 255, (48, 64, 3), dtype=np.uint8) for k in range(5)]
    sizes = []
    for crf in (10, 40):
        with FilmWriter(tmp_path / "a.mp4", INFO, None, FilmOptions(crf=crf)) as film:
            for k, image in enumerate(images):
                film.write(frame(k, image))
        sizes.append((tmp_path / "a.mp4").stat().st_size)
    assert sizes[0] > 2 * sizes[1]


@pytest.mark.parametrize("error", [RuntimeError("boom"), KeyboardInterrupt()])
@pytest.mark.parametrize("after", [0, 1, 30])
def test_an_interruption_leaves_nothing_and_spares_what_was_there(
    tmp_path: Path, error: BaseException, after: int
) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"the old film")
    with pytest.raises(type(error)), FilmWriter(path, INFO) as film:  # noqa: PT012
        for k in range(after):
            film.write(frame(k))
        raise error
    assert path.read_bytes() == b"the old film"
    assert list(tmp_path.iterdir()) == [path]


@pytest.fixture
def interruptible() -> Iterator[None]:
    """What was started in the background of a script ignores interrupts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_a_real_interrupt_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), FilmWriter(tmp_path / "a.mp4", INFO) as film:  # noqa: PT012
        for k in range(100):
            film.write(frame(k))
            if k == 5:
                signal.raise_signal(signal.SIGINT)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_while_closing_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(writer_module, "_append_and_sync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "a.mp4")
    assert list(tmp_path.iterdir()) == []


def test_closing_twice_and_aborting_after_closing_do_no_harm(tmp_path: Path) -> None:
    film = FilmWriter(tmp_path / "a.mp4", INFO)
    film.open()
    film.write(frame(0))
    film.close()
    film.close()
    film.abort()
    assert probe(tmp_path / "a.mp4").frames == 1


def test_the_film_is_not_seen_before_it_is_whole(tmp_path: Path) -> None:
    with FilmWriter(tmp_path / "a.mp4", INFO) as film:
        film.write(frame(0))
        assert not (tmp_path / "a.mp4").exists()
        assert all(entry.name.startswith(".") for entry in tmp_path.iterdir())
    assert (tmp_path / "a.mp4").exists()


def test_a_film_that_appears_meanwhile_stays_and_the_new_one_stands_beside_it(tmp_path: Path) -> None:
    film = tmp_path / "a.mp4"
    with FilmWriter(film, INFO, options=FilmOptions(overwrite=False)) as writer:
        writer.write(frame(0))
        film.write_bytes(b"another film")
    assert writer.path == tmp_path / "a-2.mp4"
    assert probe(writer.path).frames == 1
    assert film.read_bytes() == b"another film"
    with pytest.raises(OutputError, match=r"a.mp4 is there already: choose another name, or say --overwrite"):
        FilmWriter(film, INFO, options=FilmOptions(overwrite=False))
    assert len(list(tmp_path.iterdir())) == 2


def test_a_frame_of_another_size_is_a_mistake_of_the_caller(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="frame 0 is 32x32"), FilmWriter(tmp_path / "a.mp4", INFO) as film:
        film.write(frame(0, np.zeros((32, 32, 3), np.uint8)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("limit", [0, 500, 3000, 20_000, 60_000, 118_000, 121_000, 124_000, 127_000, 130_000])
@pytest.mark.parametrize("name", ["a.mp4", "a.webm"])
def test_a_full_disk_is_one_sentence_and_nothing_is_left(tmp_path: Path, name: str, limit: int) -> None:
    """A real limit on the file's size, met while writing, while closing or while the index moves to the front."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    noisy = np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    path = tmp_path / name
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
        with FilmWriter(path, INFO) as film:
            for k in range(40):
                film.write(frame(k, np.roll(noisy, 13 * k, axis=1)))
    except OutputError as error:
        full = str(error)
        assert full.startswith("The disk is full")
        assert "\n" not in full
        assert list(tmp_path.iterdir()) == []
    else:
        assert path.stat().st_size <= limit
        assert len(list(open_video_source(path).frames())) == 40
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_no_space_while_encoding_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OutputError, match="The disk is full"), FilmWriter(tmp_path / "a.mp4", INFO) as film:  # noqa: PT012
        monkeypatch.setattr(film, "_video", type("Full", (), {"encode": full})())
        film.write(frame(0))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.avi", "a", "a.mp3", "a.mp4.txt"])
def test_an_unknown_extension_names_those_allowed(tmp_path: Path, name: str) -> None:
    with pytest.raises(OptionError, match=r"\.mp4, \.mov, \.m4v or \.webm"):
        FilmWriter(tmp_path / name, INFO)


def test_the_container_follows_the_extension() -> None:
    assert [container_of(Path(name)) for name in ("a.MP4", "b.m4v", "c.mov", "d.webm")] == ["mp4", "mp4", "mov", "webm"]


def test_a_folder_is_no_film(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        check_output(tmp_path / "a.mp4")


def test_a_missing_folder_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="nowhere does not exist: make it first"):
        FilmWriter(tmp_path / "nowhere" / "a.mp4", INFO)
    assert not (tmp_path / "nowhere").exists()


def test_a_folder_that_may_not_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anywhere
    with pytest.raises(OutputError, match="may not be written to"):
        check_output(tmp_path / "a.mp4")


def test_an_output_that_is_an_input_is_refused_however_it_is_spelt(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", 2)
    link, hard = tmp_path / "link.mp4", tmp_path / "hard.mp4"
    (tmp_path / "x").mkdir()
    link.symlink_to(path)
    hard.hardlink_to(path)
    for name in (path, tmp_path / "x" / ".." / "a.mp4", link, hard):
        with pytest.raises(OutputError, match="also an input"):
            check_output(name, [tmp_path / "other.wav", path])
    check_output(tmp_path / "b.mp4", [path])


@pytest.mark.parametrize("name", ["x" * 300 + ".mp4", "loop.mp4"])
def test_an_impossible_name_is_refused_before_the_work(tmp_path: Path, name: str) -> None:
    (tmp_path / "loop.mp4").symlink_to(tmp_path / "loop.mp4")
    with pytest.raises(OutputError, match="choose another name"):
        check_output(tmp_path / name, [tmp_path / "a.png"])


def test_a_sheet_does_not_join_the_pictures_it_shows(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    check_output(tmp_path / "pictures.png", [tmp_path / "pictures"], sheet=True)
    for name in ("001.png", "sheet.png"):
        with pytest.raises(OutputError, match="choose another folder"):
            check_output(tmp_path / "pictures" / name, [tmp_path / "pictures"], sheet=True)


def test_a_sheet_is_a_png(tmp_path: Path) -> None:
    check_output(tmp_path / "a.png", sheet=True)
    with pytest.raises(OptionError, match=r"\.png"):
        check_output(tmp_path / "a.mp4", sheet=True)


def test_the_folder_vanishing_midway_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    film = FilmWriter(folder / "a.mp4", INFO)
    folder.rmdir()
    with pytest.raises(OutputError, match="could not be written"):
        film.open()


def test_memory_does_not_grow_with_the_film(tmp_path: Path) -> None:
    import tracemalloc

    speech = open_speech(write_sound(tmp_path / "a.flac", noise(320_000), 16000, "flac", "s16"))
    image = numbered(3, (160, 120))
    tracemalloc.start()
    with FilmWriter(tmp_path / "a.mp4", FilmInfo((160, 120), FPS, 16000), speech, FilmOptions(frames=500)) as film:
        for k in range(500):
            film.write(AVFrame(k, image, noise(0)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_500_000
