"""From windows of driven frames to a film or a contact sheet, for ``generate`` and ``speak``; counted and timed."""

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
from ..prefetch import Prefetch
from ..stopwatch import Progress, Stage, Stopwatch
from ..timing import sample_at, seconds
from ..types import AVFrame, FilmInfo, Samples
from .render import render_windows, windows_of
from .timeline import RenderWindow, Timeline

if TYPE_CHECKING:
    from ..media.background import BackgroundReplacement
    from ..media.contact_sheet import FilmSheet
    from ..media.probe import FilmProbe
    from ..media.sound import Speech
    from ..media.writer import FilmOptions

SILENT = 1e-3
"""Amplitude 60 dB below full scale: sound that is nowhere louder holds no speech."""


@dataclass(frozen=True, slots=True)
class Report:
    """The film that was made, and what it cost."""

    output: Path  # the film, or its contact sheet if that is all that was asked for
    engine: str
    engine_version: str
    passed_over: tuple[str, ...]  # engines that ``auto`` prefers but that cannot run here, and why
    frames: int
    fps: Fraction
    rendered: int  # frames with a drawn mouth
    cutaways: int  # frames without a face that speaks, passed through
    unable: dict[str, int]  # reason why a face was left unchanged -> number of frames
    faces: int  # people who speak
    seconds: dict[str, float]  # wall clock time of each stage; stages overlap
    cpu_seconds: float  # of this process, all threads
    first_frame_seconds: float  # from the call to the first finished frame
    frames_per_second: float  # of the film, over the whole call
    real_time_factor: float  # film length over wall time: 4 means four times faster than real time
    notices: tuple[str, ...] = ()  # for the user: scaled, transparency laid on white, sound that breaks off ...
    others: int | None = None  # of the cutaways, frames that show other people only; None: not known, as of an avatar
    gaps_filled: int = 0  # frames of speakers whose face was not found and was interpolated, one to three in a row
    probe: FilmProbe | None = None  # what the written file says about itself; None for a contact sheet
    sheet: Path | None = None  # the contact sheet that was asked for


