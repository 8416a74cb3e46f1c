"""Augmentation on log-mel: shapes stay, what was there is still there, the same seed does the same."""

import numpy as np
import pytest

from lipsmith.speech.student_mel import BANDS
from lipsmith.training.voice2mouth import augment
from lipsmith.training.voice2mouth.noise import KINDS, noise_sound

SILENT_LOG = augment.SILENT_LOG


def generator(seed=1):
    return np.random.default_rng(seed)


def speech():
    mel = np.full((430, BANDS), SILENT_LOG, np.float32)
    mel[100:200, 5:15] = -4
    return mel


NOISES = [generator(2).normal(-8, 0.5, (1000, BANDS)).astype(np.float32)]


@pytest.mark.parametrize(
    "change", [augment.warp_vocal_tract, augment.filter_spectrum, augment.add_reverberation, augment.limit_bandwidth]
)
def test_each_change_keeps_shape_type_and_finiteness(change):
    changed = change(speech(), generator())
    assert changed.shape == speech().shape
    assert changed.dtype == np.float32
    assert np.all(np.isfinite(changed))


def test_a_room_only_adds_and_only_afterwards():
    wet = augment.add_reverberation(speech(), generator())
    assert np.all(wet >= speech() - 1e-4)
    assert np.allclose(wet[:100], np.log(2e-8), atol=0.8)
    assert wet[201:210, 5:15].mean() > speech()[201:210, 5:15].mean() + 5


def test_noise_is_weaker_than_the_speech():
    noisy = augment.add_noise(speech(), NOISES, generator())
    added = np.exp(noisy) - np.exp(speech())
    assert 0 < added.mean() <= np.exp(speech()).mean() * 1.1


def test_the_same_seed_disturbs_alike():
    first, again, other = (augment.augment(speech(), NOISES, generator(seed)) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("kind", KINDS)
def test_noises_are_loud_as_asked_and_reproducible(kind):
    sound = noise_sound(kind, generator(), 16_000)
    assert sound.shape == (16_000,)
    assert np.abs(sound).max() == pytest.approx(0.5)
    assert np.array_equal(sound, noise_sound(kind, generator(), 16_000))
