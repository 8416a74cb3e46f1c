"""A still portrait lives through idleness, speech and interruption, and its head never jumps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import repeat
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lipsmith.avatars.playback import Clip, PlaybackOrder
from lipsmith.drive.speech import picture_seed
from lipsmith.engines import load_engine
from lipsmith.engines.protocols import EncoderUse
from lipsmith.engines.warp.engine import WarpEngine
from lipsmith.engines.warp.options import WarpOptions
from lipsmith.face.tracker import Tracker
from lipsmith.pipeline.render import render_stream
from lipsmith.pipeline.timeline import Timeline
from lipsmith.realtime.easing import DriveEasing
from lipsmith.realtime.session import Session, SessionOptions
from lipsmith.types import Array, FilmInfo, Samples, SourceFrame
from tests.support.session_doubles import World

FPS = Fraction(25)
MOUTH = 8  # numbers of a drive before those of idle motion
HEAD = slice(MOUTH + 1, MOUTH + 6)  # yaw to down; eyes jump by nature


class Portrait:
    """One source frame."""

    playback = PlaybackOrder([Clip("film", 0, 1)])

    def __init__(self, source_frame: SourceFrame) -> None:
        self._source_frame = source_frame

    def source_frame(self, index: int) -> SourceFrame:
        return self._source_frame


@pytest.fixture(scope="module")
def source_frame(astronaut_file: Path) -> SourceFrame:
    image = np.asarray(Image.open(astronaut_file).convert("RGB").resize((256, 256)))
    engine = load_engine("warp")
    with Tracker(FPS, still=True) as tracker:
        tracker.push(image)
        tracks = tracker.finish()
    face = tracks.faces(0, tracks.choose("largest"))[0]
    analysis = engine.analyze(still=True)
    analysis.add(image, face)
    return SourceFrame(0, image, (engine.prepare(image, face, analysis.identity()),))


def world(source_frame: SourceFrame, engine: WarpEngine | None = None, **options: object) -> World:
    engine, film = engine or WarpEngine(), FilmInfo((256, 256), FPS, 16_000)
    return World(Session(Portrait(source_frame), engine, film, SessionOptions(**options)), engine)  # type: ignore[arg-type]


def syllables(seconds: float) -> Samples:
    time = np.arange(round(seconds * 16_000)) / 16_000
    return (0.3 * np.sin(2 * np.pi * 140 * time) * (np.sin(2 * np.pi * 3 * time) > 0)).astype(np.float32)


def drives(one: World, ticks: int) -> Iterator[Array]:
    for _ in range(ticks):
        one.run(1)
        shown = one.session._schedule.shown
        if shown and shown.drive is not None:
            yield shown.drive


def test_the_head_never_jumps(source_frame: SourceFrame) -> None:
    one = world(source_frame)
    seen = list(drives(one, 40))
    assert len(seen) == 40
    one.session.say(syllables(1.5))
    one.session.end()
    seen += drives(one, 60)
    one.session.say(syllables(2))
    seen += drives(one, 15)
    cut = len(seen)
    assert one.session.interrupt() is not None
    seen += drives(one, 30)
    moves = np.abs(np.diff(np.array(seen), axis=0))
    assert len(seen) > 140
    assert moves[:, HEAD].max() < 0.016  # rad or eye distances a frame; a restart would be 0.03 and more
    assert np.array(seen)[:, HEAD].std(axis=0).min() > 0
    assert moves[cut - 1, :MOUTH].max() < 0.3  # it closes within three frames


@pytest.mark.parametrize(("speech_encoder", "use"), [("small", "file"), ("whisper", "live")])
def test_live_equals_an_offline_film_that_begins_where_the_speech_did(
    source_frame: SourceFrame, speech_encoder: str, use: EncoderUse
) -> None:
    """A film may look further ahead than a session, so the film hears as sessions do; the small network always does."""
    engine = WarpEngine(WarpOptions(speech_encoder=speech_encoder))  # type: ignore[arg-type]
    one, sound = world(source_frame, engine, ease=0), syllables(1)
    one.run(30)
    one.session.say(sound)
    one.session.end()
    ticks = one.run(45)
    live = [tick for tick in ticks if tick.utterance]
    seed = picture_seed(source_frame.image)
    timeline = Timeline.of_speech(repeat(source_frame), engine, FPS, use=use, seed=seed)
    timeline.begin_at(30 + ticks.index(live[0]))
    offline = list(render_stream(timeline, [sound], engine))
    assert len(offline) == len(live) == 25
    assert all(np.array_equal(a.image, b.image) for a, b in zip(live, offline, strict=True))


def test_two_pictures_never_move_alike(source_frame: SourceFrame) -> None:
    other = replace(source_frame, image=np.ascontiguousarray(source_frame.image[:, ::-1]))
    one, same, two = (np.array(list(drives(world(frame), 40))) for frame in (source_frame, source_frame, other))
    assert np.array_equal(one, same)
    assert np.abs(one[:, HEAD] - two[:, HEAD]).max() > 0.005


@pytest.mark.parametrize("end", [lambda session: session.close(), lambda session: session.fail("broken")])
def test_nothing_is_drawn_any_more_for_a_session_that_is_over(
    source_frame: SourceFrame, end: Callable[[Session], None]
) -> None:
    one = world(source_frame)
    requests = one.session.next_requests(3)
    end(one.session)
    assert requests
    assert all(request.stale for request in requests)
    assert one.session.next_requests(3) == []


def test_without_life_a_silent_portrait_is_the_very_picture(source_frame: SourceFrame) -> None:
    one = world(source_frame, life=False)
    assert all(tick.image is source_frame.image for tick in one.run(5))
    assert one.requests == []


def test_a_glide_starts_where_the_face_is() -> None:
    easing = DriveEasing(3)
    easing.next(np.zeros(2, np.float32))
    easing.begin()
    assert [float(easing.next(np.ones(2, np.float32))[0]) for _ in range(5)] == [0.25, 0.5, 0.75, 1, 1]
    easing.begin(np.full(2, 3, np.float32))
    assert float(easing.next(np.ones(2, np.float32))[0]) == 2.5


def test_a_head_takes_longer_than_a_mouth_to_go_on_from_where_it_is() -> None:
    easing = DriveEasing(3, np.array([1, 2], np.float32))
    easing.next(np.zeros(2, np.float32))
    easing.begin()
    mouth, head = np.array([easing.next(np.ones(2, np.float32)) for _ in range(8)]).T
    assert mouth == pytest.approx([0.25, 0.5, 0.75, 1, 1, 1, 1, 1])
    assert head == pytest.approx([*np.arange(1, 7) / 7, 1, 1])
