"""Videos, folders and images as frames on a constant grid."""

from __future__ import annotations

import tracemalloc
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from lipsmith.errors import OptionError, PictureError
from lipsmith.media.ping_pong import ping_pong_frames
from lipsmith.media.video import open_video_source, parse_rate, standard_rate
from lipsmith.types import Image
from tests.support.made_media import click, noise, number_of, numbered, write_both, write_sound, write_video

NTSC = Fraction(30000, 1001)


def numbers(path: Path, fps: Fraction | str | None = "source") -> list[int]:
    return [number_of(image) for image in open_video_source(path, fps).frames()]


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mp4", "libx264"),
        ("a.mov", "libx265"),
        ("a.mkv", "libx264"),
        ("a.webm", "libvpx-vp9"),
        ("a.webm", "libvpx"),
        ("a.avi", "mpeg4"),
        ("a.mpg", "mpeg2video"),
        ("a.mp4", "libsvtav1"),
    ],
)
def test_every_kind_of_video_gives_every_frame_once(tmp_path: Path, name: str, codec: str) -> None:
    path = write_video(tmp_path / name, [numbered(k) for k in range(20)], codec=codec)
    source = open_video_source(path)
    assert numbers(path) == list(range(20))
    assert (source.info.frames, source.info.size, source.info.fps) == (20, (64, 48), 25)
    assert source.info.kind == "video"
    assert not source.info.has_sound
    assert source.info.notices == ()


def test_frames_can_be_played_again_and_are_rgb(tmp_path: Path) -> None:
    source = open_video_source(write_video(tmp_path / "a.mp4", [numbered(k) for k in range(5)]))
    once, again = list(source.frames()), list(source.frames())
    assert all(np.array_equal(a, b) for a, b in zip(once, again, strict=True))
    assert once[0].shape == (48, 64, 3)
    assert once[0].dtype == np.uint8
    assert once[0].flags.c_contiguous


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
@pytest.mark.parametrize("rate", [Fraction(24000, 1001), NTSC, Fraction(30), Fraction(50), Fraction(12)])
def test_the_sources_own_rate_is_exact(tmp_path: Path, name: str, rate: Fraction) -> None:
    path = write_video(tmp_path / name, [numbered(k) for k in range(25)], rate)
    assert open_video_source(path, "source").info.fps == rate
    assert numbers(path) == list(range(25))


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_faster_video_is_thinned_out(tmp_path: Path, name: str) -> None:
    path = write_video(tmp_path / name, [numbered(k) for k in range(24)], Fraction(50))
    assert numbers(path, Fraction(25)) == list(range(0, 24, 2))


def test_a_slower_video_is_repeated_by_the_very_same_array(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [numbered(k) for k in range(6)], Fraction(10))
    assert numbers(path, "30") == [k for k in range(6) for _ in range(3)]
    frames = list(open_video_source(path, "30").frames())
    assert frames[0] is frames[2]


