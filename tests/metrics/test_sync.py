"""Scoring films: made mouths that follow a made sound, late by a known time; and a film without anybody in it."""

from fractions import Fraction

import av
import numpy as np
import pytest

from lipsmith.errors import FaceError
from lipsmith.metrics.curves import smoothed
from lipsmith.metrics.sync import MouthTrace, drives_for, level_curve, match, mouth_of, score_film

FPS = Fraction(25)


def voiced(frames, seed=4):
    """Noise whose loudness follows a random curve: (samples, curve)."""
    generator = np.random.default_rng(seed)
    curve = np.clip(smoothed(generator.normal(size=frames), 2.0) * 2 + 0.5, 0, 1)
    envelope = np.interp(np.arange(frames * 640) / 640 - 0.5, np.arange(frames), curve)
    return (0.3 * generator.normal(size=frames * 640) * 10 ** (2 * envelope - 2)).astype(np.float32), curve


@pytest.mark.parametrize("late", [0, 3, -2])
def test_a_mouth_that_follows_the_level_is_matched_at_its_lag(late):
    sound, curve = voiced(200)
    moved = np.roll(curve, late)
    trace = MouthTrace(0.2 * moved, 1.2 + 0.3 * moved, 0.6 - 0.1 * moved, np.ones(200, bool))
    level = level_curve(sound, FPS, 200)
    found = match(trace, (level, level, -level), FPS)
    assert found.lag_ms == pytest.approx(40 * late, abs=20)
    assert found.aperture_aligned >= 0.95
    assert found.jaw_aligned >= 0.9
    assert found.width_aligned >= 0.9
    if late:
        assert found.aperture < found.aperture_aligned


def test_the_vowel_band_hears_only_itself():
    time = np.arange(32_000) / 16_000
    inside, outside = (np.sin(2 * np.pi * tone * time).astype(np.float32) for tone in (800, 3000))
    halves = np.concatenate([inside[:16_000], outside[16_000:]])
    curve = level_curve(halves, FPS, 50, (500, 1200))
    assert curve[:20].mean() > curve[30:].mean() + 40
    assert np.ptp(level_curve(halves, FPS, 50)[5:45]) < 3


def test_a_mouth_is_measured_in_eye_distances():
    landmarks = np.zeros((478, 3), np.float32)
    landmarks[263] = (200, 0, 0)
    for upper, lower in ((13, 14), (82, 87), (312, 317)):
        landmarks[lower] = landmarks[upper] + (0, 20, 0)
    landmarks[152] = (0, 150, 0)
    landmarks[308] = (0, 0, 100)
    assert mouth_of(landmarks) == pytest.approx((0.1, 0.75, 0.5))


def test_the_last_drive_is_held_where_the_sound_is_shorter_than_the_film():
    drives = drives_for(np.zeros(640 * 5, np.float32), FPS, 8)
    assert drives.shape == (8, 8)
    assert np.array_equal(drives[4], drives[7])


def test_a_film_without_a_face_is_told(tmp_path):
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
