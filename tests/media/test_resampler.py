"""The resampler: the same samples whatever the chunks, in step with the time, without aliases."""

from __future__ import annotations

from math import ceil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lipsmith.media.resampler import Resampler
from lipsmith.types import Array, Samples
from tests.support.made_media import noise


def resample(rate: int, samples: Samples, sizes: list[int]) -> Samples:
    resampler, out, start = Resampler(rate), [], 0
    for size in sizes:
        out.append(resampler.push(samples[start : start + size]))
        start += size
    return np.concatenate([*out, resampler.push(samples[start:]), resampler.flush()])


@settings(max_examples=40, deadline=None)
@given(
    rate=st.sampled_from([8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000, 96000]),
    length=st.integers(0, 6000),
    sizes=st.lists(st.integers(0, 1500), max_size=12),
)
def test_any_chunking_gives_the_same_bit_for_bit(rate: int, length: int, sizes: list[int]) -> None:
    samples = noise(length)
    whole = resample(rate, samples, [])
    assert np.array_equal(resample(rate, samples, sizes), whole)
    assert len(whole) == ceil(length * 16000 / rate)
    assert whole.dtype == np.float32


def test_single_samples_give_the_same_as_the_whole() -> None:
    samples = noise(700)
    assert np.array_equal(resample(44100, samples, [1] * 700), resample(44100, samples, []))


@pytest.mark.parametrize("rate", [8000, 11025, 12000, 22050, 24000, 32000, 44100, 48000, 96000])
def test_a_click_is_heard_at_its_moment(rate: int) -> None:
    samples = np.zeros(rate, np.float32)
    samples[rate // 3] = 1
    assert abs(int(np.abs(resample(rate, samples, [])).argmax()) - rate // 3 / rate * 16000) <= 1


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
def test_a_tone_keeps_its_phase_and_what_cannot_be_heard_is_gone(rate: int) -> None:
    def tone(hz: float, at: int) -> Array:
        return np.sin(2 * np.pi * hz * np.arange(at) / at).astype(np.float32)

    inside = slice(100, -100)
    assert np.abs(resample(rate, tone(1000, rate), []) - tone(1000, 16000))[inside].max() < 2e-4
    assert np.abs(resample(rate, tone(3000, rate), []) - tone(3000, 16000))[inside].max() < 2e-4
    if rate > 22050:
        assert np.abs(resample(rate, tone(9000, rate), [])[inside]).max() < 1e-3


def test_a_steady_level_stays_steady() -> None:
    level = resample(44100, np.full(44100, 0.5, np.float32), [])
    assert np.allclose(level[100:-100], 0.5, atol=1e-6)


@pytest.mark.parametrize(("rate", "target_rate"), [(16_000, 48_000), (48_000, 24_000), (44_100, 48_000)])
def test_it_resamples_to_any_rate(rate: int, target_rate: int) -> None:
    resampler, tone = Resampler(rate, target_rate), np.sin(2 * np.pi * 440 * np.arange(rate) / rate).astype(np.float32)
    pieces = [resampler.push(tone[start : start + 997]) for start in range(0, rate, 997)]
    heard = np.concatenate([*pieces, resampler.flush()])
    assert len(heard) == target_rate
    wanted = np.sin(2 * np.pi * 440 * np.arange(target_rate) / target_rate)
    assert np.abs(heard - wanted)[target_rate // 100 : -target_rate // 100].max() < 1e-3