@dataclass(slots=True)
class FilmRenderer:
    """Renders one film and writes it; keeps its stopwatch and its counts."""

    engine: Engine
    watch: Stopwatch
    progress: Progress
    background: BackgroundReplacement | None = None  # None: the background stays
    sheet: FilmSheet | None = None  # filled while a film is written
    first_frame: float | None = None  # seconds from the start of the watch to the first finished frame
    loudest: float = 0.0  # largest amplitude of the film's samples, 0..1
    count: Counter[str] = field(default_factory=Counter)
    unable: Counter[str] = field(default_factory=Counter)

    @property
    def notices(self) -> tuple[str, ...]:
        """Sentences for the user from the engine and from the background."""
        background = self.background.notices if self.background else ()
        return self.engine.notices + background

    def windows(
        self, timeline: Timeline, sound: Speech, info: FilmInfo, length: int, still: bool
    ) -> Iterator[RenderWindow]:
        """The film's windows, counted.

        A ``still`` picture that cannot be made to speak is refused at its first window, not after the last.

        Raises:
            FaceError: see ``refuse_silent_face``.
        """
        blocks = first_samples(sound.blocks(), sample_at(length, info.fps, sound.rate))
        for window in self.watch.each("listen", windows_of(timeline, blocks, length)):
            for driven in window:
                self.loudest = max(self.loudest, float(np.abs(driven.samples).max(initial=0)))
                reasons = {face.unable for face in driven.source_frame.faces}
                self.count["cutaways" if not reasons else "rendered" if None in reasons else "left"] += 1
                self.unable.update(reason for reason in reasons if reason is not None)
            if still:
                self.refuse_silent_face()
            yield window

    def write_film(
        self, windows: Iterable[RenderWindow], info: FilmInfo, sound: Speech, output: Path, options: FilmOptions
    ) -> Path:
        """Render and write ``options.frames`` frames; return the film's path, see ``FilmWriter``.

        ``sheet`` gets the frames that it wants.

        Three things go on at once, in threads: the source is decoded, prepared and heard; windows are rendered; frames
        are encoded. What is said is the same as one after the other, and so are the errors.
        """
        from ..media.writer import FilmWriter

        drawn_by = f"{self.engine.info.name} {self.engine.info.version}"
        ahead = max(2, self.engine.info.batch)
        with FilmWriter(output, info, sound, replace(options, engine=drawn_by)) as writer:
            with Prefetch(windows, ahead) as driven, Prefetch(self._frames(driven), ahead) as frames:
                for frame in frames:
                    with self.watch.stage("encode"):
                        writer.write(frame)
                    if self.sheet is not None:
                        self.sheet.add(frame)
                    self.progress(Stage("speak", frame.index + 1, options.frames or 0))
            self.refuse_silent_face()
            with self.watch.stage("encode"):
                writer.close()
        return writer.path

    def render_sheet(self, windows: Iterable[RenderWindow], length: int, sheet: FilmSheet) -> None:
        """Render those frames of a film of ``length`` frames that ``sheet`` wants."""
        for window in windows:
            if any(driven.index in sheet.wanted for driven in window):
                for frame in self._render([window]):
                    sheet.add(frame)
            self.progress(Stage("speak", window[-1].index + 1, length))
        self.refuse_silent_face()

    def source_notices(self, notices: Iterable[str]) -> tuple[str, ...]:
        """The source's ``notices``, without that of the white below transparent parts where a background hides it."""
        from ..media.stills import WHITE_BACKGROUND_NOTICE

        return tuple(one for one in notices if self.background is None or WHITE_BACKGROUND_NOTICE not in one)

    def refuse_silent_face(self) -> None:
        """Refuse a film in which no frame has a drawn mouth, before its file appears.

        Raises:
            FaceError: with the most frequent reason.
        """
        if not self.count["rendered"]:
            reason = (
                self.unable.most_common(1)[0][0] if self.unable else "the face appears only after the speech has ended"
            )
            raise FaceError(f"No frame shows a face that can be made to speak: {reason}. Try another picture.")

    def silence(self, sound: Speech) -> tuple[str, ...]:
        """A notice if the speech is silent: often somebody gave a muted track by mistake."""
        return (f"{sound.path.name} is silent: nothing is said in the film.",) if self.loudest < SILENT else ()

    def report(self, output: Path, fps: Fraction, faces: int, length: int) -> Report:
        """The report without notices and without the probe of the written file."""
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

    def _frames(self, windows: Iterable[RenderWindow]) -> Iterator[AVFrame]:
        for group in batched(windows, self.engine.info.batch):
            yield from self._render(group)

    def _render(self, windows: Sequence[RenderWindow]) -> list[AVFrame]:
        with self.watch.stage("render"):
            frames = render_windows(windows, self.engine)
        if self.background is not None:
            with self.watch.stage("background"):
                driven_frames = chain.from_iterable(windows)
                frames = [
                    self.background.finish(driven.source_frame, frame)
                    for driven, frame in zip(driven_frames, frames, strict=True)
                ]
        if self.first_frame is None:
            self.first_frame = self.watch.elapsed()
        return frames


def film_options(options: FilmSettings, frames: int) -> FilmOptions:
    """The writer's options for a film of ``frames`` frames that ``options`` describes."""
    from ..media.writer import FilmOptions

    clear, over = options.background == "transparent", options.overwrite
    return FilmOptions(options.crf, options.preset, frames, marked=options.mark, transparent=clear, overwrite=over)


def taken_notice(asked: Path, written: Path) -> tuple[str, ...]:
    """A notice if a file of the asked name appeared while the work went on, so that it was written beside it."""
    return () if written == asked else (f"{asked} appeared meanwhile and was left alone: this one is {written}",)


def batched(windows: Iterable[RenderWindow], size: int) -> Iterator[list[RenderWindow]]:
    """``size`` windows at a time; the last group may be smaller."""
    waiting: list[RenderWindow] = []
    for window in windows:
        waiting.append(window)
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


__all__ = ["FilmRenderer", "Report", "film_options", "taken_notice"]
