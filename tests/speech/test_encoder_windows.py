"""Features in windows at fixed places: the same whatever the chunks, with silence around the sound."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from lipsmith.speech.encoder_windows import (
    FRAMES_PER_STEP,
    LIVE,
    STEP,
    SlidingFeatures,
    SlidingWindows,
    WholeFeatures,
    WholeWindows,
    Windows,
    feature_stream,
    features,
)
from lipsmith.types import Array, Samples

SMALL = WholeWindows(width=24, stride=18)
NOISE: Samples = np.random.default_rng(0).normal(0, 0.1, 50 * STEP).astype(np.float32)


@dataclass(eq=False)
class Echo:
    """A model whose rows are the mean of their two mel frames, and which counts its calls."""

    calls: list[int] = field(default_factory=list)

    def encode(self, mel: Array) -> Array:
        self.calls.append(mel.shape[1])
        rows = mel.T.reshape(-1, 2, 80).mean(axis=1)
        return np.repeat(rows, 5, axis=1)[:, :384]


def steps_of(windows: Windows, samples: Samples, sizes: list[int], steps: int) -> Array:
    stream, at, found = feature_stream(windows, Echo()), 0, list[Array]()  # type: ignore[arg-type]
    for size in [*sizes, len(samples)]:
        found.append(stream.push(samples[at : at + size]))
        at += size
    return np.concatenate([*found, stream.end(steps)])


@pytest.mark.parametrize("windows", [SMALL, SlidingWindows(width=15, block=3, ahead=2)])
@pytest.mark.parametrize("samples", [1, 640, 23 * STEP, 24 * STEP, 25 * STEP, 42 * STEP - 1, 50 * STEP])
def test_the_chunks_make_no_difference_and_every_step_is_given(windows: Windows, samples: int) -> None:
    sound, steps = NOISE[:samples], -(-samples // STEP) + 2
    whole = steps_of(windows, sound, [], steps)
    assert whole.shape == (steps, 384)
    for sizes in ([1] * 50, [333] * 90, [16_000, 0, 1]):
        assert np.array_equal(steps_of(windows, sound, sizes, steps), whole)


def test_whole_windows_begin_at_fixed_places_and_the_last_ends_with_the_sound() -> None:
    model = Echo()
    stream = WholeFeatures(SMALL, model)  # type: ignore[arg-type]
    given = len(stream.push(NOISE))
    assert len(model.calls) == 2  # at steps 0 and 18; one at 36 would end after 50
    assert given == 18 + SMALL.stride + SMALL.edge
    assert len(stream.end(50)) == 50 - given
    assert model.calls == [24 * FRAMES_PER_STEP] * 3


def test_a_sound_shorter_than_a_window_is_encoded_once() -> None:
    model = Echo()
    stream = WholeFeatures(SMALL, model)  # type: ignore[arg-type]
    assert len(stream.push(NOISE[: 21 * STEP])) == 0
    assert len(stream.end(21)) == 21
    assert len(model.calls) == 1


def test_overlapping_windows_are_cross_faded() -> None:
    """With a model that numbers its calls, the steps rise from one window's number to the next over the ramp."""

    class Counting(Echo):
        def encode(self, mel: Array) -> Array:
            super().encode(mel)
            return np.full((mel.shape[1] // 2, 384), len(self.calls), np.float32)

    stream = WholeFeatures(SMALL, Counting())  # type: ignore[arg-type]
    found = np.concatenate([stream.push(NOISE), stream.end(50)])[:, 0]
    begin = SMALL.stride + SMALL.edge
    assert found[:begin] == pytest.approx(1)
    assert np.all(np.diff(found[begin - 1 : begin + SMALL.ramp + 1]) > 0)
    assert found[begin + SMALL.ramp : begin + SMALL.stride] == pytest.approx(2)


def test_a_sliding_window_hears_just_beyond_its_block() -> None:
    windows = SlidingWindows(width=15, block=3, ahead=2)
    end = (9 + windows.ahead) * STEP + 40  # of what the block of steps 6 to 8 hears
    stream = SlidingFeatures(windows, Echo())  # type: ignore[arg-type]
    assert len(stream.push(NOISE[: end - 1])) == 6
    assert len(stream.push(NOISE[end - 1 : end])) == 3


def test_silence_is_encoded_once_for_all() -> None:
    model = Echo()
    for _ in range(2):
        stream = SlidingFeatures(LIVE, model)  # type: ignore[arg-type]
        found = stream.push(np.zeros(16_000, np.float32))
        assert np.all(found == found[0])
    assert len(model.calls) == 1


def test_a_whole_sound_has_a_step_for_each_40_ms() -> None:
    found = features(NOISE[: 3 * STEP + 1])
    assert found.shape == (4, 384)
    assert found.std() > 0.3
