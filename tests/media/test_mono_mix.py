"""Which channels are heard: the mean, or one where the mean would lose the voice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lipsmith.media.mono_mix import ChannelBalance, LiveMono, to_mono
from lipsmith.media.sound import open_speech
from lipsmith.types import Array, Samples
from tests.support.made_media import noise, write_sound

RATE = 16000


def heard(path: Path, size: int = 4096) -> Samples:
    return np.concatenate(list(open_speech(path).blocks(size)))


def stereo(path: Path, left: Array, right: Array) -> Path:
    return write_sound(path, np.stack([left, right]), RATE, "pcm_f32le")


def test_an_inverted_channel_does_not_silence_the_other(tmp_path: Path) -> None:
    voice = noise(RATE)
    path = stereo(tmp_path / "a.wav", voice, -voice)
    assert np.array_equal(heard(path), voice)
    assert open_speech(path).notices == ("a.wav: its two channels cancel each other, so only the left one is heard.",)
    assert np.array_equal(np.concatenate(list(open_speech(path).channel_blocks()), axis=1), np.stack([voice, -voice]))


def test_of_two_that_cancel_the_louder_is_heard_however_it_is_read(tmp_path: Path) -> None:
    voice = noise(RATE + 77)
    path = stereo(tmp_path / "a.wav", -0.7 * voice, voice)
    for size in (1, 480, 4096, 100_000):
        assert np.array_equal(heard(path, size), voice)


@pytest.mark.parametrize(
    ("shared", "side", "expected"), [(1.0, 0.5, "both"), (1.0, 1.0, "both"), (1.0, 1.5, "both"), (1.0, 2.0, "left")]
)
def test_a_widened_voice_counts_as_cancelled_when_its_mean_has_lost_half(
    shared: float, side: float, expected: str
) -> None:
    """left = m + s, right = m - s; c = (m^2 - s^2) / (m^2 + s^2), below -.5 from s = 1.73 m on."""
    middle, wide = shared * noise(RATE), side * noise(RATE, seed=1)
    balance = ChannelBalance()
    for start in range(0, RATE, RATE // 4):
        balance.add(np.stack([middle + wide, middle - wide])[:, start : start + RATE // 4])
    assert balance.heard_from in ({expected} if expected == "both" else {"left", "right"})
    assert balance.cancels == (expected != "both")


def test_two_speakers_each_in_a_channel_are_both_heard(tmp_path: Path) -> None:
    """Also if one is much fainter, and if a short jingle between them cancels."""
    first, second, jingle = noise(2 * RATE), 0.3 * noise(2 * RATE, seed=1), 0.1 * noise(RATE, seed=2)
    left = np.concatenate([first, 0 * second, jingle])
    right = np.concatenate([0 * first, second, -jingle])
    path = stereo(tmp_path / "a.wav", left, right)
    assert np.allclose(heard(path), (left + right) / 2, atol=1e-7)
    assert open_speech(path).notices == ()


def test_an_inverted_part_is_enough(tmp_path: Path) -> None:
    voice = noise(4 * RATE)
    right = voice.copy()
    right[3 * RATE :] *= -1
    assert np.array_equal(heard(stereo(tmp_path / "a.wav", voice, right)), voice)


@pytest.mark.parametrize("faint", [0.0, 0.005])
def test_one_channel_alone_keeps_its_level(tmp_path: Path, faint: float) -> None:
    voice = noise(RATE)
    path = stereo(tmp_path / "a.wav", faint * noise(RATE, seed=1), voice)
    assert np.array_equal(heard(path), voice)
    assert open_speech(path).notices == ()


def test_six_channels_whose_front_ones_cancel_are_heard(tmp_path: Path) -> None:
    voice = noise(RATE)
    sound = np.zeros((6, RATE), np.float32)
    sound[0], sound[1] = voice, -voice
    path = write_sound(tmp_path / "a.wav", sound, RATE, "pcm_f32le", layout="5.1")
    assert np.abs(heard(path) - voice).max() < 1e-6


def test_silence_and_one_channel_need_no_choice() -> None:
    balance = ChannelBalance()
    balance.add(np.zeros((2, 100), np.float32))
    balance.add(np.ones((1, 100), np.float32))
    assert balance.heard_from == "both"
    assert not balance.cancels
    assert np.array_equal(to_mono(np.ones((1, 3), np.float32), "right"), np.ones(3))


@pytest.mark.parametrize("sizes", [[960], [1, 479, 480, 37, 2000]])
def test_a_live_inverted_channel_is_heard_after_a_hundredth_of_a_second(sizes: list[int]) -> None:
    time = np.arange(48000) / 48000
    voice = (0.5 * np.sin(2 * np.pi * 200 * time)).astype(np.float32)
    sound, mix, heard = np.stack([voice, -0.9 * voice]), LiveMono(48000), [np.zeros(0, np.float32)]
    while sound.shape[1]:
        size = sizes[len(heard) % len(sizes)]
        heard.append(mix.push(sound[:, :size]))
        sound = sound[:, size:]
    mono = np.concatenate(heard)
    assert len(mono) == 48000
    assert np.abs(mono[960:] - voice[960:]).max() < 1e-6
    assert np.abs(np.diff(mono)).max() < 1.5 * np.abs(np.diff(voice)).max()  # no click


def test_live_sound_that_does_not_cancel_is_the_mean() -> None:
    both, mix = noise(48000, channels=2), LiveMono(48000)
    assert np.abs(mix.push(both) - both.mean(axis=0)).max() < 1e-6
    assert np.array_equal(mix.push(both[:1]), both[0])
    assert mix.push(both[:, :0]).shape == (0,)


def test_a_live_microphone_goes_back_to_both_channels() -> None:
    voice, mix = noise(48000), LiveMono(48000)
    mix.push(np.stack([voice, -voice]))
    mix.push(np.stack([voice, voice])[:, :24000])
    later = np.stack([voice, 0.5 * voice])
    assert np.abs(mix.push(later) - later.mean(axis=0)).max() < 1e-6
