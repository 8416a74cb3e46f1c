"""The laws of the stage, with the fake engine: any chunking = whole, sound in = sound out, cutaways untouched."""

import gc
import itertools
import tracemalloc
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from lipsmith.engines.fake import FakeEngine, FakeOptions
from lipsmith.media.resampler import Resampler
from lipsmith.pipeline.render import render_stream, render_windows
from lipsmith.pipeline.timeline import Timeline
from lipsmith.timing import frame_count, sample_at
from lipsmith.types import AVFrame, Face, Samples, SourceFrame

RATES = [Fraction(25), Fraction(30), Fraction(30000, 1001), Fraction(24000, 1001), Fraction(50)]


def source_frames(engine: FakeEngine, cutaways: tuple[int, ...] = (3,), faces: int = 1) -> list[SourceFrame]:
    random = np.random.default_rng(0)
    made = []
    for index in range(7):
        image = random.integers(0, 255, (32, 64, 3), dtype=np.uint8)
        boxes = [np.array([4 + 30 * k, 4, 24 + 30 * k, 24], np.float32) for k in range(faces)]
        there = [] if index in cutaways else boxes
        targets = [engine.prepare(image, Face(box, np.zeros((478, 3), np.float32), 1.0), 1) for box in there]
        made.append(SourceFrame(index, image, tuple(targets)))
    return made


def back_and_forth(sources: list[SourceFrame]) -> Iterator[SourceFrame]:
    return itertools.cycle(sources + sources[::-1])


def chunks(sound: Samples, size: int) -> Iterator[Samples]:
    return (sound[start : start + size] for start in range(0, len(sound), size))


def film(
    engine: FakeEngine, sources: Iterable[SourceFrame], sound: Iterable[Samples], fps: Fraction, rate: int = 16_000
) -> list[AVFrame]:
    timeline = Timeline.of_speech(iter(sources), engine, fps, rate)
    return list(render_stream(timeline, sound, engine))


def same(one: list[AVFrame], other: list[AVFrame]) -> bool:
    return [f.index for f in one] == [f.index for f in other] and all(
        (a.image == b.image).all() and (a.samples == b.samples).all() for a, b in zip(one, other, strict=True)
    )


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize(("window", "faces"), [(1, 1), (4, 2), (16, 1)])
def test_any_chunking_gives_the_same_film(fps: Fraction, window: int, faces: int) -> None:
    sound = np.random.default_rng(1).standard_normal(16_000 * 2 + 123).astype(np.float32)
    engine = FakeEngine(FakeOptions(window=window))
    sources = source_frames(engine, faces=faces)
    whole = film(engine, back_and_forth(sources), [sound], fps)
    assert [frame.index for frame in whole] == list(range(frame_count(len(sound), fps)))
    for size in (97, 640, 4096):
        assert same(film(engine, back_and_forth(sources), chunks(sound, size), fps), whole)


@pytest.mark.parametrize("batch", [2, 5, 64])
def test_a_batch_changes_nothing_but_the_number_of_calls(batch: int) -> None:
    sound = np.random.default_rng(2).standard_normal(16_000).astype(np.float32)
    engine = FakeEngine()
    sources = source_frames(engine)
    alone = film(engine, back_and_forth(sources), [sound], Fraction(25))
    engine.calls.clear()
    together = list(
        render_stream(Timeline.of_speech(back_and_forth(sources), engine, Fraction(25)), [sound], engine, batch=batch)
    )
    assert same(together, alone)
    assert len(engine.calls) <= -(-25 // batch)


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000])
@pytest.mark.parametrize("length", [1, 47, 60_001])
def test_the_playing_sound_comes_out_as_it_went_in(fps: Fraction, rate: int, length: int) -> None:
    sound = np.random.default_rng(3).standard_normal(length).astype(np.float32)
    engine = FakeEngine()
    frames = film(engine, back_and_forth(source_frames(engine)), chunks(sound, 1001), fps, rate)
    out = np.concatenate([frame.samples for frame in frames])
    assert len(frames) == frame_count(length, fps, rate)
    assert len(out) == sample_at(len(frames), fps, rate)
    assert (out[:length] == sound).all()
    assert not out[length:].any()


def test_a_cutaway_is_the_very_source_frame() -> None:
    engine = FakeEngine(FakeOptions(window=4))
    sources = source_frames(engine, cutaways=(0, 3))
    frames = film(engine, sources, [np.ones(sample_at(7, Fraction(25)), np.float32)], Fraction(25))
    for frame, source_frame in zip(frames, sources, strict=True):
        assert (frame.image is source_frame.image) == (not source_frame.faces)


