"""The rate of a video that is played at its own: kept, halved, measured, or 25."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from lipsmith.media.video import open_video_source
from tests.support.made_media import number_of, numbered, write_video


def write_timed(path: Path, pictures: int, milliseconds: float, rate: int) -> Path:
    """Frames at even times in a file that states ``rate`` frames per second, as recorders do that state their clock."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libvpx", rate=rate, options={"deadline": "realtime", "cpu-used": "8"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for k in range(pictures):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 5 * k, np.uint8), format="rgb24")
            frame.pts, frame.time_base = round(k * milliseconds), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize(
    ("rate", "played", "notice"),
    [
        (240, 120, "its 240 frames per second are halved to 120"),
        (300, 75, "its 300 frames per second are halved to 75"),
    ],
)
def test_a_rate_above_120_is_halved_until_it_fits(tmp_path: Path, rate: int, played: int, notice: str) -> None:
    path = write_video(tmp_path / "fast.mp4", [numbered(k) for k in range(24)], Fraction(rate))
    source = open_video_source(path, "source")
    assert source.info.fps == played
    assert source.info.notices == (f"fast.mp4: {notice}.",)
    assert source.info.frames == 24 * played // rate
    every = rate // played
    assert [number_of(image) for image in source.frames()][:6] == [every * k for k in range(6)]
    assert open_video_source(path, "25").info.notices == ()


@pytest.mark.parametrize("rate", [Fraction(120), Fraction(120000, 1001), Fraction(1), Fraction(5)])
def test_a_rate_that_fits_is_kept_without_a_word(tmp_path: Path, rate: Fraction) -> None:
    path = write_video(tmp_path / "fits.mp4", [numbered(k) for k in range(4)], rate)
    info = open_video_source(path, "source").info
    assert (info.fps, info.notices) == (rate, ())


def test_fewer_than_one_frame_per_second_become_25(tmp_path: Path) -> None:
    path = write_video(tmp_path / "slides.mp4", [numbered(k) for k in range(4)], Fraction(1, 2))
    info = open_video_source(path, "source").info
    assert (info.fps, info.frames) == (25, 200)
    assert info.notices == ("slides.mp4: it has only 0.5 frames per second, so 25 are used.",)


def test_a_clock_is_no_frame_rate(tmp_path: Path) -> None:
    for rate in (25, 30):
        info = open_video_source(write_timed(tmp_path / "clock.webm", 30, 1000 / rate, 1000), "source").info
        assert (info.fps, info.notices) == (rate, ())
        assert info.frames in (29, 30)  # the length of the last is not stated
