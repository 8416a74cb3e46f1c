"""Videos of every pixel format and size, and videos that change their format midway; played forward and backward."""

from __future__ import annotations

from fractions import Fraction
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image as Pillow

from lipsmith.errors import PictureError
from lipsmith.media.frame_format import fitted_size
from lipsmith.media.ping_pong import ping_pong_frames
from lipsmith.media.video import VideoFileSource, VideoSource, open_video_source
from lipsmith.types import Image

SQUARE = Fraction(1)
Part = tuple[int, int, Fraction, str]
"""Width and height in px, width / height of a pixel, pixel format."""
OPTIONS = {
    "libx264": {"preset": "ultrafast", "crf": "8"},
    "libvpx": {"deadline": "realtime", "b": "2M"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "crf": "10"},
}


def scene(width: int, height: int, aspect: Fraction = SQUARE, step: int = 0) -> Image:
    """(height, width, 3): an orange disc on grey that is round where pixels have that aspect; it grows by ``step``."""
    y, x = np.mgrid[0:height, 0:width] + 0.5
    across, down = (x - width / 2) * float(aspect), y - height / 2
    radius = min(width * float(aspect), height) * 0.3 + step
    image = np.full((height, width, 3), 90, np.uint8)
    image[across**2 + down**2 < radius**2] = (230, 120, 60)
    return image


def disc_of(image: Image) -> tuple[int, int]:
    """Width and height in px of the disc."""
    ys, xs = np.nonzero(image[..., 0] > 180)
    return int(np.ptp(xs)) + 1, int(np.ptp(ys)) + 1


def write_parts(path: Path, codec: str, parts: list[Part], frames: int = 5) -> Path:
    """One stream whose parts come from an encoder each, as from a recorder whose camera changes."""
    tick, at, stream = Fraction(1, 25), 0, None
    with av.open(str(path), "w") as output:
        for width, height, aspect, pixels in parts:
            encoder: Any = av.CodecContext.create(codec, "w")
            if stream is None:
                stream = output.add_stream(codec, rate=25)
            for context in (encoder, stream.codec_context):
                if context is encoder or not at:
                    context.width, context.height, context.pix_fmt = width, height, pixels
                    context.sample_aspect_ratio, context.time_base, context.framerate = aspect, tick, Fraction(25)
                    context.options = OPTIONS.get(codec, {})
            for packet in [*_packets(encoder, (width, height, aspect, pixels), at, frames), *encoder.encode(None)]:
                packet.stream, packet.time_base = stream, tick
                output.mux(packet)
            at += frames
    return path


def _packets(encoder: Any, part: Part, at: int, frames: int) -> list[Any]:
    found = []
    for k in range(frames):
        frame = av.VideoFrame.from_ndarray(scene(*part[:3], step=k), "rgb24").reformat(format=part[3])
        frame.pts, frame.time_base = at + k, Fraction(1, 25)
        found += encoder.encode(frame)
    return found


def check_ping_pong(video: VideoSource, folder: Path) -> list[Image]:
    """The frames; asserts that two passes forward and two backward show exactly the same."""
    forward = [image.copy() for image in video.frames()]
    played = list(ping_pong_frames(video, 4 * len(forward), folder))
    assert all(np.array_equal(image, forward[index]) for index, image in played)
    assert {index for index, _ in played} == set(range(len(forward)))
    return forward


MONOCHROME = ["gray", "gray9le", "gray10le", "gray12le", "gray16le", "gray16be", "ya8", "monow", "monob"]
COARSE = ["yuv410p", "yuv411p", "rgb8", "rgb565le"]
FINE = [
    *("yuv420p", "yuv422p", "yuv440p", "yuv444p", "yuva420p", "yuva422p", "yuva444p", "nv12", "nv21", "yuyv422"),
    *("yuv420p9le", "yuv422p9le", "yuv444p9le", "yuv420p10le", "yuv422p10le", "yuv444p10le", "yuv420p12le", "uyvy422"),
    *("yuv422p12le", "yuv444p12le", "yuv420p14le", "yuv420p16le", "yuv422p16le", "yuv444p16le", "yuva420p10le"),
    *("yuva444p10le", "yuva420p16le", "yuv420p10be", "xyz12le", "gbrp", "gbrp10le", "gbrp12le", "gbrp16le", "gbrap"),
    *("gbrap12le", "rgb24", "bgr24", "rgba", "bgra", "argb", "rgb48le", "rgba64le"),
]
"""Pixel formats that NUT carries uncompressed: without colours, with few of them, and the rest."""


