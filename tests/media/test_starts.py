"""Picture and sound start together, whatever the first packets of a film are."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from lipsmith.media.sound import open_speech
from lipsmith.media.video import open_video_source
from lipsmith.media.writer import FilmOptions, FilmWriter
from lipsmith.types import AVFrame, FilmInfo
from tests.support.made_media import encode, number_of, numbered

RATE = 48000
FRAMES = 38
FLASH = 30
"""The frame from which the pictures are white; the beep begins with it."""
FPS = Fraction(25)
OPEN_GOP = "open-gop=1:scenecut=0:keyint=15:min-keyint=15:bframes=3:b-adapt=0"
X264 = {"x264-params": OPEN_GOP, "preset": "veryfast"}
X265 = {"x265-params": OPEN_GOP + ":log-level=none", "preset": "ultrafast"}
MPEG2 = {"bf": "2", "g": "12"}


def write(
    path: Path, container: str, video: str, audio: str, options: dict[str, str], late: float = 0.0, rate: int = RATE
) -> Path:
    """Pictures that turn white at ``FLASH``, and a sound that begins ``late`` seconds after them and beeps with it."""
    with av.open(str(path), "w", format=container) as out:
        pictures: Any = out.add_stream(video, rate=FPS, options=options)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
        sound: Any = out.add_stream(audio, rate=rate, layout="mono")
        sound.bit_rate = 96000
        for k in range(FRAMES):
            level = 230 if k >= FLASH else 20 + 2 * k
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), level, np.uint8), format="rgb24")
            frame.pts, frame.time_base = k, 1 / FPS
            out.mux(pictures.encode(frame))
        out.mux(pictures.encode())
        samples = np.zeros((1, round((FRAMES / 25 - late) * rate)), np.float32)
        beep = np.arange(rate // 25)
        begin = round((FLASH / 25 - late) * rate)
        samples[0, begin : begin + len(beep)] = 0.8 * np.sin(2 * np.pi * 1000 * beep / rate)
        encode(out, sound, samples, rate, "mono", round(late * rate))
    return path


def cut_before_key(source: Path, goal: Path, container: str, earlier: float = 0.2) -> Path:
    """What follows the second key picture, and the sound from ``earlier`` seconds before it, as recordings begin."""
    with av.open(str(source)) as before, av.open(str(goal), "w", format=container) as after:
        streams = {stream.index: after.add_stream_from_template(stream) for stream in before.streams}
        keys, packets = [], [packet for packet in before.demux() if packet.dts is not None]
        keys = [packet for packet in packets if packet.stream.type == "video" and packet.is_keyframe]
        first, begin = keys[1], keys[1].pts * keys[1].time_base - Fraction(earlier)
        for packet in packets:
            is_video = packet.stream.type == "video"
            if packet.dts >= first.dts if is_video else packet.pts * packet.time_base >= begin:
                packet.stream = streams[packet.stream_index]
                after.mux(packet)
    return goal


def by_timestamps(path: Path) -> tuple[float, float]:
    """Seconds from the first decoded picture to the flash and to the beep, as a player goes by timestamps."""
    with av.open(str(path)) as container:
        pictures = [(frame.time, frame.to_ndarray(format="gray").mean()) for frame in container.decode(video=0)]
    with av.open(str(path)) as container:
        frames = [(frame.time, frame.to_ndarray().ravel() / _scale(frame)) for frame in container.decode(audio=0)]
        rate = container.streams.audio[0].rate
    zero = pictures[0][0]
    beep = next(time + np.argmax(loud) / rate for time, block in frames if (loud := np.abs(block) > 0.3).any())
    return next(time for time, light in pictures if light > 150) - zero, float(beep) - zero


def _scale(frame: Any) -> float:
    return 32768.0 if frame.format.name.startswith("s16") else 1.0


def read(path: Path) -> tuple[float, float, int]:
    """Seconds of the flash and of the beep as Lipsmith reads the film, and the number of pictures."""
    video, speech = open_video_source(path), open_speech(path)
    images = list(video.frames())
    assert len(images) == video.info.frames
    sound = np.concatenate(list(speech.blocks()))
    flash = next(k for k, image in enumerate(images) if image.mean() > 150) / video.info.fps
    return float(flash), float(np.argmax(np.abs(sound) > 0.3) / speech.rate), len(images)


def film_of(path: Path, goal: Path) -> Path:
    """The film written from what is read."""
    video, speech = open_video_source(path), open_speech(path)
    info = FilmInfo(video.info.size, video.info.fps, speech.rate)
    with FilmWriter(goal, info, speech, FilmOptions(preset="ultrafast", frames=video.info.frames)) as writer:
        for k, image in enumerate(video.frames()):
            writer.write(AVFrame(k, image, np.zeros(1, np.float32)))
    return goal


def assert_in_step(path: Path, goal: Path) -> None:
    flash, beep = by_timestamps(path)
    ours, heard, frames = read(path)
    assert abs(ours - flash) < 0.02
    assert abs(heard - beep) < 0.005
    made, sounded = by_timestamps(film_of(path, goal))
    assert abs(made - flash) < 0.02
    assert abs(sounded - beep) < 0.005
    with av.open(str(goal)) as container:
        assert sum(1 for _ in container.decode(video=0)) == frames


OPEN_STARTS = [
    ("ts", "mpegts", "libx264", "aac", X264),
    ("ts", "mpegts", "libx265", "aac", X265),
    ("ts", "mpegts", "mpeg2video", "mp2", MPEG2),
    ("mpg", "mpeg", "mpeg2video", "mp2", MPEG2),
]


@pytest.mark.parametrize(("extension", "container", "video", "audio", "options"), OPEN_STARTS)
def test_a_film_that_begins_at_an_open_gop(
    tmp_path: Path, extension: str, container: str, video: str, audio: str, options: dict[str, str]
) -> None:
    whole = write(tmp_path / f"whole.{extension}", container, video, audio, options)
    path = cut_before_key(whole, tmp_path / f"a.{extension}", container)
    with av.open(str(path)) as opened:
        times = [packet.pts for packet in opened.demux(video=0) if packet.pts is not None]
    with av.open(str(path)) as opened:
        first = next(opened.decode(video=0)).pts
    assert min(times) < first  # pictures that refer to what is missing
    assert_in_step(path, tmp_path / "film.mp4")


@pytest.mark.parametrize("rate", [44100, 16000])
def test_a_sound_decoder_that_answers_late(tmp_path: Path, rate: int) -> None:
    path = write(tmp_path / "a.wmv", "asf", "wmv2", "wmav2", {}, rate=rate)
    with av.open(str(path)) as container:
        begin = container.streams.audio[0].start_time
    with av.open(str(path)) as container:
        assert next(container.decode(audio=0)).pts > begin
    assert_in_step(path, tmp_path / "film.mp4")


@pytest.mark.parametrize(("video", "options"), [("libx264", {"bf": "3"}), ("mpeg4", {"bf": "2"})])
def test_pictures_of_an_avi_show_in_order_and_with_the_sound(
    tmp_path: Path, video: str, options: dict[str, str]
) -> None:
    """AVI counts its packets in decoding order, so FFmpeg's timestamps of reordered pictures are wrong there."""
    path = write(tmp_path / "a.avi", "avi", video, "pcm_s16le", options)
    flash, beep, frames = read(path)
    assert (flash, frames) == (FLASH / 25, FRAMES)
    assert abs(beep - FLASH / 25) < 0.005
    made, sounded = by_timestamps(film_of(path, tmp_path / "film.mp4"))
    assert abs(made - flash) < 0.02
    assert abs(sounded - beep) < 0.005
    levels = [image.mean() for image in open_video_source(path).frames()][:FLASH]
    assert np.diff(levels).min() > -1


