"""Scoring films: films of the engine's own, and a film of nobody."""

from __future__ import annotations

import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from lipsmith.errors import FaceError
from lipsmith.metrics.sync import score_film, speech_samples
from lipsmith.options import GenerateOptions
from lipsmith.pipeline.generate import generate
from lipsmith.types import Samples

FPS = Fraction(25)
SECONDS = 5


def write_wav(path: Path, sound: Samples) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(np.round(32_767 * sound).astype("<i2").tobytes())
    return path


@pytest.fixture(scope="module")
def speech(speech_file: Path) -> Samples:
    """(n,) the first seconds of the shipped speech, at 16 kHz."""
    return np.concatenate(list(speech_samples(speech_file)))[: SECONDS * 16_000]


@pytest.fixture(scope="module", params=["25", "30"])
def film(
    request: pytest.FixtureRequest, astronaut_file: Path, speech: Samples, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The shipped portrait saying the speech, at that rate."""
    folder = tmp_path_factory.mktemp(f"sync{request.param}")
    options = GenerateOptions(fps=request.param, still=True)
    generate(astronaut_file, write_wav(folder / "speech.wav", speech), folder / f"{request.param}.mp4", options)
    return folder / f"{request.param}.mp4"


def test_a_film_of_ours_is_in_time_at_its_own_rate(film: Path) -> None:
    report = score_film(film)
    rate = int(film.stem)
    assert (report.fps, report.frames, report.faces) == (rate, SECONDS * rate, 1.0)
    assert report.controls.aperture >= 0.7  # the encoder closes lips in one frame, the engine over three
    assert report.vowels.aperture_aligned >= 0.15  # loud vowels alone say little of a mouth that follows phones
    assert report.controls.lag_ms == pytest.approx(0, abs=20)
    assert report.level.lag_ms == pytest.approx(0, abs=120)  # a mouth opens ahead of the sound


@pytest.mark.parametrize("late", [200, -200])
def test_sound_that_is_shifted_is_found_out(film: Path, speech: Samples, late: int, tmp_path: Path) -> None:
    shift = late * 16
    moved = np.concatenate([np.zeros(max(0, shift), np.float32), speech[max(0, -shift) :]])
    report = score_film(film, write_wav(tmp_path / "moved.wav", moved))
    assert report.controls.lag_ms == pytest.approx(-late, abs=25)
    assert report.controls.aperture_aligned >= 0.7
    assert report.controls.aperture < 0.5


def test_a_film_without_a_face_is_told(tmp_path: Path) -> None:
    path = tmp_path / "grey.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for _ in range(12):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 120, np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(FaceError, match="in 0 of 12 frames"):
        score_film(path)
