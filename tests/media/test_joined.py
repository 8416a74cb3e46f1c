"""MPEG files that were joined end to end play one after the other, though the clock of the second begins anew."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from lipsmith.media.sound import open_speech
from lipsmith.media.video import open_video_source
from tests.support.made_media import click, encode, number_of, numbered

RATE, SECONDS, LEVELS = 48000, 2, 10
CODECS = {".ts": ("mpegts", "libx264", "aac"), ".mpg": ("mpeg", "mpeg2video", "mp2")}


def part(path: Path, first: int) -> Path:
    """Pictures of ten levels from ``first``, each for 0.2 s, and a click half a second after their beginning."""
    container, video, audio = CODECS[path.suffix]
    with av.open(str(path), "w", format=container) as out:
        pictures: Any = out.add_stream(video, rate=25)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
        sound: Any = out.add_stream(audio, rate=RATE, layout="mono")
        for k in range(25 * SECONDS):
            frame = av.VideoFrame.from_ndarray(numbered(first + k // 5), format="rgb24")
            frame.pts, frame.time_base = k, Fraction(1, 25)
            out.mux(pictures.encode(frame))
        out.mux(pictures.encode())
        encode(out, sound, click(SECONDS, 0.5, RATE)[None], RATE, "mono")
    return path


def joined(folder: Path, suffix: str, parts: int) -> Path:
    path = folder / f"joined{suffix}"
    path.write_bytes(b"".join(part(folder / f"{k}{suffix}", LEVELS * k).read_bytes() for k in range(parts)))
    return path


@pytest.mark.parametrize(("suffix", "parts"), [(".ts", 2), (".ts", 3), (".mpg", 2)])
def test_every_part_is_shown_and_heard_with_its_pictures(tmp_path: Path, suffix: str, parts: int) -> None:
    path = joined(tmp_path, suffix, parts)
    video, speech = open_video_source(path), open_speech(path)
    shown = [number_of(image) for image in video.frames()]
    sound = np.abs(np.concatenate(list(speech.blocks())))
    assert shown == sorted(shown)
    assert all(3 <= shown.count(level) <= 7 for level in range(LEVELS * parts)), shown
    assert abs(video.info.seconds - SECONDS * parts) < 0.1 * parts
    assert abs(speech.seconds - SECONDS * parts) < 0.1 * parts
    for k in range(parts):
        begins = round(shown.index(LEVELS * k) / 25 * RATE)
        assert np.argmax(sound[begins:] > 0.1) / RATE == pytest.approx(0.5, abs=0.06)
