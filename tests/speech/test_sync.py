"""Made mouths that follow a made sound, late by a known time."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from lipsmith.speech.curves import Curve, smoothed
from lipsmith.speech.sync import match, measure_speech
from lipsmith.types import Samples

FPS = Fraction(25)


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
    _, level, _ = measure_speech([sound], FPS, 200)
    found = match((level, level, -level), (0.2 * moved, 1.2 + 0.3 * moved, 0.6 - 0.1 * moved), FPS)
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
    _, level, vowels = measure_speech([np.concatenate([inside[:16_000], outside[16_000:]])], FPS, 50)
    assert vowels[:20].mean() > vowels[30:].mean() + 40
    assert np.ptp(level[5:45]) < 3
    assert vowels[10] == pytest.approx(level[10], abs=0.1)
    assert level[10] == pytest.approx(10 * np.log10(0.125), abs=0.1)


@pytest.mark.parametrize("fps", [FPS, Fraction(30000, 1001), Fraction(60)])
@pytest.mark.parametrize("size", [100, 1600, 4096])
def test_blocks_of_any_size_say_the_same(fps: Fraction, size: int) -> None:
    sound, _ = voiced(40)
    frames = int(1.8 * fps)  # longer than the sound
    whole = measure_speech([sound], fps, frames)
    parts = measure_speech((sound[at : at + size] for at in range(0, len(sound), size)), fps, frames)
    assert all(len(one) == frames for one in whole)
    assert all(np.array_equal(one, other) for one, other in zip(whole, parts, strict=True))


def test_no_more_is_heard_than_the_film_is_long() -> None:
    taken = 0

    def endless() -> object:
        nonlocal taken
        while True:
            taken += 1
            yield np.zeros(1600, np.float32)

    drives, level, vowels = measure_speech(endless(), FPS, 50)  # type: ignore[arg-type]
    assert len(drives) == len(level) == len(vowels) == 50
    assert taken <= 23


def test_the_last_drive_is_held_where_the_sound_is_shorter_than_the_film() -> None:
    drives, level, _ = measure_speech([np.zeros(640 * 5, np.float32)], FPS, 8)
    assert drives.shape == (8, 8)
    assert np.array_equal(drives[4], drives[7])
    assert level == pytest.approx(-100)
    assert measure_speech([], FPS, 3)[0].shape == (3, 8)
