"""Augmentation on sound: it stays in step, what is added is weaker, the same seed does the same."""

import numpy as np
import pytest

from lipsmith.training.voice2mouth import sound_augment

NOISES = [np.random.default_rng(9).normal(0, 0.1, 40_000).astype(np.float32)]


def generator(seed=1):
    return np.random.default_rng(seed)


def tone():
    """A second of silence around a tone of .5 s."""
    samples = np.zeros(24_000, np.float32)
    samples[8_000:16_000] = 0.5 * np.sin(2 * np.pi * 440 * np.arange(8_000) / 16_000)
    return samples


def decibels(samples):
    return 10 * np.log10(np.mean(samples.astype(np.float64) ** 2) + 1e-12)


def test_a_room_adds_only_after_the_sound_and_fades():
    wet = sound_augment.add_room(tone(), generator())
    assert np.abs(wet[:7_990]).max() < 1e-5
    assert decibels(wet[16_000:17_000]) > decibels(wet[21_000:24_000]) + 10


def test_an_equaliser_moves_nothing_in_time():
    clicked = np.zeros(16_000, np.float32)
    clicked[8_000] = 1
    assert abs(int(np.abs(sound_augment.equalise(clicked, generator())).argmax()) - 8_000) <= 2


@pytest.mark.parametrize("seed", range(4))
def test_noise_is_3_to_35_decibels_weaker(seed):
    added = sound_augment.add_background(tone(), NOISES, generator(seed)) - tone()
    assert 2.9 <= decibels(tone()) - decibels(added) <= 35.1


def test_silence_stays_finite():
    augmented = sound_augment.augment_sound(np.zeros(16_000, np.float32), NOISES, generator())
    assert np.all(np.isfinite(augmented))


def test_the_same_seed_does_the_same():
    first, again, other = (sound_augment.augment_sound(tone(), NOISES, generator(seed)) for seed in (3, 3, 4))
    assert first.shape == tone().shape
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert 0.049 <= np.abs(first).max() <= 0.901


def test_background_noises_hold_every_kind_twice():
    noises = sound_augment.background_noises(2, seconds=1)
    assert {len(noise) for noise in noises} == {16_000}
    assert len(noises) == 2 * len(sound_augment.KINDS)
    assert not np.array_equal(noises[0], noises[len(sound_augment.KINDS)])
