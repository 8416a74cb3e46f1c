"""Images of every kind are read as RGB, the right way up; PNG files are written whole or not at all."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageCms

from lipsmith.errors import OutputError, PictureError
from lipsmith.media.stills import is_still, limit_size, list_images, read_still, write_png
from lipsmith.types import Image
from tests.support.made_media import numbered


def read(path: Path, limit: int = 3840) -> Image:
    return read_still(path, limit)[0]


def picture() -> Image:
    """(40, 60, 3): red on the left, blue on the right, a white top left corner."""
    image = np.zeros((40, 60, 3), np.uint8)
    image[:, :30, 0] = image[:, 30:, 2] = 200
    image[:10, :10] = 255
    return image


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.bmp", "a.tiff", "a.tif", "a.gif", "a.ppm"])
def test_every_format_is_read(tmp_path: Path, name: str) -> None:
    options = {"quality": 95} if name.endswith((".jpg", ".webp")) else {}
    Pillow.fromarray(picture()).save(tmp_path / name, **options)
    image, kind, notices = read_still(tmp_path / name, 3840)
    assert image.dtype == np.uint8
    assert np.abs(image.astype(int) - picture()).mean() < 3
    assert kind in ("png", "jpeg", "webp", "bmp", "tiff", "gif", "ppm")
    assert notices == ()


def test_the_bytes_decide_not_the_name(tmp_path: Path) -> None:
    Pillow.fromarray(picture()).save(tmp_path / "a.mp4", format="PNG")
    assert is_still(tmp_path / "a.mp4")
    assert np.array_equal(read(tmp_path / "a.mp4"), picture())


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_the_picture(tmp_path: Path, orientation: int) -> None:
    upright = Pillow.fromarray(picture())
    undo = {
        2: Pillow.Transpose.FLIP_LEFT_RIGHT,
        3: Pillow.Transpose.ROTATE_180,
        4: Pillow.Transpose.FLIP_TOP_BOTTOM,
        5: Pillow.Transpose.TRANSPOSE,
        6: Pillow.Transpose.ROTATE_90,
        7: Pillow.Transpose.TRANSVERSE,
        8: Pillow.Transpose.ROTATE_270,
    }
    stored = upright.transpose(undo[orientation]) if orientation in undo else upright
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "a.jpg", quality=95, subsampling=0, exif=exif)
    image = read(tmp_path / "a.jpg")
    assert image.shape == (40, 60, 3)
    assert np.abs(image.astype(int) - picture()).mean() < 3


def test_alpha_is_laid_over_white_and_said(tmp_path: Path) -> None:
    image = np.dstack([picture(), np.full((40, 60), 255, np.uint8)])
    image[20:, :, 3] = 0
    image[10:20, 30:, 3] = 128
    Pillow.fromarray(image).save(tmp_path / "a.png")
    seen, _, notices = read_still(tmp_path / "a.png", 3840)
    assert np.array_equal(seen[:10], picture()[:10])
    assert (seen[20:] == 255).all()
    assert np.abs(seen[15, 45].astype(int) - [127, 127, 227]).max() <= 1
    assert notices == ("a.png: its transparent parts are laid over white.",)


def test_alpha_that_hides_nothing_is_not_mentioned(tmp_path: Path) -> None:
    Pillow.fromarray(picture()).convert("RGBA").save(tmp_path / "a.png")
    seen, _, notices = read_still(tmp_path / "a.png", 3840)
    assert np.array_equal(seen, picture())
    assert notices == ()


def srgb() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def swapped() -> bytes:
    """A profile whose red is sRGB's blue and the other way round, under another name."""
    data = srgb().replace(b"rXYZ", b"tmp0").replace(b"bXYZ", b"rXYZ", 1).replace(b"tmp0", b"bXYZ")
    return data.replace("sRGB".encode("utf-16-be"), "BGRs".encode("utf-16-be"))


