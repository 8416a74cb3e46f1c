"""The laws of drive sources: one drive for every frame, whatever the sound, whatever its chunks."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from fractions import Fraction

import numpy as np
import pytest

from lipsmith.drive.source import DriveSource
from lipsmith.drive.speech import SpeechDrive
from lipsmith.engines.fake import FakeEngine, FakeOptions
from lipsmith.pipeline.render import render_stream
from lipsmith.pipeline.timeline import Timeline
from lipsmith.timing import frame_count, sample_at
from lipsmith.types import Array, AVFrame, Face, Samples, SourceFrame

FPS = Fraction(30000, 1001)
RATE = 24_000


class CountingDrive:
    """Ignores the sound, as a motion file would: the drive of frame k is k, in the fake engine's own shape (1,)."""

    def __init__(self) -> None:
        self._next = 0

    def push(self, samples: Samples, frames: int) -> list[Array]:
        return self._up_to(frames)

    def finish(self, frames: int) -> list[Array]:
        return self._up_to(frames)

    def begin_at(self, frame: int) -> None:
        self._next = frame

    def _up_to(self, frames: int) -> list[Array]:
        first, self._next = self._next, max(self._next, frames)
        return [np.array([number], np.float32) for number in range(first, self._next)]


def sources(engine: FakeEngine) -> Iterator[SourceFrame]:
    image = np.zeros((24, 24, 3), np.uint8)
    face = Face(np.array([4, 4, 20, 20], np.float32), np.zeros((478, 3), np.float32), 1.0)
    return itertools.repeat(SourceFrame(0, image, (engine.prepare(image, face, 1),)))


def noise(seconds: float) -> Samples:
    return np.random.default_rng(1).standard_normal(round(RATE * seconds)).astype(np.float32)


def film(drives: DriveSource, sound: Samples, size: int, frames: int, window: int = 1) -> list[AVFrame]:
    engine = FakeEngine(FakeOptions(window=window))
    timeline = Timeline(sources(engine), drives, FPS, RATE, window)
    blocks = (sound[start : start + size] for start in range(0, len(sound), size))
    return list(render_stream(timeline, blocks, engine, frames))


def same_pictures(one: list[AVFrame], other: list[AVFrame]) -> bool:
    return all(np.array_equal(a.image, b.image) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("window", [1, 4])
@pytest.mark.parametrize("sound", [noise(0), noise(0.7), np.zeros(RATE * 2, np.float32), noise(2)])
def test_a_source_that_ignores_sound_drives_a_film_of_the_length_asked_for(sound: Samples, window: int) -> None:
    frames = 75  # longer than any of the sounds
    made = film(CountingDrive(), sound, 777, frames, window)
    assert [frame.index for frame in made] == list(range(frames))
    assert same_pictures(made, film(CountingDrive(), noise(0), 1, frames, window))
    assert len({frame.image[10, 10, 0] for frame in made}) > 1  # the drives reach the pictures
    played = np.concatenate([frame.samples for frame in made])
    assert len(played) == sample_at(frames, FPS, RATE)
    assert np.array_equal(played[: len(sound)], sound)
    assert not played[len(sound) :].any()


@pytest.mark.parametrize("make", [CountingDrive, lambda: SpeechDrive(FakeEngine(), FPS, RATE)])
def test_any_chunking_gives_the_same_drives(make: Callable[[], DriveSource]) -> None:
    sound, total = noise(1.3), frame_count(round(RATE * 1.3), FPS, RATE)

    def drives(size: int) -> list[Array]:
        timeline = Timeline(sources(FakeEngine()), make(), FPS, RATE)
        pieces = [sound[start : start + size] for start in range(0, len(sound), size)]
        windows = [window for piece in pieces for window in timeline.push(piece)] + timeline.end()
        return [driven.drive for window in windows for driven in window]

    whole = drives(len(sound))
    assert len(whole) == total
    for size in (97, 801, 4096):
        assert np.array_equal(drives(size), whole)


def test_no_drive_comes_before_the_sound_of_its_frame() -> None:
    seen: list[int] = []
    timeline = Timeline(sources(FakeEngine()), CountingDrive(), FPS, RATE)
    for number in range(1, 40):
        seen += [driven.index for window in timeline.push(noise(0.01)) for driven in window]
        assert all(sample_at(index + 1, FPS, RATE) <= number * 240 for index in seen)
    assert len(seen) == 39 * 240 * FPS // RATE


def test_speech_that_is_shorter_than_the_film_is_followed_by_silence() -> None:
    drive = SpeechDrive(FakeEngine(), FPS, RATE)
    drives = [*drive.push(noise(0.5), 14), *drive.finish(40)]
    assert len(drives) == 40
    assert not np.any(drives[20:])
    assert not drive.moves_in_silence
