"""Processor time of rendering beside that of encoding, both measured in one run, a second of film by turns.

Their ratio travels between machines far better than either of them: a slow or busy machine slows both.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..avatars.preparation import FacePreparation
from ..drive.speech import picture_seed
from ..engines.registry import choose_engine
from ..media.ping_pong import ping_pong_frames
from ..pipeline.film import batched, film_options, first_samples
from ..pipeline.generate import open_both
from ..pipeline.render import render_windows, windows_of
from ..pipeline.timeline import Timeline
from ..stopwatch import Stopwatch
from ..timing import frame_count, sample_at
from ..types import FilmInfo, SourceFrame

if TYPE_CHECKING:
    from ..engines import Engine
    from ..media.sound import Speech
    from ..media.video import VideoSource
    from ..media.writer import FilmWriter
    from ..options import GenerateOptions
    from ..pipeline.timeline import RenderWindow

MOST_FRAMES, MOST_SECONDS = 250, 20.0
"""The measurement ends after so many frames of film, or seconds of rendering."""
MOST_BYTES = 160_000_000
"""Pictures of one turn: about a second of film at 1080p."""


@dataclass(frozen=True, slots=True)
class RenderCost:
    """Processor time, ms per frame of film, of the whole process, which keeps to one core."""

    render_ms: float  # drawing the faces and pasting them into the picture
    encode_ms: float  # writing the film: conversion to YUV, x264, the container

    @property
    def ratio(self) -> float:
        """Render over encode."""
        return self.render_ms / self.encode_ms


def render_cost(picture: Path, speech: Path, options: GenerateOptions) -> RenderCost:
    """Render and encode the beginning of a film of ``picture`` saying ``speech``, as ``generate`` does."""
    from ..media.writer import FilmWriter

    loaded = choose_engine(options.engine, {"idle": not options.still, "seed": options.seed, **options.engine_options})
    engine = loaded.engine
    video, sound = open_both(picture, speech, options, lambda _: None)
    frames = min(MOST_FRAMES, frame_count(sound.samples, video.info.fps, sound.rate))
    info = FilmInfo(video.info.size, video.info.fps, sound.rate)
    with tempfile.TemporaryDirectory(prefix="lipsmith-bench-") as name:
        windows = _windows(engine, video, sound, options, frames, Path(name))
        with FilmWriter(Path(name, "film.mp4"), info, sound, film_options(options, frames)) as writer:
            width, height = video.info.size
            frames = min(round(video.info.fps), MOST_BYTES // (3 * width * height))
            return _measured(windows, engine, writer, max(1, frames // engine.info.window))


def _windows(
    engine: Engine, video: VideoSource, sound: Speech, options: GenerateOptions, frames: int, spool: Path
) -> Iterator[RenderWindow]:
    """The film's windows, ready to be rendered."""
    preparation = FacePreparation(engine, options.faces, Stopwatch(), lambda _: None)
    people = preparation.track_people(video, frames)

    def source_frames() -> Iterator[SourceFrame]:
        shown: SourceFrame | None = None
        for index, image in ping_pong_frames(video, frames, spool):
            if shown is None or shown.index != index:
                shown = preparation.source_frame(image, index, people)
            yield shown

    seed = picture_seed(next(iter(video.frames()))) if video.info.frames == 1 else None
    timeline = Timeline.of_speech(source_frames(), engine, video.info.fps, sound.rate, seed=seed)
    return windows_of(timeline, first_samples(sound.blocks(), sample_at(frames, video.info.fps, sound.rate)), frames)


def _measured(windows: Iterator[RenderWindow], engine: Engine, writer: FilmWriter, turn: int) -> RenderCost:
    """Render and encode ``turn`` windows at a time. What an engine does once, at its first frame, is left out."""
    render = encode = 0.0
    frames = 0
    for group in batched(windows, turn):
        if not frames:
            render_windows(group[:1], engine)
        begun = time.process_time()
        drawn = [frame for call in batched(group, engine.info.batch) for frame in render_windows(call, engine)]
        rendered = time.process_time()
        for frame in drawn:
            writer.write(frame)
        render, encode = render + rendered - begun, encode + time.process_time() - rendered
        frames += len(drawn)
        if render > MOST_SECONDS:
            break
    begun = time.process_time()
    writer.close()
    encode += time.process_time() - begun
    return RenderCost(1000 * render / frames, 1000 * encode / frames)
