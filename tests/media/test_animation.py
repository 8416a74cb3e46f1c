"""GIF, WebP, PNG and AVIF animations play at their own times, with their transparency."""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from lipsmith.errors import PictureError
from lipsmith.jobs import probe as probe_module
from lipsmith.jobs.probe import ProbeLimits, probe_picture
from lipsmith.media import animation as animation_module
from lipsmith.media.animation import read_animation
from lipsmith.media.animation_times import stated_times
from lipsmith.media.background import BackgroundOptions, open_alpha, open_replacement
from lipsmith.media.ping_pong import ping_pong_frames
from lipsmith.media.video import AnimationSource, VideoSource, open_video_source
from tests.support.made_media import number_of, numbered

NAMES = ["a.gif", "a.webp", "a.png", "a.avif"]
TIMES = [100, 200, 40, 80]
"""Milliseconds of the pictures of ``animation``."""
LIMITS = ProbeLimits(megapixels=1, seconds=60)


def animation(path: Path, times: list[int] | int | None = None, clear: int = 0, **options: Any) -> Path:
    """Numbered pictures whose first ``clear`` columns are transparent, and the next picture's two more."""
    pictures = []
    for k in range(len(TIMES)):
        alpha = np.full((48, 64), 255, np.uint8)
        alpha[:, : clear + 2 * k * (clear > 0)] = 0
        image = numbered(k)
        pictures.append(Pillow.fromarray(np.dstack([image, alpha]) if clear else image))
    if path.suffix == ".webp":
        options["lossless"] = True
    if path.suffix == ".gif":
        options["disposal"] = 2
    times = TIMES if times is None else times
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=times, **options)
    return path


def numbers(source: VideoSource) -> list[int]:
    return [number_of(image) for image in source.frames()]


@pytest.mark.parametrize("name", NAMES)
def test_pictures_show_at_their_own_times(tmp_path: Path, name: str) -> None:
    source = open_video_source(animation(tmp_path / name), "50")
    assert isinstance(source, AnimationSource)
    assert numbers(source) == [0] * 5 + [1] * 10 + [2] * 2 + [3] * 4
    info = source.info
    assert (info.kind, info.size, info.frames, info.codec) == ("video", (64, 48), 21, name[2:])
    assert info.notices == ()
    assert numbers(source) == numbers(source)


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.png"])
@pytest.mark.parametrize("times", [TIMES, [0, 10, 20, 60_000], 70])
def test_headers_state_the_times_that_decoding_finds(tmp_path: Path, name: str, times: list[int] | int) -> None:
    path = animation(tmp_path / name, times)
    found = read_animation(path, 64)
    stated = stated_times(path)
    assert found is not None
    assert stated is not None
    assert [*accumulate(stated, initial=0)] == [*found.starts, found.seconds]