def inks() -> bytes:
    """A CMYK profile (ICC.1:2001, 6.5.6) in which magenta prints mid grey, black black, and other inks nothing."""
    ramp = bytes(range(256))
    lightness = [min(255 - 135 * (k >> 2 & 1), 255 - 255 * (k & 1)) for k in range(16)]
    table = b"".join(bytes([level, 128, 128]) for level in lightness)
    one = [65536 if k % 4 == 0 else 0 for k in range(9)]
    lut = struct.pack(">4sI4B9i", b"mft1", 0, 4, 3, 2, 0, *one) + ramp * 4 + table + ramp * 3
    tags = struct.pack(">I4sII", 1, b"A2B0", 144, len(lut))
    white = struct.pack(">3i", 63190, 65536, 54061)
    head = struct.pack(">I4sI4s4s4s12s4s", 144 + len(lut), b"none", 0x02400000, b"prtr", b"CMYK", b"Lab ", b"", b"acsp")
    return (head + bytes(28) + white).ljust(128, b"\0") + tags + lut


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_colours_come_through_the_pictures_own_profile(tmp_path: Path, mode: str) -> None:
    stored = Pillow.fromarray(picture()).convert(mode)
    stored.save(tmp_path / "a.png", icc_profile=swapped())
    seen, _, notices = read_still(tmp_path / "a.png", 3840)
    assert np.abs(seen.astype(int) - np.asarray(stored.convert("RGB"))[..., ::-1]).max() <= 2
    assert notices == ()


def test_cmyk_comes_through_its_profile(tmp_path: Path) -> None:
    image = np.zeros((40, 60, 4), np.uint8)
    image[:, 20:40, 1] = 255
    image[:, 40:, 3] = 255
    Pillow.fromarray(image, "CMYK").save(tmp_path / "a.tif", icc_profile=inks())
    seen, _, notices = read_still(tmp_path / "a.tif", 3840)
    assert notices == ()
    assert np.ptp(seen.astype(int), axis=2).max() <= 3  # all grey
    levels = [int(seen[20, x, 1]) for x in (10, 30, 50)]
    assert levels[0] > 250
    assert 80 < levels[1] < 150
    assert levels[2] < 10


def test_the_usual_profile_changes_nothing(tmp_path: Path) -> None:
    Pillow.fromarray(picture()).save(tmp_path / "a.png", icc_profile=srgb())
    seen, _, notices = read_still(tmp_path / "a.png", 3840)
    assert np.array_equal(seen, picture())
    assert notices == ()


@pytest.mark.parametrize(("mode", "profile"), [("RGB", b"rubbish"), ("L", swapped()), ("RGB", inks())])
def test_a_profile_that_does_not_fit_is_said_and_left(tmp_path: Path, mode: str, profile: bytes) -> None:
    stored = Pillow.fromarray(picture()).convert(mode)
    stored.save(tmp_path / "a.png", icc_profile=profile)
    seen, _, notices = read_still(tmp_path / "a.png", 3840)
    assert np.array_equal(seen, np.asarray(stored.convert("RGB")))
    assert notices == ("a.png: its colour profile cannot be used, so its colours may be off.",)


@pytest.mark.parametrize("mode", ["L", "LA", "1", "P", "CMYK", "YCbCr"])
def test_other_colour_models_become_rgb(tmp_path: Path, mode: str) -> None:
    flat = np.full((40, 60, 3), 255, np.uint8)
    flat[:, 30:] = 0
    name = {"CMYK": "a.jpg", "YCbCr": "a.jpg"}.get(mode, "a.png")
    Pillow.fromarray(flat).convert(mode).save(tmp_path / name)
    seen = read(tmp_path / name)
    assert seen.shape == (40, 60, 3)
    assert np.abs(seen.astype(int) - flat).max() <= 6


def test_a_palette_with_a_transparent_colour(tmp_path: Path) -> None:
    Pillow.fromarray(picture()).quantize(8).save(tmp_path / "a.png", transparency=0)
    seen, _, notices = read_still(tmp_path / "a.png", 3840)
    assert seen.shape == (40, 60, 3)
    assert "white" in notices[0]


def test_sixteen_bit_grey_is_scaled_not_clipped(tmp_path: Path) -> None:
    ramp = np.tile(np.linspace(0, 65535, 60).astype(np.uint16), (40, 1))
    Pillow.fromarray(ramp).save(tmp_path / "a.png")
    seen = read(tmp_path / "a.png")
    assert np.abs(seen[0, :, 0].astype(int) - np.linspace(0, 255, 60)).max() <= 1


@pytest.mark.parametrize("name", ["a.gif", "a.webp"])
def test_of_a_moving_image_the_first_frame_is_taken(tmp_path: Path, name: str) -> None:
    first, *others = [Pillow.fromarray(numbered(k)) for k in (0, 10, 20)]
    first.save(tmp_path / name, save_all=True, append_images=others)
    seen, _, notices = read_still(tmp_path / name, 3840)
    assert np.abs(seen.astype(int) - numbered(0)).max() <= 3
    assert notices == (f"{name}: it holds several pictures: only the first is used.",)


