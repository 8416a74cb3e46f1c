"""Scoring films: made mouths that follow a made sound, late by a known time; films of the engine's own; and nobody."""

from __future__ import annotations

import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from lipsmith.errors import FaceError
from lipsmith.metrics.curves import Curve, smoothed
from lipsmith.metrics.sync import MouthTrace, SyncReport, heard, listen, match, mouth_of, score_film
from lipsmith.options import GenerateOptions
from lipsmith.pipeline.generate import generate
from lipsmith.types import Samples

FPS = Fraction(25)
SECONDS = 5


def voiced(frames: int, seed: int = 4) -> tuple[Samples, Curve]:
    """Noise whose loudness follows a random curve: (samples, curve)."""
    generator = np.random.default_rng(seed)
    curve = np.clip(smoothed(generator.normal(size=frames), 2.0) * 2 + 0.5, 0, 1)
    envelope = np.interp(np.arange(frames * 640) / 640 - 0.5, np.arange(frames), curve)
    return (0.3 * generator.normal(size=frames * 640) * 10 ** (2 * envelope - 2)).astype(np.float32), curve


@pytest.mark.parametrize("late", [0, 3, -2])
def test_a_mouth_that_follows_the_level_is_matched_at_its_lag(late: int) -> None:
    sound, curve = voiced(200)
    moved = np.roll(curve, late)
    trace = MouthTrace(0.2 * moved, 1.2 + 0.3 * moved, 0.6 - 0.1 * moved, np.ones(200, bool))
    _, level, _ = listen([sound], FPS, 200)
    found = match(trace, (level, level, -level), FPS)
    assert found.lag_ms == pytest.approx(40 * late, abs=20)
    assert found.aperture_aligned >= 0.95
    assert found.jaw_aligned >= 0.9
    assert found.width_aligned is not None
    assert found.width_aligned >= 0.9
    if late:
        assert found.aperture < found.aperture_aligned


def test_the_vowel_band_hears_only_itself() -> None:
    time = np.arange(32_000) / 16_000
    inside, outside = (0.5 * np.sin(2 * np.pi * tone * time).astype(np.float32) for tone in (800, 3000))
    _, level, vowels = listen([np.concatenate([inside[:16_000], outside[16_000:]])], FPS, 50)
    assert vowels[:20].mean() > vowels[30:].mean() + 40
    assert np.ptp(level[5:45]) < 3
    assert vowels[10] == pytest.approx(level[10], abs=0.1)
    assert level[10] == pytest.approx(10 * np.log10(0.125), abs=0.1)


@pytest.mark.parametrize("fps", [FPS, Fraction(30000, 1001), Fraction(60)])
@pytest.mark.parametrize("size", [100, 1600, 4096])
def test_blocks_of_any_size_say_the_same(fps: Fraction, size: int) -> None:
    sound, _ = voiced(40)
    frames = int(1.8 * fps)  # longer than the sound
    whole = listen([sound], fps, frames)
    parts = listen((sound[at : at + size] for at in range(0, len(sound), size)), fps, frames)
    assert all(len(one) == frames for one in whole)
    assert all(np.array_equal(one, other) for one, other in zip(whole, parts, strict=True))


def test_no_more_is_heard_than_the_film_is_long() -> None:
    taken = 0

    def endless() -> object:
        nonlocal taken
        while True:
            taken += 1
            yield np.zeros(1600, np.float32)

    drives, level, vowels = listen(endless(), FPS, 50)  # type: ignore[arg-type]
    assert len(drives) == len(level) == len(vowels) == 50
    assert taken <= 23


def test_the_last_drive_is_held_where_the_sound_is_shorter_than_the_film() -> None:
    drives, level, _ = listen([np.zeros(640 * 5, np.float32)], FPS, 8)
    assert drives.shape == (8, 8)
    assert np.array_equal(drives[4], drives[7])
    assert level == pytest.approx(-100)
    assert listen([], FPS, 3)[0].shape == (3, 8)


def test_a_mouth_is_measured_in_eye_distances() -> None:
    landmarks = np.zeros((478, 3), np.float32)
    landmarks[263] = (200, 0, 0)
    for upper, lower in ((13, 14), (82, 87), (312, 317)):
        landmarks[lower] = landmarks[upper] + (0, 20, 0)
    landmarks[152] = (0, 150, 0)
    landmarks[308] = (0, 0, 100)
    assert mouth_of(landmarks) == pytest.approx((0.1, 0.75, 0.5))


def write_wav(path: Path, sound: Samples) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(np.round(32_767 * sound).astype("<i2").tobytes())
    return path


@pytest.fixture(scope="module")
def speech(speech_file: Path) -> Samples:
    """(n,) the first seconds of the shipped speech, at 16 kHz."""
    return np.concatenate(list(heard(speech_file)))[: SECONDS * 16_000]


@pytest.fixture(scope="module", params=["25", "30"])
def film(
    request: pytest.FixtureRequest, astronaut_file: Path, speech: Samples, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The shipped portrait saying the speech, at that rate."""
    folder = tmp_path_factory.mktemp(f"sync{request.param}")
    options = GenerateOptions(fps=request.param, still=True)
    generate(astronaut_file, write_wav(folder / "speech.wav", speech), folder / f"{request.param}.mp4", options)
    return folder / f"{request.param}.mp4"


def lags(report: SyncReport) -> list[float]:
    return [one.lag_ms for one in (report.student, report.vowels, report.level)]


def test_a_film_of_ours_is_in_time_at_its_own_rate(film: Path) -> None:
    report = score_film(film)
    rate = int(film.stem)
    assert (report.fps, report.frames, report.faces) == (rate, SECONDS * rate, 1.0)
    assert report.student.aperture >= 0.8
    assert report.vowels.aperture_aligned >= 0.3
    assert report.student.lag_ms == pytest.approx(0, abs=20)
    assert lags(report)[1:] == pytest.approx([0, 0], abs=80)


@pytest.mark.parametrize("late", [200, -200])
def test_sound_that_is_shifted_is_found_out(film: Path, speech: Samples, late: int, tmp_path: Path) -> None:
    shift = late * 16
    moved = np.concatenate([np.zeros(max(0, shift), np.float32), speech[max(0, -shift) :]])
    report = score_film(film, write_wav(tmp_path / "moved.wav", moved))
    assert report.student.lag_ms == pytest.approx(-late, abs=25)
    assert report.student.aperture_aligned >= 0.8
    assert report.student.aperture < 0.5


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
    with pytest.raises(FaceError, match="0 frames"):
        score_film(path)