def test_thirty_to_twenty_five_takes_the_newest_frame_of_each_moment(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [numbered(k) for k in range(30)], Fraction(30))
    assert numbers(path, None) == [k * 30 // 25 for k in range(25)]


def test_a_variable_rate_becomes_constant(tmp_path: Path) -> None:
    moments = [0, 40, 80, 300, 310, 320, 600, 640]  # ms
    path = write_video(tmp_path / "a.mkv", [numbered(k) for k in range(8)], pts=moments)
    seen = numbers(path, Fraction(25))
    expected = [max(k for k, moment in enumerate(moments) if moment <= 40 * frame) for frame in range(len(seen))]
    assert seen == expected
    assert len(seen) == 17  # 640 ms and the last picture's own moment


def test_a_late_first_frame_is_frame_zero(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", [numbered(k) for k in range(6)], pts=[1000 + 40 * k for k in range(6)])
    assert numbers(path, None) == list(range(6))


def test_an_hour_on_the_ntsc_grid_does_not_drift(tmp_path: Path) -> None:
    moments = [round(k * 1001 * 1000 / 30000) for k in (0, 1, 107891, 107892)]  # ms; 107892 frames are an hour
    path = write_video(tmp_path / "a.mkv", [numbered(k) for k in range(4)], NTSC, pts=moments)
    source = open_video_source(path, NTSC)
    assert source.info.frames == 107893
    for k, image in enumerate(source.frames()):
        if k in (0, 1, 2, 107890, 107891, 107892):
            assert number_of(image) == {0: 0, 107891: 2, 107892: 3}.get(k, 1)


@pytest.mark.parametrize("turned", [90, 180, 270])
def test_rotation_flags_are_honoured(tmp_path: Path, turned: int) -> None:
    image = np.zeros((48, 64, 3), np.uint8)
    image[:24, :32] = 255  # one bright quarter
    path = write_video(tmp_path / "a.mp4", [image] * 3, turned=turned)
    source = open_video_source(path)
    expected = np.rot90(image, turned // 90)
    first = next(source.frames())
    assert source.info.size == expected.shape[1::-1]
    assert np.abs(first.astype(int) - expected).mean() < 4


@pytest.mark.parametrize(("size", "tagged"), [((320, 240), 5), ((320, 240), 1), ((320, 240), 2), ((1280, 720), 2)])
def test_colours_survive_whatever_the_matrix(tmp_path: Path, size: tuple[int, int], tagged: int) -> None:
    """5 is BT.601, 1 BT.709; 2 says nothing, which means BT.601 below 720 lines and BT.709 from there on."""
    import av

    bars = np.zeros((size[1], size[0], 3), np.uint8)
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (200, 120, 60)]
    for k, colour in enumerate(colours):
        bars[:, k * size[0] // 4 : (k + 1) * size[0] // 4] = colour
    matrix = tagged if tagged != 2 else (1 if size[1] >= 720 else 5)
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "4", "preset": "ultrafast"})
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.colorspace = tagged
        frame = av.VideoFrame.from_ndarray(bars).reformat(format="yuv420p", dst_colorspace=matrix)
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    seen = next(open_video_source(tmp_path / "a.mp4").frames())
    for k, colour in enumerate(colours):
        middle = seen[size[1] // 2, (2 * k + 1) * size[0] // 8].astype(int)
        assert np.abs(middle - colour).max() <= 4


def test_wide_pixels_are_made_square(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [numbered(1)] * 2, sample_aspect_ratio=Fraction(3, 2))
    source = open_video_source(path)
    assert source.info.size == (96, 48)
    assert next(source.frames()).shape == (48, 96, 3)


def combed(index: int) -> Image:
    """(96, 128, 3): a bright bar, moved on by 6 px in the second half picture, and a grey that tells ``index``."""
    image = numbered(index, (128, 96)).copy()
    for half in range(2):
        image[half:48:2, 12 * (index % 8) + 6 * half :][:, :20] = 250
    return image


def combing(image: Image) -> float:
    rows = image[4:44].astype(int).mean(axis=2)
    return float(np.abs(2 * rows[1:-1] - rows[:-2] - rows[2:]).mean())


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "libx264"), ("a.mpg", "mpeg2video"), ("a.mov", "prores_ks")])
@pytest.mark.parametrize("frames", [1, 2, 11])
def test_an_interlaced_video_is_made_whole_frame_by_frame(tmp_path: Path, name: str, codec: str, frames: int) -> None:
    pixels = "yuv422p10le" if codec == "prores_ks" else "yuv420p"
    path = write_video(
        tmp_path / name, [combed(k) for k in range(frames)], codec=codec, pix_fmt=pixels, interlaced=True
    )
    video = open_video_source(path)
    images = list(video.frames())
    assert len(images) == video.info.frames == frames
    assert video.info.notices == (f"{name}: it is interlaced, so it is deinterlaced.",)
    assert [number_of(image[60:]) for image in images] == list(range(frames))
    if frames > 1:  # one alone has no neighbours that could tell
        assert max(combing(image) for image in images[1:-1] or images) < 0.3 * combing(combed(1))
    assert all(np.array_equal(a, b) for a, b in zip(images, video.frames(), strict=True))
    assert [number_of(image[60:]) for image in open_video_source(path, "50").frames()] == [
        k // 2 for k in range(2 * frames)
    ]


def test_an_interlaced_video_plays_backward_too(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [combed(k) for k in range(6)], interlaced=True)
    pairs = list(ping_pong_frames(open_video_source(path), 11, tmp_path))
    assert [index for index, _ in pairs] == [0, 1, 2, 3, 4, 5, 4, 3, 2, 1, 0]
    assert all(np.array_equal(pairs[k][1], pairs[10 - k][1]) for k in range(5))


def test_a_large_video_is_scaled_with_a_notice(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [numbered(1, (128, 64))] * 2)
    source = open_video_source(path, max_side=64)
    assert source.info.size == (64, 32)
    assert source.info.notices == ("a.mp4: scaled down from 128x64 to 64x32 pixels.",)