@pytest.mark.parametrize("pixels", [*MONOCHROME, *COARSE, *FINE])
def test_every_pixel_format_plays_forward_and_backward(tmp_path: Path, pixels: str) -> None:
    size = (61, 35)
    path = write_parts(tmp_path / "a.nut", "rawvideo", [(*size, SQUARE, pixels)], frames=3)
    with av.open(str(path)) as film:
        assert film.streams.video[0].codec_context.pix_fmt == pixels
    video = open_video_source(path)
    forward = check_ping_pong(video, tmp_path)
    assert video.info.size == size
    assert video.info.notices == ()
    expected = [scene(*size, step=k) for k in range(3)]
    if pixels in MONOCHROME:
        assert all(image[13:22, 26:35].mean() > image[:9, :9].mean() + 40 for image in forward)
    else:
        most = 20 if pixels in COARSE else 4
        assert max(np.abs(a.astype(int) - b).mean() for a, b in zip(forward, expected, strict=True)) < most


@pytest.mark.parametrize("size", [(16, 16), (17, 16), (16, 17), (35, 33), (255, 256), (129, 130), (1921, 35)])
@pytest.mark.parametrize(
    ("suffix", "codec", "pixels"),
    [
        ("webm", "libvpx", "yuv420p"),
        ("webm", "libvpx-vp9", "yuv420p"),
        ("mkv", "libx264", "yuv444p"),
        ("mov", "png", "pal8"),
        ("mkv", "ffv1", "yuv422p10le"),
        ("mov", "mjpeg", "yuvj420p"),
    ],
)
def test_every_size_plays_forward_and_backward(
    tmp_path: Path, size: tuple[int, int], suffix: str, codec: str, pixels: str
) -> None:
    path = tmp_path / f"a.{suffix}"
    if pixels == "pal8":
        write_palette_video(path, size)
    else:
        write_parts(path, codec, [(*size, SQUARE, pixels)], frames=3)
    video = open_video_source(path)
    images = check_ping_pong(video, tmp_path)
    assert video.info.size == size
    assert all(np.ptp(disc_of(image)) <= 2 for image in images)


def write_palette_video(path: Path, size: tuple[int, int]) -> None:
    palette = np.zeros((256, 4), np.uint8)
    palette[:2] = (255, 90, 90, 90), (255, 230, 120, 60)  # alpha, red, green, blue
    with av.open(str(path), "w") as output:
        stream = output.add_stream("png", rate=25)
        stream.width, stream.height, stream.pix_fmt = *size, "pal8"
        for k in range(3):
            disc = (scene(*size, step=k)[..., 0] > 180).astype(np.uint8)
            output.mux(stream.encode(av.VideoFrame.from_ndarray((disc, palette), "pal8")))  # type: ignore[arg-type]
        output.mux(stream.encode(None))


def test_pixels_that_cannot_be_converted_are_one_sentence(tmp_path: Path) -> None:
    path = write_parts(tmp_path / "a.nut", "rawvideo", [(64, 48, SQUARE, "rgb4")], frames=2)
    with pytest.raises(PictureError, match=r"a\.nut has pixels of a kind \(rgb4\) that cannot be converted"):
        list(open_video_source(path).frames())


LYING, STANDING, LARGE = ((*size, SQUARE, "yuv420p") for size in ((128, 72), (72, 128), (256, 144)))


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.ts", "libx264"),
        ("a.mkv", "libx264"),
        ("a.h264", "libx264"),
        ("a.webm", "libvpx"),
        ("a.webm", "libvpx-vp9"),
        ("a.ts", "mpeg2video"),
    ],
)
def test_every_part_is_fitted_into_the_first_with_bars(tmp_path: Path, name: str, codec: str) -> None:
    video = open_video_source(write_parts(tmp_path / name, codec, [LYING, STANDING, LARGE]))
    assert video.info.size == (128, 72)
    images = check_ping_pong(video, tmp_path)
    assert [image.shape for image in images] == [(72, 128, 3)] * 15
    assert all(abs(np.subtract(*disc_of(image))) <= 3 for image in images), "somebody is squeezed"
    bars = [int((image[36, :, :].max(axis=1) < 30).sum()) for image in images]  # black columns
    assert bars[:5] == bars[10:] == [0] * 5
    assert all(84 <= columns <= 88 for columns in bars[5:10])  # 72x128 becomes 40x72
    assert video.info.notices == (
        f"{name}: at 0.20 s it changes from 128x72 to 72x128 pixels, which are fitted into 128x72.",
        f"{name}: at 0.40 s it changes from 72x128 to 256x144 pixels, which are fitted into 128x72.",
    )


