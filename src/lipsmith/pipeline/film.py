"""From runs of shots to a film or a contact sheet, counted and timed: what every offline act shares."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..engines import Engine
from ..errors import FaceError
from ..options import FilmSettings
from ..stopwatch import Progress, Stage, Stopwatch
from ..timing import sample_at, seconds
from ..types import AVFrame, FilmInfo, Samples
from .render import render_windows, windows_of
from .timeline import RenderWindow, Timeline

if TYPE_CHECKING:
    from ..media.background import BackgroundReplacement
    from ..media.probe import FilmProbe
    from ..media.sound import Speech
    from ..media.writer import FilmOptions

PREVIEW_TILES = 24
SILENT = 1e-3
"""Samples that are nowhere louder, 60 dB below full scale, are no speech."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was made, and what it cost."""

    output: Path
    engine: str
    engine_version: str
    passed_over: tuple[str, ...]  # better engines that could not run here, and why
    frames: int
    fps: Fraction
    rendered: int  # frames with a mouth drawn
    cutaways: int  # frames without a face, passed through
    unable: dict[str, int]  # why a face was left as it is -> in how many frames
    faces: int  # people who speak
    seconds: dict[str, float]  # wall clock of each stage
    cpu_seconds: float  # of this process, all threads
    first_frame_seconds: float  # from the call to the first finished frame
    frames_per_second: float  # reached, over everything
    real_time_factor: float  # film length over wall time: 4 means four times faster than real time
    notices: tuple[str, ...] = ()  # what was adjusted or missing: scaled, alpha laid on white, sound that breaks off
    gaps_filled: int = 0  # frames of those who speak, one to three in a row, in which a face was not found but put
    probe: FilmProbe | None = None  # what the written file says of itself; None for a preview


@dataclass(slots=True)
class FilmRenderer:
    """One film in the making: its engine, its clock and its counts."""

    engine: Engine
    watch: Stopwatch
    progress: Progress
    scene: BackgroundReplacement | None = None  # what comes behind the people; None: what was there
    first_frame: float | None = None  # seconds from the start of the watch to the first finished frame
    loudest: float = 0.0  # of the samples that are heard in the film, 0..1
    count: Counter[str] = field(default_factory=Counter)
    unable: Counter[str] = field(default_factory=Counter)

    def runs(self, take: Timeline, sound: Speech, info: FilmInfo, length: int, still: bool) -> Iterator[RenderWindow]:
        """The film's runs, counted. A ``still`` picture that cannot speak is refused at the first, not after the last.

        Raises:
            FaceError: see ``refuse_silent_face``.
        """
        blocks = first_samples(sound.blocks(), sample_at(length, info.fps, sound.rate))
        for run in self.watch.each("listen", windows_of(take, blocks, length)):
            for driven in run:
                self.loudest = max(self.loudest, float(np.abs(driven.samples).max(initial=0)))
                reasons = {target.unable for target in driven.source_frame.faces}
                self.count["cutaways" if not reasons else "rendered" if None in reasons else "left"] += 1
                self.unable.update(reason for reason in reasons if reason is not None)
            if still:
                self.refuse_silent_face()
            yield run

    def write_film(
        self, runs: Iterable[RenderWindow], info: FilmInfo, sound: Speech, output: Path, how: FilmOptions
    ) -> None:
        """Render and write ``how.frames`` frames."""
        from ..media.writer import FilmWriter

        drawn_by = f"{self.engine.info.name} {self.engine.info.version}"
        with FilmWriter(output, info, sound, replace(how, engine=drawn_by)) as writer:
            for group in batched(runs, self.engine.info.batch):
                for frame in self._render(group):
                    with self.watch.stage("encode"):
                        writer.write(frame)
                    self.progress(Stage("speak", frame.index + 1, how.frames or 0))
            self.refuse_silent_face()
            with self.watch.stage("encode"):
                writer.close()

    def write_sheet(self, runs: Iterable[RenderWindow], length: int, output: Path) -> None:
        """Render ``PREVIEW_TILES`` frames of a film of ``length`` and write them as a contact sheet."""
        from ..media.contact_sheet import contact_sheet, write_png

        tiles = min(length, PREVIEW_TILES)
        wanted = {(2 * k + 1) * length // (2 * tiles) for k in range(tiles)}
        shown: list[AVFrame] = []
        for run in runs:
            if any(driven.index in wanted for driven in run):
                shown += [frame for frame in self._render([run]) if frame.index in wanted]
            self.progress(Stage("speak", run[-1].index + 1, length))
        self.refuse_silent_face()
        write_png(output, contact_sheet([frame.image for frame in shown], [str(frame.index) for frame in shown]))

    def refuse_silent_face(self) -> None:
        """A film in which no mouth was drawn in any frame is refused before it appears."""
        if not self.count["rendered"]:
            reason = self.unable.most_common(1)[0][0] if self.unable else "the face shows only later than the speech"
            raise FaceError(f"No frame shows a face that can be made to speak: {reason}. Try another picture.")

    def silence(self, sound: Speech) -> tuple[str, ...]:
        """A notice where the speech holds nothing to say: often a muted track was given by mistake."""
        return (f"{sound.path.name} is silent: nothing is said in the film.",) if self.loudest < SILENT else ()

    def report(self, output: Path, fps: Fraction, faces: int, length: int) -> Report:
        """What was made so far, without notices and the film's own words."""
        elapsed = self.watch.elapsed()
        return Report(
            output=output,
            engine=self.engine.info.name,
            engine_version=self.engine.info.version,
            passed_over=(),
            frames=length,
            fps=fps,
            rendered=self.count["rendered"],
            cutaways=self.count["cutaways"],
            unable=dict(self.unable),
            faces=faces,
            seconds=dict(self.watch.seconds),
            cpu_seconds=self.watch.cpu(),
            first_frame_seconds=self.first_frame or elapsed,
            frames_per_second=length / elapsed,
            real_time_factor=seconds(length, fps) / elapsed,
        )

    def _render(self, runs: Sequence[RenderWindow]) -> list[AVFrame]:
        with self.watch.stage("render"):
            frames = render_windows(runs, self.engine)
        if self.scene is not None:
            with self.watch.stage("background"):
                driven_frames = chain.from_iterable(runs)
                frames = [
                    self.scene.finish(driven.source_frame, frame)
                    for driven, frame in zip(driven_frames, frames, strict=True)
                ]
        if self.first_frame is None:
            self.first_frame = self.watch.elapsed()
        return frames


def film_options(wish: FilmSettings, frames: int) -> FilmOptions:
    """How the writer is to write ``frames`` frames of the film that ``wish`` describes."""
    from ..media.writer import FilmOptions

    clear = wish.background == "transparent"
    return FilmOptions(wish.crf, wish.preset, frames, marked=wish.mark, transparent=clear)


def batched(runs: Iterable[RenderWindow], size: int) -> Iterator[list[RenderWindow]]:
    """``size`` runs at a time; the last group may be smaller."""
    waiting: list[RenderWindow] = []
    for run in runs:
        waiting.append(run)
        if len(waiting) == size:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


def first_samples(blocks: Iterable[Samples], count: int) -> Iterator[Samples]:
    """The first ``count`` samples of ``blocks``."""
    for block in blocks:
        if count <= 0:
            return
        yield block[:count]
        count -= len(block)


__all__ = ["FilmRenderer", "Report", "film_options"]
