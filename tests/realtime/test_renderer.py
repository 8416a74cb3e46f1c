"""Many sessions, one engine: batches, and failures that stay where they are."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import count

import numpy as np
import pytest

from lipsmith.engines.fake import FakeEngine
from lipsmith.realtime.renderer import Renderer
from lipsmith.realtime.session import Session, SessionOptions
from lipsmith.types import Array, EngineInfo, FilmInfo, Image, SourceFrame
from tests.support.session_doubles import MemoryAvatar, sound_of


class Batching(FakeEngine):
    """Draws eight rows a call; breaks on a material that is none, and hears no more where told."""

    broken: object = None

    @property
    def info(self) -> EngineInfo:
        return EngineInfo("fake", "1", batch=8)

    def render(self, materials: Sequence[Sequence[object]], drives: Sequence[Sequence[Array]]) -> list[list[Image]]:
        if any(row[0] == self.broken for row in materials):
            raise RuntimeError("out of memory")
        return super().render(materials, drives)


def renderer_of(engine: FakeEngine, sessions: int) -> tuple[Renderer, list[Session]]:
    time = count()
    renderer = Renderer(engine, lambda: next(time) / 1000)
    film = FilmInfo((32, 24), Fraction(25), 16_000)
    made = [Session(MemoryAvatar(engine), engine, film, SessionOptions(ease=0)) for _ in range(sessions)]
    for one in made:
        renderer.add(one)
    return renderer, made


def settle(renderer: Renderer) -> None:
    while renderer.step() is not None:
        pass


def test_runs_of_many_sessions_share_calls() -> None:
    engine = Batching()
    renderer, sessions = renderer_of(engine, 4)
    sounds = [np.full(16_000, 0.1 * (k + 1), np.float32) for k in range(4)]
    for one, sound in zip(sessions, sounds, strict=True):
        one.say(sound)
        one.end()
    out = [[] for _ in sessions]
    for _ in range(40):
        settle(renderer)
        for ticks, one in zip(out, sessions, strict=True):
            ticks.append(one.tick())
    for ticks, sound in zip(out, sounds, strict=True):
        played = sound_of(ticks)
        assert np.array_equal(played[np.flatnonzero(played)], sound)
    assert max(renderer.batches) == 8
    assert sum(size * calls for size, calls in renderer.batches.items()) == 100
    assert len(renderer.load) == sum(renderer.batches.values())


def test_an_engine_that_breaks_on_one_session_leaves_the_others_alone() -> None:
    engine = Batching()
    renderer, (bad, good) = renderer_of(engine, 2)
    engine.broken = -1.0
    source_frame = bad._avatar.source_frame(0)
    broken = SourceFrame(0, source_frame.image, (type(source_frame.faces[0])(source_frame.faces[0].crop, None, -1.0),))
    bad._avatar._source_frames[0] = broken  # type: ignore[attr-defined]
    for one in (bad, good):
        one.say(np.full(9_600, 0.5, np.float32))
        one.end()
    ticks = []
    for _ in range(30):
        settle(renderer)
        bad.tick()
        ticks.append(good.tick())
    assert bad.state == "over"
    assert np.count_nonzero(sound_of(ticks)) == 9_600


def test_an_avatar_that_cannot_be_read_ends_its_session() -> None:
    engine = Batching()
    renderer, (bad, good) = renderer_of(engine, 2)
    bad._avatar._source_frames.clear()  # type: ignore[attr-defined]
    settle(renderer)
    assert bad.state == "over"
    assert good.state == "idle"


def test_jobs_are_done_between_calls_and_tell_their_errors() -> None:
    renderer, _ = renderer_of(Batching(), 0)
    done = []
    fine, bad = renderer.call(lambda: done.append(1)), renderer.call(lambda: 1 // 0)  # type: ignore[arg-type,return-value]
    settle(renderer)
    assert fine.result() is None
    assert done == [1]
    with pytest.raises(ZeroDivisionError):
        bad.result()


def test_work_of_a_session_that_left_is_not_drawn() -> None:
    engine = Batching()
    renderer, (one,) = renderer_of(engine, 1)
    one.say(np.full(9_600, 0.5, np.float32))
    renderer.remove(one)
    settle(renderer)
    assert engine.calls == []


def test_the_thread_works_and_stops() -> None:
    renderer = Renderer(Batching())
    renderer.start()
    assert renderer.call(lambda: None).result(timeout=100) is None
    renderer.stop()