def test_only_animations_state_times(tmp_path: Path, astronaut_file: Path) -> None:
    Pillow.new("RGB", (20, 20)).save(tmp_path / "a.png")
    assert list(stated_times(tmp_path / "a.png") or ["another format"]) == []
    assert stated_times(astronaut_file) is None
    for kind in (b"GIF89a", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP"):
        for rest in (b"", b"!", b"!\xf9", b"!\xf9\x04", b"\0\0\0\x1afcTL", b"ANMF\0\0\0\0", bytes(range(256))):
            (tmp_path / "cut").write_bytes(kind + rest)
            assert len(list(stated_times(tmp_path / "cut") or ())) <= 5


def test_an_animation_of_days_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(animation_module, "LONGEST", 3600)
    with pytest.raises(PictureError, match="for more than 1 hours: shorten their durations, or make a video of it"):
        open_video_source(animation(tmp_path / "a.png", 1_000_000))


@pytest.mark.parametrize("name", NAMES)
def test_a_single_picture_stays_an_image(tmp_path: Path, name: str) -> None:
    Pillow.fromarray(numbered(3)).save(tmp_path / name)
    assert open_video_source(tmp_path / name).info.kind == "image"


@pytest.mark.parametrize(("name", "times"), [("a.gif", 0), ("a.gif", 10), ("a.webp", 0), ("a.png", 0)])
def test_pictures_without_a_time_show_as_long_as_in_browsers(tmp_path: Path, name: str, times: int) -> None:
    assert open_video_source(animation(tmp_path / name, times), "10").info.frames == len(TIMES)


def test_a_rate_of_thirty_repeats_nothing(tmp_path: Path) -> None:
    source = open_video_source(animation(tmp_path / "a.webp", [33, 34, 33, 33]), "30")
    assert numbers(source) == [0, 1, 2, 3]


@pytest.mark.parametrize(("times", "rate"), [(40, 25), ([50, 20, 50, 50], 50), (33, Fraction(1000, 33)), (2000, 1)])
def test_its_own_rate_is_that_of_its_shortest_picture(tmp_path: Path, times: Any, rate: Fraction) -> None:
    source = open_video_source(animation(tmp_path / "a.webp", times), "source")
    assert source.info.fps == pytest.approx(float(rate), rel=0.001)
    assert sorted(set(numbers(source))) == [0, 1, 2, 3]


@pytest.mark.parametrize("name", NAMES)
def test_transparency_follows_the_pictures_forward_and_backward(tmp_path: Path, name: str) -> None:
    source = open_video_source(animation(tmp_path / name, 40, clear=20))
    assert source.info.notices == (f"{name}: its transparent parts are laid over white.",)
    assert all((image[:, :16] > 250).all() for image in source.frames())
    alphas = open_alpha(source)
    assert alphas is not None
    seen = [round(float((alphas(index) < 128).mean() * 64)) for index, _ in ping_pong_frames(source, 9, tmp_path)]
    assert seen == [20, 22, 24, 26, 24, 22, 20, 22, 24]


def test_a_png_s_picture_for_plain_viewers_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    plain, *others = (Pillow.fromarray(numbered(k)) for k in (20, 1, 2))
    plain.save(path, save_all=True, append_images=others, duration=40, default_image=True)
    assert numbers(open_video_source(path)) == [1, 2]


def test_an_animation_that_breaks_off_plays_what_is_there(tmp_path: Path) -> None:
    noisy = np.random.default_rng(0).integers(0, 255, (4, 64, 64, 3), dtype=np.uint8)
    first, *others = (Pillow.fromarray(one) for one in noisy)
    first.save(tmp_path / "a.png", save_all=True, append_images=others, duration=40)
    data = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(data[: len(data) * 5 // 8])
    source = open_video_source(tmp_path / "a.png")
    assert source.info.frames == 2
    assert source.info.notices == ("a.png: it breaks off: 2 of 4 pictures are there.",)
    assert np.array_equal(list(source.frames())[1], noisy[1])


def test_an_animation_serves_as_background(tmp_path: Path) -> None:
    on_green = np.full((48, 64, 3), (0, 177, 64), np.uint8)
    on_green[:, 24:40] = 90
    path = animation(tmp_path / "a.gif", 40)
    scene = open_replacement(BackgroundOptions(str(path)), on_green, Fraction(25))
    assert scene is not None
    assert scene.background is not None
    assert [number_of(scene.background.at(k)) for k in range(6)] == [0, 1, 2, 3, 0, 1]


@pytest.mark.parametrize("name", NAMES)
def test_an_upload_is_measured(tmp_path: Path, name: str) -> None:
    probed = probe_picture(animation(tmp_path / name), LIMITS)
    assert (probed.kind, probed.size, probed.has_sound) == ("video", (64, 48), False)
    assert probed.seconds == pytest.approx(0.42)


def test_uploads_that_play_or_unpack_too_long_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = animation(tmp_path / "a.gif", 60_000)
    with pytest.raises(PictureError, match="longer than the 1 minutes that are accepted"):
        probe_picture(path, LIMITS)
    with pytest.raises(PictureError, match=r"64x48 pixels; up to 0\.001 million"):
        probe_picture(path, ProbeLimits(0.001, 60))
    monkeypatch.setattr(probe_module, "MOST_ANIMATED_PIXELS", 2 * 64 * 48)
    with pytest.raises(PictureError, match="more than 2 pictures of 64x48 pixels: make a video of it"):
        probe_picture(animation(tmp_path / "b.gif"), LIMITS)
