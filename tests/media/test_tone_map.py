"""HDR and wide colours come back as the BT.709 picture that they were made from."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import pillow_heif
import pytest
from PIL import Image as Pillow

from lipsmith.errors import PictureError
from lipsmith.media.ping_pong import ping_pong_frames
from lipsmith.media.stills import read_still
from lipsmith.media.tone_map import (
    BT709,
    BT2020,
    DISPLAY_P3,
    HLG,
    HLG_GAMMA,
    PEAK,
    PQ,
    REFERENCE_WHITE,
    _rgb_to_xyz,
    colour_conversion,
    hlg_to_light,
    light_to_pq,
    pq_to_light,
    roll_off,
)
from lipsmith.media.video import VideoFileSource, open_video_source
from lipsmith.types import Image
from tests.support.made_media import write_video

TRANSFERS = [PQ, HLG]


def coded(image: Image, transfer: int, primaries: int = BT2020) -> Image:
    """A BT.709 picture on a display whose white is ``REFERENCE_WHITE``, as an HDR or wide-gamut signal."""
    light = (image / 255.0) ** 2.4 @ (np.linalg.inv(_rgb_to_xyz(primaries)) @ _rgb_to_xyz(BT709)).T
    if transfer == PQ:
        signal = light_to_pq(light * REFERENCE_WHITE)
    elif transfer == HLG:
        shown = light * REFERENCE_WHITE / PEAK
        luminance = np.maximum(shown @ _rgb_to_xyz(primaries)[1], 1e-9)[..., None]
        scene = shown * luminance ** (1 / HLG_GAMMA - 1)
        curve = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-6)) + 0.55991073
        signal = np.where(scene <= 1 / 12, np.sqrt(3 * np.maximum(scene, 0)), curve)
    else:
        signal = np.maximum(light, 0) ** (1 / 2.4)
    return np.rint(np.clip(signal, 0, 1) * 255).astype(np.uint8)


def film(path: Path, image: Image, transfer: int, primaries: int = BT2020, frames: int = 3, **options: object) -> Path:
    matrix = 9 if primaries == BT2020 else 1
    moving = [np.roll(image, 4 * k, axis=1) for k in range(frames)]
    tags = {"colorspace": matrix, "color_primaries": primaries, "color_trc": transfer, "color_range": 1}
    return write_video(path, moving, **{"pix_fmt": "yuv420p10le"} | tags | options)


def smaller(image: Image, side: int) -> Image:
    return np.asarray(cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def look(image: Image) -> tuple[float, float]:
    """Mean colourfulness and brightness, 0..255."""
    values = image.astype(float)
    return float(np.ptp(values, axis=2).mean()), float(values.mean())


def test_the_curves_have_the_values_of_their_standards() -> None:
    assert pq_to_light(np.array([0.0, 0.508078, 0.580689, 0.751827, 1.0])) == pytest.approx(
        [0, 100, 203, 1000, 1e4], abs=1
    )
    levels = np.linspace(0, 1, 50)
    assert light_to_pq(pq_to_light(levels)) == pytest.approx(levels, abs=1e-6)
    grey = hlg_to_light(np.full((2, 3), [[0.75], [1.0]]), np.array([0.2627, 0.678, 0.0593]))
    assert grey[:, 0] == pytest.approx([203, 1000], abs=1)  # BT.2408: white paper is at 75 %


def test_the_roll_off_keeps_middle_tones_and_ends_at_white() -> None:
    light = np.array([0.0, 1, 10, 50, 80])
    assert roll_off(light) == pytest.approx(light, rel=0.001)
    bright = roll_off(np.linspace(80, PEAK, 60))
    assert (np.diff(bright) > 0).all()
    assert bright[-1] == pytest.approx(REFERENCE_WHITE, abs=0.1)


@pytest.mark.parametrize("transfer", TRANSFERS)
def test_greys_stay_grey_and_in_order(transfer: int) -> None:
    conversion = colour_conversion(BT2020, transfer)
    assert conversion is not None
    ramp = conversion.convert(np.repeat(np.linspace(0, 1, 64)[:, None], 3, axis=1))
    assert np.ptp(ramp, axis=1).max() < 0.002
    assert (np.diff(ramp[:, 1]) >= 0).all()


@pytest.mark.parametrize("transfer", [PQ, HLG, BT709])
def test_colours_outside_keep_their_hue(transfer: int) -> None:
    """Red, green and blue of BT.2020 do not exist in BT.709: they become lighter, and no other colour."""
    conversion = colour_conversion(BT2020, transfer)
    assert conversion is not None
    converted = conversion.convert(np.eye(3) * 0.6)
    assert (converted.argmax(axis=1) == [0, 1, 2]).all()
    assert converted.min() >= 0
    assert converted.max() <= 1


@pytest.mark.parametrize("transfer", TRANSFERS)
def test_an_hdr_film_looks_like_its_sdr_original(tmp_path: Path, astronaut: Image, transfer: int) -> None:
    original = smaller(astronaut, 256)
    source = open_video_source(film(tmp_path / "a.mp4", coded(original, transfer), transfer))
    shown = next(iter(source.frames()))
    (colours, brightness), (wanted, light) = look(shown), look(original)
    assert 0.9 < colours / wanted < 1.1
    assert 0.9 < brightness / light < 1.1
    assert np.abs(shown.astype(int) - original).mean() < 5
    name = "PQ" if transfer == PQ else "HLG"
    assert source.info.notices == (f"a.mp4: its high dynamic range ({name}) is tone-mapped to BT.709.",)


@pytest.mark.parametrize(("primaries", "name"), [(BT2020, "BT.2020"), (DISPLAY_P3, "P3")])
def test_wide_colours_come_back(tmp_path: Path, astronaut: Image, primaries: int, name: str) -> None:
    original = smaller(astronaut, 256)
    path = film(tmp_path / "a.mp4", coded(original, BT709, primaries), BT709, primaries, pix_fmt="yuv444p")
    source = open_video_source(path)
    shown = next(iter(source.frames()))
    assert np.abs(shown.astype(int) - original).mean() < 3
    assert source.info.notices == (f"a.mp4: its wide colours ({name}) are converted to BT.709.",)


@pytest.mark.parametrize(("transfer", "pixels"), [(PQ, "yuv420p10le"), (HLG, "yuv420p"), (BT709, "yuv420p")])
def test_the_spool_brings_the_same_picture_back(tmp_path: Path, astronaut: Image, transfer: int, pixels: str) -> None:
    path = film(tmp_path / "a.mp4", coded(smaller(astronaut, 128), transfer), transfer, frames=5, pix_fmt=pixels)
    seen: dict[int, Image] = {}
    for index, image in ping_pong_frames(open_video_source(path), 13, tmp_path):
        assert np.array_equal(seen.setdefault(index, image), image)
    assert len(seen) == 5


def test_frames_are_converted_at_any_size_and_turn(tmp_path: Path, astronaut: Image) -> None:
    path = film(tmp_path / "a.mp4", coded(smaller(astronaut, 256)[:128], PQ), PQ, turned=90)
    source = open_video_source(path, max_side=100)
    assert source.info.size == (50, 100)
    assert {image.shape for image in source.frames()} == {(100, 50, 3)}


def test_a_table_serves_pictures_of_two_sizes(tmp_path: Path, astronaut: Image) -> None:
    path = film(tmp_path / "a.mp4", coded(smaller(astronaut, 128), PQ), PQ)
    source = open_video_source(path)
    assert isinstance(source, VideoFileSource)
    decoded = source._first()
    large, small = (source._pixels.to_rgb(decoded, size) for size in ((128, 128), (64, 64)))
    assert np.abs(smaller(large, 64).astype(int) - small).mean() < 6


def test_an_sdr_film_is_left_alone(tmp_path: Path, astronaut: Image) -> None:
    path = write_video(tmp_path / "a.mp4", [smaller(astronaut, 128)], color_primaries=1, color_trc=1, colorspace=1)
    assert open_video_source(path).info.notices == ()
    assert colour_conversion(1, 13) is colour_conversion(2, 2) is colour_conversion(6, 6) is None


def test_dolby_vision_alone_is_refused(tmp_path: Path, astronaut: Image) -> None:
    path = write_video(tmp_path / "a.mp4", [smaller(astronaut, 128)], pix_fmt="yuv420p10le")
    data = path.read_bytes()
    brands = int.from_bytes(data[:4], "big")  # the length of the first box, which names avc1 too
    assert data[brands:].count(b"avc1") == 1
    path.write_bytes(data[:brands] + data[brands:].replace(b"avc1", b"dva1"))
    with pytest.raises(PictureError, match=r"it is Dolby Vision without a common picture.*export it as HDR10"):
        open_video_source(path)


def test_colours_in_ictcp_are_refused(tmp_path: Path, astronaut: Image) -> None:
    tags = {"colorspace": 14, "color_primaries": 9, "color_trc": 16}
    path = write_video(tmp_path / "a.mp4", [smaller(astronaut, 128)], pix_fmt="yuv420p10le", **tags)
    with pytest.raises(PictureError, match="as its colours are coded as ICtCp"):
        open_video_source(path)


@pytest.mark.parametrize("name", ["a.heic", "a.avif"])
def test_hdr_pictures_look_like_their_original(tmp_path: Path, astronaut: Image, name: str) -> None:
    original = smaller(astronaut, 256)
    path = tmp_path / name
    if name == "a.heic":
        pillow_heif.register_heif_opener()
        tags = {"color_primaries": BT2020, "transfer_characteristics": PQ, "matrix_coefficients": 9}
        Pillow.fromarray(coded(original, PQ)).save(path, quality=95, **tags)
    else:
        hdr_avif(path, coded(original, PQ))
    shown, _, notices = read_still(path, 3840)
    assert 0.9 < look(shown)[0] / look(original)[0] < 1.1
    assert np.abs(shown.astype(int) - original).mean() < 7
    assert notices == (f"{name}: its high dynamic range (PQ) is tone-mapped to BT.709.",)


def hdr_avif(path: Path, image: Image) -> None:
    """Write an AVIF with the tags of BT.2020 and PQ; Pillow writes none."""
    with av.open(str(path), "w", format="avif") as container:
        stream = container.add_stream("libsvtav1", options={"crf": "10", "preset": "10", "svtav1-params": "avif=1"})
        stream.height, stream.width = image.shape[:2]
        stream.pix_fmt = "yuv420p10le"
        context = stream.codec_context
        context.colorspace, context.color_primaries, context.color_trc, context.color_range = 9, 9, PQ, 1
        frame = av.VideoFrame.from_ndarray(image, "rgb24").reformat(format="yuv420p10le", dst_colorspace=9)
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