def test_a_cameras_jpeg_with_a_second_picture_is_just_a_picture(tmp_path: Path) -> None:
    first, second = (Pillow.fromarray(numbered(k)) for k in (0, 10))
    first.save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[second])
    seen, kind, notices = read_still(tmp_path / "a.jpg", 3840)
    assert (seen.shape, kind, notices) == ((48, 64, 3), "mpo", ())


def test_a_png_with_a_bomb_of_text_is_refused(tmp_path: Path) -> None:
    from PIL.PngImagePlugin import PngInfo

    text = PngInfo()
    text.add_text("a", "x" * 5_000_000, zip=True)
    Pillow.new("RGB", (40, 40)).save(tmp_path / "a.png", pnginfo=text)
    assert is_still(tmp_path / "a.png")
    with pytest.raises(PictureError, match="damaged"):
        read_still(tmp_path / "a.png", 3840)


def test_an_8k_image_is_scaled_with_a_notice(tmp_path: Path) -> None:
    Pillow.new("RGB", (7680, 4320), (10, 200, 30)).save(tmp_path / "a.jpg", quality=50)
    seen, _, notices = read_still(tmp_path / "a.jpg", 3840)
    assert seen.shape == (2160, 3840, 3)
    assert notices == ("a.jpg: scaled down from 7680x4320 to 3840x2160 pixels.",)


def test_fit_keeps_the_shape() -> None:
    assert limit_size((100, 50), 100) == (100, 50)
    assert limit_size((100, 50), 50) == (50, 25)
    assert limit_size((50, 10000), 100) == (1, 100)


@pytest.mark.parametrize("size", [(1, 1), (300, 4), (15, 15)])
def test_a_tiny_picture_is_refused(tmp_path: Path, size: tuple[int, int]) -> None:
    Pillow.new("RGB", size).save(tmp_path / "a.png")
    with pytest.raises(PictureError, match=f"{size[0]}x{size[1]} pixels, too small to show a face"):
        read(tmp_path / "a.png")


def test_a_decompression_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    for side in (10_000, 60_000):
        header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
        data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
        (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + data)
        assert is_still(tmp_path / "a.png")
        with pytest.raises(PictureError, match="more than 89 million pixels"):
            read(tmp_path / "a.png")


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp"])
def test_an_image_cut_short_is_refused(tmp_path: Path, name: str) -> None:
    noisy = np.random.default_rng(0).integers(0, 255, (200, 200, 3), dtype=np.uint8)
    Pillow.fromarray(noisy).save(tmp_path / name)
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: len(data) // 2])
    with pytest.raises(PictureError, match="damaged or cut short"):
        read(tmp_path / name)


def test_the_folder_names_the_image_of_another_size(tmp_path: Path) -> None:
    for k in range(3):
        Pillow.new("RGB", (64, 48 + (k == 2) * 2)).save(tmp_path / f"{k}.png")
    with pytest.raises(PictureError, match=r"2\.png is 64x50 pixels but 0\.png is 64x48"):
        list_images(tmp_path)


def test_the_folder_names_the_file_that_is_no_image(tmp_path: Path) -> None:
    Pillow.new("RGB", (64, 48)).save(tmp_path / "0.png")
    (tmp_path / "1.png").write_text("no image")
    with pytest.raises(PictureError, match=r"1\.png is not a picture that can be read"):
        list_images(tmp_path)


def test_a_sideways_photograph_fits_among_upright_ones(tmp_path: Path) -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 6
    Pillow.new("RGB", (64, 48)).save(tmp_path / "0.jpg")
    Pillow.new("RGB", (48, 64)).save(tmp_path / "1.jpg", exif=exif)
    assert [path.name for path in list_images(tmp_path)] == ["0.jpg", "1.jpg"]


def test_numbers_in_names_are_counted_and_superscripts_are_letters(tmp_path: Path) -> None:
    for name in ("10.png", "9.png", "1²2.png"):
        Pillow.new("RGB", (40, 40)).save(tmp_path / name)
    assert [path.name for path in list_images(tmp_path)] == ["1²2.png", "9.png", "10.png"]


def test_a_png_holds_the_very_pixels(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    write_png(tmp_path / "a.png", image)
    assert np.array_equal(np.asarray(Pillow.open(tmp_path / "a.png")), image)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_a_png_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_png(tmp_path / "a.png", numbered(0))
    before = (tmp_path / "a.png").read_bytes()

    def full(self: object, path: Path, **_: str) -> None:
        path.write_bytes(b"half a picture")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Pillow.Image, "save", full)
    with pytest.raises(OutputError, match="No space left on device"):
        write_png(tmp_path / "a.png", numbered(1))
    assert (tmp_path / "a.png").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        write_png(tmp_path / "nowhere" / "a.png", numbered(0))
