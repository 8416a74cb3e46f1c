"""The features: the same frames whatever the chunks, and what they say of simple sounds."""

import numpy as np
import pytest

from lipsmith.speech.student_mel import BANDS, HOP, SILENT, WINDOW, StudentMelStream, filter_bank, normalised

SOUND = np.random.default_rng(3).normal(0, 0.1, 16_000).astype(np.float32)


def chunked(sizes):
    stream = StudentMelStream()
    at, parts = 0, []
    for size in sizes:
        parts.append(stream.push(SOUND[at : at + size]))
        at += size
    parts.append(stream.push(SOUND[at:]))
    return np.concatenate(parts)


@pytest.mark.parametrize("sizes", [[1] * 1000, [7] * 500, [160] * 90, [399, 1, 1, 4000], [5000, 0, 3]])
def test_any_chunking_gives_the_same_bits(sizes):
    assert np.array_equal(chunked(sizes), StudentMelStream().push(SOUND))


def test_a_frame_every_ten_milliseconds_as_soon_as_its_window_is_full():
    assert len(StudentMelStream().push(SOUND[: WINDOW - 1])) == 0
    assert StudentMelStream().push(SOUND[:WINDOW]).shape == (1, BANDS)
    assert len(StudentMelStream().push(SOUND)) == (16_000 - WINDOW) // HOP + 1


@pytest.mark.parametrize("tone", [200, 1000, 3000, 6000])
def test_a_tone_is_loudest_in_its_own_band(tone):
    time = np.arange(4000) / 16_000
    logs = StudentMelStream().push(np.sin(2 * np.pi * tone * time).astype(np.float32))
    frequencies = np.linspace(0, 8000, 257)
    centres = (frequencies[:, None] * filter_bank()).sum(axis=0)
    loudest = int(logs.mean(axis=0).argmax())
    assert abs(loudest - int(np.abs(centres - tone).argmin())) <= 1


def test_bands_cover_sixty_to_seventy_six_hundred_hertz_with_equal_areas():
    bank = filter_bank()
    heard = np.linspace(0, 8000, 257)[bank.sum(axis=1) > 0]
    assert heard.min() > 60
    assert heard.max() < 7600
    assert np.allclose(bank.sum(axis=0), 1)


def test_silence_is_the_floor_of_the_normalised_scale():
    assert np.all(normalised(StudentMelStream().push(np.zeros(1600, np.float32))) == np.float32(SILENT))
