"""What the probe says of films made elsewhere."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest

from lipsmith.errors import PictureError
from lipsmith.media.probe import probe
from tests.support.made_media import click, noise, numbered, write_both, write_sound, write_video


def test_a_film_with_sound(tmp_path: Path) -> None:
    film = probe(write_both(tmp_path / "a.mp4", [numbered(k) for k in range(10)], noise(6000), 16000))
    assert film.size == (64, 48)
    assert (film.fps, film.frames, film.picture_seconds) == (25, 10, 0.4)
    assert (film.video_codec, film.pix_fmt, film.audio_codec) == ("h264", "yuv420p", "aac")
    assert (film.rate, film.channels, film.sound_seconds) == (16000, 1, 0.375)
    assert film.mark is None


def test_a_silent_film(tmp_path: Path) -> None:
    film = probe(write_video(tmp_path / "a.webm", [numbered(k) for k in range(8)], Fraction(20), codec="libvpx"))
    assert (film.container, film.video_codec, film.frames, film.fps) == ("matroska,webm", "vp8", 8, 20)
    assert film.picture_seconds == pytest.approx(0.4, abs=0.002)
    assert (film.audio_codec, film.rate, film.channels, film.sound_seconds) == ("", 0, 0, 0.0)


def test_a_sound_file(tmp_path: Path) -> None:
    film = probe(write_sound(tmp_path / "a.m4a", click(0.5, 0.1, 48000), 48000, "aac"))
    assert (film.video_codec, film.frames, film.size, film.fps, film.picture_seconds) == ("", 0, (0, 0), 0, 0.0)
    assert film.sound_seconds == 0.5


@pytest.mark.parametrize("flags", ["", "faststart", "empty_moov+frag_keyframe+default_base_moof"])
def test_the_place_of_the_index(tmp_path: Path, flags: str) -> None:
    write_video(tmp_path / "a.mp4", [numbered(k) for k in range(5)])
    with (
        av.open(str(tmp_path / "a.mp4")) as before,
        av.open(str(tmp_path / "b.mp4"), "w", container_options={"movflags": flags} if flags else {}) as after,
    ):
        stream = after.add_stream_from_template(before.streams.video[0])
        for packet in before.demux(video=0):
            if packet.size:
                packet.stream = stream
                after.mux(packet)
    assert probe(tmp_path / "b.mp4").faststart == bool(flags)


def test_what_is_no_film_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("a letter")
    with pytest.raises(PictureError, match="is not a film that can be read"):
        probe(tmp_path / "a.mp4")
