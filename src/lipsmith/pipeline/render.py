"""Render windows of driven frames: the only place that calls an engine for pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ..compose import compose
from ..engines.protocols import Engine
from ..types import AVFrame, DrivenFrame, Image, Samples
from .timeline import RenderWindow, Timeline


def render_windows(windows: Sequence[RenderWindow], engine: Engine) -> list[AVFrame]:
    """Finished frames of ``windows``, in order. The windows may come from many timelines; all share one engine call.

    A frame without faces keeps the very image array of its source frame.
    """
    rows = [(window, face) for window in windows for face in range(len(window[0].source_frame.faces))]
    materials = [[driven.source_frame.faces[face].material for driven in window] for window, face in rows]
    drives = [[driven.drive for driven in window] for window, _ in rows]
    pictures = iter(engine.render(materials, drives) if rows else [])
    frames: list[AVFrame] = []
    for window in windows:
        faces = [next(pictures) for _ in window[0].source_frame.faces]  # faces[face][position in the window]
        frames += [_finish(driven, [face[k] for face in faces]) for k, driven in enumerate(window)]
    return frames


def _finish(driven: DrivenFrame, pictures: list[Image]) -> AVFrame:
    image = (
        compose(driven.source_frame.image, driven.source_frame.faces, pictures)
        if pictures
        else driven.source_frame.image
    )
    return AVFrame(driven.index, image, driven.samples)


def render_stream(
    timeline: Timeline, sound: Iterable[Samples], engine: Engine, frames: int | None = None, batch: int = 1
) -> Iterator[AVFrame]:
    """Yield the whole film in order, as fast as the engine draws, with only some windows of it in memory.

    Args:
        timeline: a new one, over the source frames of the film.
        sound: blocks of (n,) mono samples at the timeline's playing rate.
        engine: draws the drives that the timeline gets.
        frames: the film's length when it is longer than the sound.
        batch: windows that share one call to ``engine.render``.
    """
    waiting: list[RenderWindow] = []
    for window in windows_of(timeline, sound, frames):
        waiting.append(window)
        if len(waiting) >= batch:
            yield from render_windows(waiting, engine)
            waiting = []
    yield from render_windows(waiting, engine)


def windows_of(timeline: Timeline, sound: Iterable[Samples], frames: int | None = None) -> Iterator[RenderWindow]:
    """The windows of a whole film, not yet rendered."""
    for block in sound:
        yield from timeline.iter_push(block)
    yield from timeline.iter_end(frames)