LATE = [("mp4", 0.3), ("mp4", -0.25), ("matroska", 0.3), ("matroska", 0.0), ("mpegts", -0.25), ("flv", 0.0)]


@pytest.mark.parametrize(("container", "late"), LATE)
def test_sound_that_begins_later_or_earlier(tmp_path: Path, container: str, late: float) -> None:
    path = write(tmp_path / f"a.{container}", container, "libx264", "aac", {"bf": "2"}, late)
    assert_in_step(path, tmp_path / "film.mp4")


def test_an_interlaced_film_that_begins_at_an_open_gop_keeps_its_count(tmp_path: Path) -> None:
    images = [numbered(k) for k in range(30)]
    whole = tmp_path / "whole.mpg"
    with av.open(str(whole), "w", format="mpeg") as out:
        stream: Any = out.add_stream("mpeg2video", rate=25, options=MPEG2)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 64, 48, "yuv420p", 4_000_000
        flags = av.codec.context.Flags
        stream.codec_context.flags |= flags.interlaced_dct | flags.interlaced_me
        for image in images:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        out.mux(stream.encode())
    video = open_video_source(cut_before_key(whole, tmp_path / "a.mpg", "mpeg"))
    seen = [number_of(image) for image in video.frames()]
    assert len(seen) == video.info.frames
    assert seen == list(range(seen[0], 30))
