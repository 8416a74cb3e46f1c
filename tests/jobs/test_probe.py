"""Uploads are measured before they are unpacked: bombs, playlists and programs get no further."""

from __future__ import annotations

import io
import struct
import zlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from lipsmith.errors import InputError, PictureError, SoundError
from lipsmith.jobs import probe
from lipsmith.jobs.probe import ProbeLimits, probe_picture, probe_speech
from tests.support.hostile_files import tiny_packets
from tests.support.tones import tone

LIMITS = ProbeLimits(megapixels=2, seconds=60)


def png_that_says(width: int, height: int) -> bytes:
    """A PNG of a few hundred bytes with a monstrous size in its header."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    packed = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def film(path: Path, frames: int, size: tuple[int, int] = (64, 48), fps: int = 25) -> Path:
    with av.open(str(path), "w", format="matroska") as container:
        stream = container.add_stream("libx264", rate=fps, options={"preset": "ultrafast"})
        stream.width, stream.height = size
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(np.zeros((size[1], size[0], 3), np.uint8), "rgb24")
            frame.pts, frame.time_base = index, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def flac_of_silence(path: Path, seconds: int) -> Path:
    with av.open(str(path), "w", format="flac") as container:
        stream = container.add_stream("flac", rate=8000, layout="mono")
        for index in range(seconds):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), "s16", "mono")
            frame.sample_rate, frame.pts = 8000, index * 8000
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def film_with_chatter(path: Path) -> Path:
    """Five pictures, and sound in packets of half a millisecond."""
    with av.open(str(film(path.with_suffix(".mkv"), 5))) as source, av.open(str(path), "w", format="matroska") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        sound = out.add_stream("pcm_s16le", rate=8000, layout="mono")
        for index in range(1000):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 4), np.int16), "s16", "mono")
            frame.sample_rate, frame.pts = 8000, index * 4
            out.mux(sound.encode(frame))
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    return path


def test_a_portrait_and_a_film_are_measured(tmp_path: Path, astronaut_file: Path) -> None:
    still = probe_picture(astronaut_file, LIMITS)
    assert (still.kind, still.size, still.seconds) == ("image", (512, 512), 0)
    moving = probe_picture(film(tmp_path / "film", 50), LIMITS)
    assert (moving.kind, moving.size, moving.has_sound) == ("video", (64, 48), False)
    assert moving.seconds == pytest.approx(2, abs=0.1)


def test_speech_is_measured(tmp_path: Path) -> None:
    (tmp_path / "speech").write_bytes(tone(1.5))
    assert probe_speech(tmp_path / "speech", LIMITS).seconds == pytest.approx(1.5, abs=0.01)


@pytest.mark.parametrize("size", [(1500, 1500), (30_000, 30_000), (200_000, 200_000)])
def test_pictures_that_unpack_to_monsters_are_refused(tmp_path: Path, size: tuple[int, int]) -> None:
    (tmp_path / "bomb").write_bytes(png_that_says(*size))
    with pytest.raises(PictureError, match="pixels"):
        probe_picture(tmp_path / "bomb", LIMITS)


def test_films_of_monstrous_pictures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="up to"):
        probe_picture(film(tmp_path / "film", 2), ProbeLimits(0.001, 60))


def test_films_that_are_too_long_or_too_fast_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="longer"):
        probe_picture(film(tmp_path / "long", 100), ProbeLimits(2, 3))
    with pytest.raises(PictureError, match="longer"):
        probe_picture(film(tmp_path / "fast", 600, fps=1000), ProbeLimits(2, 2))


def test_hours_of_silence_in_a_small_file_are_refused(tmp_path: Path) -> None:
    path = flac_of_silence(tmp_path / "silence", 300)
    assert path.stat().st_size < 100_000
    with pytest.raises(SoundError, match="longer than the 1 minutes"):
        probe_speech(path, LIMITS)


def test_thousands_of_tiny_packets_are_refused(tmp_path: Path) -> None:
    """A small file can hold millions of them, of which each takes a moment."""
    with pytest.raises(SoundError, match="cut into far more pieces than one of its length and size has"):
        probe_speech(tiny_packets(tmp_path / "speech", 40_000, 0.1), LIMITS)


def test_the_packets_of_tracks_that_nobody_asked_for_count_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "FREE_PACKETS", 10)
    with pytest.raises(PictureError, match="cut into far more pieces"):
        probe_picture(film_with_chatter(tmp_path / "film"), LIMITS)


def test_short_packets_are_fine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shortest of Opus last 2.5 ms."""
    monkeypatch.setattr(probe, "FREE_PACKETS", 100)
    measured = probe_speech(tiny_packets(tmp_path / "speech", 4000, 2.5), LIMITS)
    assert measured.seconds == pytest.approx(10, abs=0.1)


def test_sound_of_too_many_samples_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "MOST_SAMPLES", 16_000)
    (tmp_path / "speech").write_bytes(tone(1.1))
    with pytest.raises(SoundError, match="far more channels or a higher rate"):
        probe_speech(tmp_path / "speech", LIMITS)


STRANGERS = {
    "playlist": b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
    "remote playlist": b"#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:9/x.ts\n",
    "concat": b"ffconcat version 1.0\nfile '/etc/passwd'\n",
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg' width='64' height='64'><image href='file:///etc/passwd'/></svg>",
    "sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 9 RTP/AVP 0\n",
    "text": b"once upon a time\n" * 100,
    "subtitles": b"1\n00:00:00,000 --> 00:00:01,000\nhello\n\n" * 20,
    "dash": b"<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011' type='static'><Period/></MPD>",
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n(/etc/passwd) run\n",
    "program": b"\x7fELF" + bytes(200),
    "empty": b"",
}


@pytest.mark.parametrize("kind", STRANGERS)
def test_playlists_programs_and_text_are_not_followed(kind: str, tmp_path: Path) -> None:
    (tmp_path / "upload").write_bytes(STRANGERS[kind])
    with pytest.raises(PictureError):
        probe_picture(tmp_path / "upload", LIMITS)
    with pytest.raises(SoundError):
        probe_speech(tmp_path / "upload", LIMITS)


def test_a_picture_is_no_speech_and_speech_no_picture(tmp_path: Path, astronaut_file: Path) -> None:
    (tmp_path / "speech").write_bytes(tone(0.5))
    with pytest.raises(InputError):
        probe_picture(tmp_path / "speech", LIMITS)
    with pytest.raises(InputError):
        probe_speech(astronaut_file, LIMITS)


def test_a_truncated_portrait_is_left_to_the_reader(tmp_path: Path, astronaut_file: Path) -> None:
    """Its header is whole, so its size is known; who decodes it says that it is cut short."""
    (tmp_path / "cut").write_bytes(astronaut_file.read_bytes()[:2000])
    assert probe_picture(tmp_path / "cut", LIMITS).kind == "image"
    buffer = io.BytesIO()
    Image.new("RGB", (20, 20)).save(buffer, "PPM")
    (tmp_path / "ppm").write_bytes(buffer.getvalue())
    assert probe_picture(tmp_path / "ppm", LIMITS).size == (20, 20)
