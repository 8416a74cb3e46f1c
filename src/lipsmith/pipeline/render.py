"""Render runs of shots: the only place where an engine is asked for pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ..compose import compose
from ..engines.protocols import Engine
from ..types import AVFrame, DrivenFrame, Image, Samples
from .timeline import RenderWindow, Timeline


def render_windows(runs: Sequence[RenderWindow], engine: Engine) -> list[AVFrame]:
    """Finished frames of ``runs``, in order. Runs may come from many takes: all share one call to the engine.

    A shot without faces keeps the very array of its plate.
    """
    rows = [(run, face) for run in runs for face in range(len(run[0].source_frame.faces))]
    materials = [[driven.source_frame.faces[face].material for driven in run] for run, face in rows]
    drives = [[driven.drive for driven in run] for run, _ in rows]
    pictures = iter(engine.render(materials, drives) if rows else [])
    frames: list[AVFrame] = []
    for run in runs:
        faces = [next(pictures) for _ in run[0].source_frame.faces]  # faces[target][position in the run]
        frames += [_finish(driven, [face[k] for face in faces]) for k, driven in enumerate(run)]
    return frames


def _finish(driven: DrivenFrame, pictures: list[Image]) -> AVFrame:
    image = (
        compose(driven.source_frame.image, driven.source_frame.faces, pictures)
        if pictures
        else driven.source_frame.image
    )
    return AVFrame(driven.index, image, driven.samples)


def render_stream(
    take: Timeline, sound: Iterable[Samples], engine: Engine, frames: int | None = None, batch: int = 1
) -> Iterator[AVFrame]:
    """Offline: the whole film in order, as fast as it goes, never more than a block of it in memory.

    Args:
        take: fresh, over the plates of the film.
        sound: blocks of samples at the take's playing rate.
        engine: the one the take listens through.
        frames: the film's length when it is longer than the sound.
        batch: runs that share one call to ``engine.render``.
    """
    waiting: list[RenderWindow] = []
    for run in windows_of(take, sound, frames):
        waiting.append(run)
        if len(waiting) >= batch:
            yield from render_windows(waiting, engine)
            waiting = []
    yield from render_windows(waiting, engine)


def windows_of(take: Timeline, sound: Iterable[Samples], frames: int | None = None) -> Iterator[RenderWindow]:
    """The runs of a whole film, not yet rendered."""
    for block in sound:
        yield from take.follow(block)
    yield from take.finish(frames)