def test_every_face_speaks() -> None:
    engine = FakeEngine()
    sources = source_frames(engine, cutaways=(), faces=2)
    for frame, source_frame in zip(
        film(engine, sources, [np.ones(4480, np.float32)], Fraction(25)), sources, strict=True
    ):
        changed = (frame.image != source_frame.image).any(-1)
        assert changed[4:24, 4:24].mean() > 0.9
        assert changed[4:24, 34:54].mean() > 0.9
        assert not changed[:4].any()


def test_rows_of_a_window_hold_the_same_people_of_one_scene() -> None:
    engine = FakeEngine(FakeOptions(window=4))
    sources = source_frames(engine, cutaways=(), faces=2)
    sources[2:] = [replace(source_frame, scene=1) for source_frame in sources[2:]]
    sources[5] = replace(sources[5], faces=tuple(replace(face, track=k) for k, face in enumerate(sources[5].faces)))
    timeline = Timeline.of_speech(iter(sources), engine, Fraction(25))
    windows = [*timeline.push(np.ones(sample_at(7, Fraction(25)), np.float32)), *timeline.end()]
    assert [[driven.index for driven in window] for window in windows] == [[0, 1], [2, 3, 4], [5], [6]]


def test_silence_follows_when_the_film_is_longer_than_the_sound() -> None:
    engine = FakeEngine()
    timeline = Timeline.of_speech(back_and_forth(source_frames(engine)), engine, Fraction(25))
    frames = list(render_stream(timeline, [np.ones(1000, np.float32)], engine, frames=10))
    assert len(frames) == 10
    assert not np.concatenate([frame.samples for frame in frames])[1000:].any()


def test_windows_of_many_timelines_share_one_call() -> None:
    engine = FakeEngine()
    sources = source_frames(engine, cutaways=())
    sound = np.random.default_rng(4).standard_normal(16_000).astype(np.float32)
    alone = film(engine, back_and_forth(sources), [sound], Fraction(25))
    timelines = [Timeline.of_speech(back_and_forth(sources), engine, Fraction(25)) for _ in range(3)]
    engine.calls.clear()
    first = [timeline.push(sound) for timeline in timelines]
    frames = render_windows([window for windows in zip(*first, strict=True) for window in windows], engine)
    assert len(engine.calls) == 1
    for k in range(3):
        assert same(frames[k::3], alone[: len(first[k])])


def test_memory_does_not_grow_with_the_film() -> None:
    engine = FakeEngine()
    sources = source_frames(engine)

    def peak(blocks: int) -> int:
        timeline = Timeline.of_speech(back_and_forth(sources), engine, Fraction(25))
        tracemalloc.start()
        for frame in render_stream(timeline, (np.ones(3200, np.float32) for _ in range(blocks)), engine):
            engine.calls.clear()
            if frame.index % 10 == 0:
                gc.collect()  # now, and not when it comes to it
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    peak(5)
    gc.freeze()  # all that others left in this process
    try:
        assert peak(300) < peak(30) * 1.2
    finally:
        gc.unfreeze()


def test_an_encoder_that_answers_late_fills_no_memory_with_source_frames() -> None:
    """All drives come at the end; still a source frame is asked for when its frame is, and the film is the same."""
    engine = FakeEngine(FakeOptions(context=500))
    asked = itertools.count(1)
    sources = source_frames(engine)
    counted = (source_frame for source_frame in back_and_forth(sources) if next(asked))
    sound = np.ones(16_000, np.float32)
    frames = render_stream(Timeline.of_speech(counted, engine, Fraction(25)), chunks(sound, 640), engine)
    first = [next(frames), next(frames)]
    assert next(asked) == 3
    whole = film(engine, back_and_forth(sources), [sound], Fraction(25))
    assert same(first, whole[:2])
    assert same(list(frames), whole[2:])


def test_sound_at_another_rate_is_heard_as_its_16_khz_copy() -> None:
    engine, fps = FakeEngine(), Fraction(25)
    sound = np.random.default_rng(5).standard_normal(48_000).astype(np.float32)
    timeline = Timeline.of_speech(back_and_forth(source_frames(engine)), engine, fps, 48_000)
    drives = [driven.drive for window in [*timeline.push(sound), *timeline.end()] for driven in window]
    resampler, encoder = Resampler(48_000), engine.speech_encoder(fps)
    heard = np.concatenate([resampler.push(sound), resampler.flush()])
    assert np.array_equal(drives, [*encoder.push(heard), *encoder.flush()])
