"""A film that is whole is not said to break off; one that is cut is."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from lipsmith.media.sound import open_speech
from lipsmith.media.video import open_video_source
from tests.support.made_media import encode, noise, numbered, write_sound, write_video

RATE = 44100
STATED = [
    ("a.mp4", "aac"),
    ("a.mov", "pcm_s16le"),
    ("a.mp3", "libmp3lame"),
    ("a.wav", "pcm_s16le"),
    ("a.aiff", "pcm_s16be"),
    ("a.flac", "flac"),
    ("a.mkv", "aac"),
    ("a.mkv", "libmp3lame"),
    ("a.webm", "libopus"),
    ("a.ogg", "libopus"),
    ("a.ogg", "flac"),
    ("a.flv", "aac"),
    ("a.wma", "wmav2"),
    ("a.avi", "libmp3lame"),
    ("a.wv", "wavpack"),
    ("a.tta", "tta"),
]
UNSTATED = [("a.aac", "aac"), ("a.ts", "aac"), ("a.mpg", "mp2"), ("a.ac3", "ac3"), ("b.wav", "libmp3lame")]
FASTSTART = {"movflags": "+faststart"}


def quiet_then_loud(seconds: int = 4) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Silence costs few bits, noise many, so a length estimated from the bit rate at the start is far too long."""
    sound = noise(seconds * RATE)
    sound[: 2 * RATE] = 0
    return sound


def write(path: Path, codec: str, sound: np.ndarray[Any, np.dtype[np.float32]]) -> Path:
    options = FASTSTART if path.suffix in (".mp4", ".mov") else {}
    rate = 48000 if codec == "libopus" else RATE
    with av.open(str(path), "w", container_options=options) as container:
        stream: Any = container.add_stream(codec, rate=rate, layout="mono")
        if codec == "wmav2":
            stream.bit_rate = 96000
        encode(container, stream, sound[None], rate, "mono")
    return path


def cut(path: Path, share: float) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


@pytest.mark.parametrize(("name", "codec"), STATED + UNSTATED)
def test_a_whole_file_is_not_said_to_break_off(tmp_path: Path, name: str, codec: str) -> None:
    assert open_speech(write(tmp_path / name, codec, quiet_then_loud())).notices == ()


@pytest.mark.parametrize(("name", "codec"), STATED)
def test_a_file_that_was_cut_is_said_to_break_off(tmp_path: Path, name: str, codec: str) -> None:
    speech = open_speech(cut(write(tmp_path / name, codec, noise(4 * RATE)), 0.6))
    assert 1.2 < speech.seconds < 3.5
    assert len(speech.notices) == 1
    assert speech.notices[0].startswith(f"{name}: it breaks off at {speech.seconds:.1f} s")


@pytest.mark.parametrize("name", ["a.wav", "a.mp3", "a.mkv", "a.webm"])
def test_a_stream_without_a_stated_length_is_whole(tmp_path: Path, name: str) -> None:
    """As a recorder writes it that cannot go back to the header."""
    codec = {"a.wav": "pcm_s16le", "a.mp3": "libmp3lame", "a.mkv": "aac", "a.webm": "libopus"}[name]
    options = {"a.mp3": {"write_xing": "0"}, "a.mkv": {"live": "1"}, "a.webm": {"live": "1"}}.get(name, {})
    path, rate = tmp_path / name, 48000 if codec == "libopus" else RATE
    with av.open(str(path), "w", container_options=options) as container:
        stream: Any = container.add_stream(codec, rate=rate, layout="mono", options={"q": "4"})
        encode(container, stream, quiet_then_loud()[None], rate, "mono")
    if name == "a.wav":
        data = bytearray(path.read_bytes())
        place = data.index(b"data") + 4
        data[4:8] = data[place : place + 4] = b"\xff" * 4
        path.write_bytes(bytes(data))
    assert open_speech(path).notices == ()


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.flv", "a.avi"])
@pytest.mark.parametrize("longer", ["picture", "sound"])
def test_a_stream_that_ends_before_the_other_is_whole(tmp_path: Path, name: str, longer: str) -> None:
    frames, seconds = (150, 2) if longer == "picture" else (25, 6)
    path = film(tmp_path / name, frames, seconds)
    assert open_speech(path).notices == ()
    assert open_video_source(path).info.notices == ()


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.flv", "a.avi"])
def test_a_film_that_was_cut_is_said_to_break_off(tmp_path: Path, name: str) -> None:
    path = cut(film(tmp_path / name, 150, 6), 0.5)
    video = open_video_source(path)
    assert 30 < video.info.frames < 120
    assert "it breaks off" in video.info.notices[0]
    assert "it breaks off" in open_speech(path).notices[0]
    assert sum(1 for _ in video.frames()) == video.info.frames


def film(path: Path, frames: int, seconds: int) -> Path:
    """Pictures and sound, which the muxer interleaves."""
    options = FASTSTART if path.suffix == ".mp4" else {}
    with av.open(str(path), "w", container_options=options) as container:
        video: Any = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio: Any = container.add_stream("aac", rate=RATE, layout="mono")
        grain = np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8)
        for k in range(frames):
            container.mux(video.encode(av.VideoFrame.from_ndarray(np.roll(grain, k, 0), "rgb24")))
        container.mux(video.encode())
        encode(container, audio, noise(seconds * RATE)[None], RATE, "mono")
    return path


def test_a_clip_trimmed_by_its_edit_list_is_whole(tmp_path: Path) -> None:
    """As phones cut: what precedes the first picture shown stays in the file."""
    write_video(tmp_path / "whole.mp4", [numbered(k % 30) for k in range(75)])  # one key picture, the first
    path = tmp_path / "trimmed.mp4"
    with av.open(str(tmp_path / "whole.mp4")) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                shift = round(Fraction(1) / packet.time_base)
                packet.pts, packet.dts, packet.stream = packet.pts - shift, packet.dts - shift, stream
                target.mux(packet)
    info = open_video_source(path).info
    assert (info.frames, info.notices) == (50, ())


def test_a_sound_file_of_another_page_is_read_to_the_end(tmp_path: Path) -> None:
    """An Ogg that is cut between two pages lacks only the mark of the last one."""
    path = write_sound(tmp_path / "a.ogg", noise(4 * 48000), 48000, "libopus")
    data = path.read_bytes()
    path.write_bytes(data[: data.rfind(b"OggS")])
    assert open_speech(path).notices == (
        f"a.ogg: it breaks off at {open_speech(path).seconds:.1f} s: the end of the file is missing.",
    )