def test_a_video_cut_short_plays_as_far_as_it_goes_and_says_so(tmp_path: Path) -> None:
    whole = tmp_path / "whole.mp4"
    images = [np.random.default_rng(k).integers(0, 255, (48, 64, 3), dtype=np.uint8) for k in range(30)]
    write_video(tmp_path / "raw.mp4", images)
    faststart(tmp_path / "raw.mp4", whole)
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    source = open_video_source(cut)
    assert source.info.frames is not None
    assert 5 < source.info.frames < 25
    assert len(list(source.frames())) == source.info.frames
    assert "breaks off" in source.info.notices[0]


def faststart(source: Path, target: Path) -> None:
    import av

    with (
        av.open(str(source)) as before,
        av.open(str(target), "w", container_options={"movflags": "faststart"}) as after,
    ):
        stream = after.add_stream_from_template(before.streams.video[0])
        for packet in before.demux(video=0):
            if packet.size:
                packet.stream = stream
                after.mux(packet)


def test_a_video_whose_frames_are_all_rubbish_is_refused(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", [numbered(k) for k in range(3)], codec="libx264")
    data = bytearray(path.read_bytes())
    begin = data.index(b"\x1f\x43\xb6\x75") + 30  # inside the first cluster (EBML id of Matroska)
    data[begin:] = bytes(len(data) - begin)
    path.write_bytes(bytes(data))
    with pytest.raises(PictureError, match="no frame can be decoded"):
        open_video_source(path)


def test_a_video_with_sound_says_so(tmp_path: Path) -> None:
    path = write_both(tmp_path / "a.mp4", [numbered(k) for k in range(5)], noise(8000), 16000)
    assert open_video_source(path).info.has_sound


def test_an_image_is_one_frame_the_very_same_array(tmp_path: Path) -> None:
    Pillow.fromarray(numbered(3)).save(tmp_path / "a.png")
    source = open_video_source(tmp_path / "a.png", "source")
    first, second = next(source.frames()), next(source.frames())
    assert len(list(source.frames())) == 1
    assert first is second
    assert not first.flags.writeable
    assert source.info.kind == "image"
    assert source.info.fps == 25


def test_a_folder_plays_in_natural_order(tmp_path: Path) -> None:
    for k in range(12):
        Pillow.fromarray(numbered(k)).save(tmp_path / f"{k}.png")
    (tmp_path / "notes.txt").write_text("not a picture")
    source = open_video_source(tmp_path, "10")
    assert [number_of(image) for image in source.frames()] == list(range(12))
    assert (source.info.kind, source.info.frames, source.info.seconds) == ("folder", 12, 1.2)


def test_memory_does_not_grow_with_the_film(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [numbered(k % 30, (320, 240)) for k in range(60)])
    frames = sum(1 for _ in open_video_source(path).frames())  # what is imported at first use is not counted
    tracemalloc.start()
    assert sum(1 for _ in open_video_source(path).frames()) == frames == 60
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 * 320 * 240 * 3


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("missing.mp4", None, "does not exist"),
        ("empty.mp4", b"", "zero bytes"),
        ("text.mp4", b"This is a letter, not a film.\n" * 50, "is not a picture or video that can be read"),
        ("list.m3u8", b"#EXTM3U\n#EXTINF:1,\nother.mp4\n", "is not a picture or video that can be read"),
        ("text.txt", b"A plain text.\n", "is not a picture or video that can be read"),
    ],
)
def test_what_is_no_picture_gets_one_sentence(tmp_path: Path, name: str, content: bytes | None, sentence: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PictureError, match=sentence) as caught:
        open_video_source(path)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_sound_file_has_no_picture(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a.wav", click(0.1, 0, 8000), 8000, "pcm_s16le")
    with pytest.raises(PictureError, match="holds no video"):
        open_video_source(path)


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="holds no images"):
        open_video_source(tmp_path)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        (None, 25),
        ("25", 25),
        ("29.97", NTSC),
        ("30000/1001", NTSC),
        ("23.976", Fraction(24000, 1001)),
        ("source", None),
    ],
)
def test_rates_are_read_as_meant(text: str | None, rate: Fraction | None) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["fast", "0", "-3", "1000", "1/0", "nan", "inf"])
def test_impossible_rates_are_refused(text: str) -> None:
    with pytest.raises(OptionError, match="fps is"):
        parse_rate(text)


def test_snap_leaves_odd_rates_alone() -> None:
    assert standard_rate(Fraction(2997, 100)) == NTSC
    assert standard_rate(Fraction(17)) == 17
    assert standard_rate(Fraction(29990, 1000)) == Fraction(2999, 100)
