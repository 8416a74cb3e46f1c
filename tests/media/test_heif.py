"""HEIC and AVIF: the whole photograph with its grid, turned once, with transparency, colours and its limits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
from PIL import Image as Pillow

from lipsmith.errors import PictureError
from lipsmith.jobs.probe import ProbeLimits, probe_picture
from lipsmith.media.background import BackgroundOptions, open_alpha, open_replacement
from lipsmith.media.stills import MAX_BOXES, _outer_boxes, is_still, list_images, read_alpha, read_still
from lipsmith.media.video import open_video_source
from lipsmith.types import Image
from tests.media.test_stills import swapped
from tests.support.made_media import numbered, write_video

NAMES = ["a.heic", "a.avif"]
LIMITS = ProbeLimits(megapixels=1, seconds=60)


def corners(width: int = 192, height: int = 128) -> Image:
    """(H, W, 3): a red, a green, a blue and a grey quarter."""
    image = np.full((height, width, 3), 120, np.uint8)
    image[: height // 2, : width // 2] = (220, 30, 30)
    image[: height // 2, width // 2 :] = (30, 200, 30)
    image[height // 2 :, : width // 2] = (30, 30, 210)
    return image


def save(path: Path, image: Image, **options: Any) -> Path:
    pillow_heif.register_heif_opener()
    Pillow.fromarray(image).save(path, quality=95, **options)
    return path


def off(seen: Image, wanted: Image) -> float:
    assert seen.shape == wanted.shape
    return float(np.abs(seen.astype(int) - wanted).mean())


def test_a_phone_s_grid_of_tiles_is_one_photograph(tmp_path: Path) -> None:
    path = save(tmp_path / "a.heic", corners(320, 256), tile_size=128)
    assert open_video_source(path).info.size == (320, 256)
    image, kind, notices = read_still(path, 3840)
    assert off(image, corners(320, 256)) < 3
    assert (kind, notices) == ("heif", ())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_photograph_is_turned_once(tmp_path: Path, name: str, orientation: int) -> None:
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path / name, corners(), exif=exif.tobytes())
    Pillow.fromarray(corners()).save(tmp_path / "b.png", exif=exif.tobytes())
    assert off(read_still(path, 3840)[0], read_still(tmp_path / "b.png", 3840)[0]) < 3
    assert len(list_images(path.parent)) == 2  # of one size as displayed


@pytest.mark.parametrize("name", NAMES)
def test_transparency_is_kept(tmp_path: Path, name: str) -> None:
    alpha = np.full((128, 192), 255, np.uint8)
    alpha[:, :64] = 0
    path = save(tmp_path / name, np.dstack([corners(), alpha]))
    image, _, notices = read_still(path, 3840)
    assert image[:, :56].min() > 250
    assert off(image[:, 72:], corners()[:, 72:]) < 5
    assert notices == (f"{name}: its transparent parts are laid over white.",)
    assert np.abs(read_alpha(path, 3840).astype(int) - alpha).mean() < 2
    assert open_alpha(open_video_source(path)) is not None


@pytest.mark.parametrize("name", NAMES)
def test_colours_come_through_the_profile(tmp_path: Path, name: str) -> None:
    path = save(tmp_path / name, corners(), icc_profile=swapped())
    assert off(read_still(path, 3840)[0], corners()[..., ::-1]) < 4


def test_tagged_wide_colours_become_more_colourful(tmp_path: Path) -> None:
    image = corners() // 2 + 60
    path = save(tmp_path / "a.heic", image, color_primaries=12, transfer_characteristics=13)
    seen, _, notices = read_still(path, 3840)
    assert np.ptp(seen.astype(int), axis=2).mean() > 1.1 * np.ptp(image.astype(int), axis=2).mean()
    assert off(seen[70:, 100:], image[70:, 100:]) < 2  # grey stays
    assert notices == ("a.heic: its wide colours (P3) are converted to BT.709.",)


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_may_hold_them(tmp_path: Path, name: str) -> None:
    for k in (2, 10):
        save(tmp_path / f"{k}{Path(name).suffix}", numbered(k))
    source = open_video_source(tmp_path)
    assert (source.info.kind, source.info.frames) == ("folder", 2)
    assert [round((float(image.mean()) - 20) / 7) for image in source.frames()] == [2, 10]


@pytest.mark.parametrize("name", NAMES)
def test_they_serve_as_background(tmp_path: Path, name: str) -> None:
    path = save(tmp_path / name, corners(64, 48))
    on_green = np.full((48, 64, 3), (0, 177, 64), np.uint8)
    on_green[:, 24:40] = 90
    scene = open_replacement(BackgroundOptions(str(path)), on_green, open_video_source(path).info.fps)
    assert scene is not None
    assert scene.background is not None
    assert off(scene.background.at(0), corners(64, 48)) < 4


@pytest.mark.parametrize("name", NAMES)
def test_an_upload_is_measured_by_its_pixels(tmp_path: Path, name: str) -> None:
    probed = probe_picture(save(tmp_path / name, corners()), LIMITS)
    assert (probed.kind, probed.size) == ("image", (192, 128))
    large = save(tmp_path / f"b{Path(name).suffix}", np.zeros((1010, 1000, 3), np.uint8))
    with pytest.raises(PictureError, match="1000x1010 pixels; up to 1 million fit here"):
        probe_picture(large, LIMITS)


@pytest.mark.parametrize("name", NAMES)
def test_one_that_cannot_be_decoded_is_never_a_video_of_a_tile(tmp_path: Path, name: str) -> None:
    noisy = np.random.default_rng(0).integers(0, 255, (256, 256, 3), dtype=np.uint8)
    options = {"tile_size": 128} if name == "a.heic" else {}
    path = save(tmp_path / name, noisy, **options)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert is_still(path)
    with pytest.raises(PictureError, match="is a HEIC or AVIF that cannot be decoded: save it as JPEG or PNG"):
        open_video_source(path)


def test_of_several_photographs_the_main_one_is_used(tmp_path: Path) -> None:
    others = [Pillow.fromarray(numbered(20))]
    pillow_heif.register_heif_opener()
    Pillow.fromarray(numbered(5)).save(tmp_path / "a.heic", save_all=True, append_images=others, primary_index=0)
    image, _, notices = read_still(tmp_path / "a.heic", 3840)
    assert off(image, numbered(5)) < 2
    assert notices == ("a.heic: it holds several pictures: only its main picture is used.",)


def test_a_sequence_of_photographs_is_played(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [numbered(k) for k in range(5)], codec="libx265")
    data = path.read_bytes()
    (tmp_path / "a.heics").write_bytes(data[:8] + b"hevc" + data[12:])
    source = open_video_source(tmp_path / "a.heics")
    assert (source.info.kind, source.info.frames) == ("video", 5)


def test_a_file_of_countless_boxes_is_not_read_to_its_end(tmp_path: Path) -> None:
    boxes = np.zeros((20_000, 8), np.uint8)
    boxes[:, 3] = 8  # bytes of an empty box
    boxes[:, 4:] = np.arange(len(boxes), dtype=np.uint32)[:, None].view(np.uint8)  # its name
    path = tmp_path / "a.heic"
    path.write_bytes(b"\0\0\0\x10ftypheic\0\0\0\0" + boxes.tobytes())
    assert len(_outer_boxes(path)[0]) == MAX_BOXES
    with pytest.raises(PictureError):
        open_video_source(path)


@pytest.mark.parametrize(
    ("at", "content"),
    [
        (b"meta", b"\0\0\0\x01meta" + b"\xff" * 8),  # a box of 2**64 - 1 bytes
        (b"pitm", b"\0\0\0\x0epitm\0\0\0\0\0\x63"),  # the main picture is one that is not there
        (b"iloc", b"\0\0\0\x1eilox"),
    ],
)
def test_damage_in_the_boxes_is_one_sentence(tmp_path: Path, at: bytes, content: bytes) -> None:
    path = save(tmp_path / "a.avif", corners())
    data = bytearray(path.read_bytes())
    start = data.index(at) - 4
    data[start : start + len(content)] = content
    path.write_bytes(data)
    for read in (open_video_source, lambda file: probe_picture(file, LIMITS)):
        with pytest.raises(PictureError):
            read(path)