@pytest.mark.parametrize(
    ("name", "second"),
    [
        ("a.ts", (176, 144, Fraction(16, 11), "yuv420p")),  # mkv states one aspect for all frames of one size
        ("a.ts", (256, 144, SQUARE, "yuv420p")),
        ("a.mkv", (256, 144, SQUARE, "yuv420p")),
        ("a.mkv", (144, 176, SQUARE, "yuv420p")),
    ],
)
def test_every_part_keeps_its_own_pixel_aspect(tmp_path: Path, name: str, second: Part) -> None:
    first = (176, 144, Fraction(12, 11), "yuv420p")
    video = open_video_source(write_parts(tmp_path / name, "libx264", [first, second]))
    assert video.info.size == (192, 144)
    images = check_ping_pong(video, tmp_path)
    assert all(abs(np.subtract(*disc_of(image))) <= 3 for image in images)
    assert len(video.info.notices) == 1


def test_another_pixel_format_alone_is_no_news(tmp_path: Path) -> None:
    parts = [(128, 72, SQUARE, pixels) for pixels in ("yuv420p", "yuv444p", "yuv420p10le")]
    video = open_video_source(write_parts(tmp_path / "a.ts", "libx264", parts))
    images = check_ping_pong(video, tmp_path)
    assert video.info.notices == ()
    assert max(np.abs(a.astype(int) - b).mean() for a, b in pairwise([images[0], images[5], images[10]])) < 3


@pytest.mark.parametrize(
    ("first", "second", "notice"),
    [
        ((1, 1, 1), (9, 16, 9), "its high dynamic range (PQ) is tone-mapped to BT.709"),
        ((1, 1, 1), (12, 1, 1), "its wide colours (P3) are converted to BT.709"),
        ((1, 1, 1), (1, 1, 5), ""),
    ],
)
def test_every_part_has_its_own_colours(
    tmp_path: Path, first: tuple[int, int, int], second: tuple[int, int, int], notice: str
) -> None:
    for name, parts in {"both.h264": [first, second], "second.h264": [second]}.items():
        (tmp_path / name).write_bytes(b"".join(map(_tagged_h264, parts)))
    both, alone = (open_video_source(tmp_path / name) for name in ("both.h264", "second.h264"))
    assert np.array_equal(list(both.frames())[-1], next(alone.frames()))
    assert both.info.notices == ((f"both.h264: {notice}.",) if notice else ())


def _tagged_h264(tags: tuple[int, int, int]) -> bytes:
    """One key picture with these colour primaries, transfer and matrix (ITU-T H.273)."""
    encoder: Any = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 64, 64, "yuv420p", Fraction(1, 25)
    encoder.color_primaries, encoder.color_trc, encoder.colorspace = tags
    frame = av.VideoFrame.from_ndarray(scene(64, 64), "rgb24").reformat(format="yuv420p")
    frame.color_primaries, frame.color_trc, frame.colorspace = tags
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])


def test_many_changes_are_counted(tmp_path: Path) -> None:
    video = open_video_source(write_parts(tmp_path / "a.ts", "libx264", [LYING, STANDING] * 3, frames=2))
    list(video.frames())
    assert len(video.info.notices) == 4
    assert video.info.notices[-1] == "a.ts: it changes its size 2 more times."


def test_thousands_of_changes_cost_the_same_each(tmp_path: Path) -> None:
    jpegs = []
    for side in (16, 24):
        with BytesIO() as file:
            Pillow.new("RGB", (side, side)).save(file, "JPEG")
            jpegs.append(file.getvalue())
    with av.open(str(tmp_path / "a.mkv"), "w") as output:
        stream: Any = output.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 16, 16, "yuvj420p"
        for index in range(2000):
            packet = av.Packet(jpegs[index % 2])
            packet.stream, packet.pts, packet.dts, packet.time_base = stream, index, index, Fraction(1, 25)
            packet.is_keyframe = True
            output.mux(packet)
    video = open_video_source(tmp_path / "a.mkv")
    assert isinstance(video, VideoFileSource)
    assert sum(1 for _ in video.frames()) == 2000
    assert len(video._changes) == 3
    assert video.info.notices[-1] == "a.mkv: it changes its size 1996 more times."


@pytest.mark.parametrize(
    ("size", "frame", "expected"),
    [
        ((640, 360), (1280, 720), (1280, 720)),
        ((360, 640), (1280, 720), (405, 720)),
        ((854, 480), (1280, 720), (1280, 720)),  # a bar of one row would only be seen as a fault
        ((1920, 1088), (1920, 1080), (1920, 1080)),
        ((4000, 16), (64, 64), (64, 1)),
    ],
)
def test_what_fits_keeps_its_aspect(size: tuple[int, int], frame: tuple[int, int], expected: tuple[int, int]) -> None:
    assert fitted_size(size, frame) == expected
