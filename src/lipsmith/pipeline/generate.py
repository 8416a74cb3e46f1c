"""A picture and some speech in, a speaking film out."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from ..avatars.preparation import FacePreparation, TrackedPeople
from ..drive.speech import picture_seed
from ..engines import Engine, LoadedEngine, choose_engine
from ..errors import FaceError, OptionError, SoundError
from ..options import GenerateOptions
from ..stopwatch import Progress, Stage, Stopwatch
from ..timing import frame_count
from ..types import FilmInfo, SourceFrame
from .film import FilmRenderer, Report, film_options, taken_notice
from .part import FilmPart
from .timeline import Timeline

if TYPE_CHECKING:
    from ..media.background import BackgroundReplacement
    from ..media.sound import Speech
    from ..media.video import VideoSource


def generate(
    picture: str | Path,
    speech: str | Path | None,
    output: str | Path | None,
    options: GenerateOptions | None = None,
    *,
    sheet: str | Path | None = None,
    progress: Progress | None = None,
    engine: Engine | None = None,
) -> Report:
    """Make the face in ``picture`` say ``speech``.

    Args:
        picture: an image, a video, or a folder of numbered images.
        speech: any sound, or a video's soundtrack; None: the soundtrack of ``picture``.
        output: the film (.mp4, .mov, .webm); None: only the ``sheet`` is made. A file that is there is replaced, unless
            ``options.overwrite`` is off.
        options: see ``GenerateOptions``.
        sheet: a contact sheet (.png) of the film; without ``output`` only its frames are drawn.
        progress: called after every frame of every stage.
        engine: an instance to use instead of ``options.engine``.

    Raises:
        LipsmithError: one sentence that says what is wrong and what to do; no file is left behind.
    """
    watch = Stopwatch()
    options = options or GenerateOptions()
    picture, targets = Path(picture), _Targets.of(output, sheet)
    targets.check([picture, Path(options.background), *([] if speech is None else [Path(speech)])], options)
    loaded = LoadedEngine(engine) if engine else None
    if loaded is None:
        shared = {"idle": not (options.still or has_own_outline(picture, options)), "seed": options.seed}
        loaded = choose_engine(options.engine, {**shared, **options.engine_options})
    generation = _Generation(options, FilmRenderer(loaded.engine, watch, progress or (lambda _: None)), targets)
    report = generation.run(picture, Path(speech) if speech else None)
    return replace(report, passed_over=loaded.passed_over, notices=loaded.notices + report.notices)


@dataclass(frozen=True, slots=True)
class _Targets:
    """What is written: a film, its contact sheet, or both."""

    film: Path | None
    sheet: Path | None

    @classmethod
    def of(cls, film: str | Path | None, sheet: str | Path | None) -> _Targets:
        """Raises OptionError if there is neither."""
        if film is None and sheet is None:
            raise OptionError("No output is named: give a film, a contact sheet, or both.")
        return cls(None if film is None else Path(film), None if sheet is None else Path(sheet))

    def check(self, inputs: list[Path], options: GenerateOptions) -> None:
        """Raise as ``check_output`` does unless both can be written."""
        from ..media.writer import check_output, check_transparent

        if self.film:
            check_output(self.film, inputs, overwrite=options.overwrite)
            if options.background == "transparent":
                check_transparent(self.film)
        if self.sheet:
            check_output(self.sheet, inputs, sheet=True, overwrite=options.overwrite)

    def notices(self, film: Path | None, sheet: Path | None) -> tuple[str, ...]:
        """What to say if ``film`` and ``sheet`` were written elsewhere."""
        pairs = ((self.film, film), (self.sheet, sheet))
        return tuple(notice for asked, made in pairs if asked and made for notice in taken_notice(asked, made))


@dataclass(slots=True)
class _Generation:
    """One call of ``generate``."""

    options: GenerateOptions
    renderer: FilmRenderer
    targets: _Targets
    others: int = 0  # frames so far that show people, but nobody of those who speak

    def run(self, picture: Path, speech: Path | None) -> Report:
        from ..media.probe import probe

        renderer = self.renderer
        with renderer.watch.stage("open"):
            video, sound = open_both(picture, speech, self.options, renderer.progress)
            part = FilmPart.of(self.options, video.info.fps)
            whole = film_length(video, frame_count(sound.samples, video.info.fps, sound.rate), self.options)
            length, sound = part.length(whole), part.sound(sound)
            video, skipped = part.picture(video, length)
            renderer.background = open_background(video, self.options, self.targets.film is None)
        preparation = FacePreparation(renderer.engine, self.options.faces, renderer.watch, renderer.progress)
        people = preparation.track_people(video, skipped + length)
        with tempfile.TemporaryDirectory(prefix="lipsmith-") as spool:
            source_frames = self.source_frames(
                video, preparation, people, range(skipped, skipped + length), Path(spool)
            )
            seed = picture_seed(next(iter(video.frames()))) if video.info.frames == 1 else None
            timeline = Timeline.of_speech(source_frames, renderer.engine, video.info.fps, sound.rate, seed=seed)
            try:
                film, sheet = self.write(timeline, sound, video, length)
            except FaceError as problem:  # the engine's own reason says more
                raise FaceError(next(iter(preparation.refusals.values()), str(problem))) from problem
        report = renderer.report(film or sheet or picture, video.info.fps, len(people.chosen), length)
        notices = renderer.source_notices(video.info.notices) + part.notices(whole) + sound.notices
        notices += renderer.silence(sound) + preparation.silent + renderer.notices + self.targets.notices(film, sheet)
        report = replace(report, notices=notices, gaps_filled=people.gaps_filled, others=self.others)
        return replace(report, sheet=sheet, probe=probe(film) if film else None)

    def write(
        self, timeline: Timeline, sound: Speech, video: VideoSource, length: int
    ) -> tuple[Path | None, Path | None]:
        """Write the film, its contact sheet, or both; return their paths."""
        from ..media.contact_sheet import FilmSheet

        renderer, targets, over = self.renderer, self.targets, self.options.overwrite
        info = FilmInfo(video.info.size, video.info.fps, sound.rate)
        windows, film = renderer.windows(timeline, sound, info, length, still=video.info.frames == 1), None
        sheet = FilmSheet(length) if targets.sheet else None
        if targets.film:
            renderer.sheet = sheet
            film = renderer.write_film(windows, info, sound, targets.film, film_options(self.options, length))
        elif sheet:
            renderer.render_sheet(windows, length, sheet)
        return film, sheet.write(targets.sheet, over) if sheet and targets.sheet else None

    def source_frames(
        self, video: VideoSource, preparation: FacePreparation, people: TrackedPeople, wanted: range, spool: Path
    ) -> Iterator[SourceFrame]:
        """The source frames of the frames ``wanted`` of the film. A picture that stays the same is prepared once."""
        from ..media.ping_pong import ping_pong_frames

        source_frame: SourceFrame | None = None
        shown = islice(ping_pong_frames(video, wanted.stop, spool), wanted.start, None)
        for index, image in self.renderer.watch.each("decode", shown):
            if source_frame is None or source_frame.index != index:
                with self.renderer.watch.stage("prepare"):
                    source_frame = preparation.source_frame(image, index, people)
            self.others += not source_frame.faces and people.shows_others(index)
            yield source_frame


def open_both(
    picture: Path, speech: Path | None, options: GenerateOptions, progress: Progress
) -> tuple[VideoSource, Speech]:
    """Open the picture and the speech; without a speech, the picture's own soundtrack.

    ``progress`` is called while a speech of minutes is read.

    Raises:
        SoundError: there is no speech, and the picture has no sound.
        LipsmithError: one of the files cannot be read.
    """
    from ..media.sound import open_speech
    from ..media.video import open_video_source

    video = open_video_source(picture, options.fps)
    fps = float(video.info.fps)
    if speech is None and not video.info.has_sound:
        raise SoundError(f"{picture.name} has no soundtrack of its own: name the speech as the second file.")

    def report_reading(read: float, total: float) -> None:
        progress(Stage("open", round(read * fps), round(max(total, read) * fps) if total else 0))

    return video, open_speech(speech or picture, report_reading, options.audio_track)


def open_background(video: VideoSource, options: GenerateOptions, sheet: bool) -> BackgroundReplacement | None:
    """The background to put behind the people of ``video``; None: it stays as it is."""
    from ..media.background import BackgroundOptions, open_alpha, open_replacement

    if options.background == "keep":
        return None
    background = BackgroundOptions(options.background, options.key, head_moves=video.info.frames == 1)
    first = next(iter(video.frames()))
    return open_replacement(background, first, video.info.fps, open_alpha(video), sheet)


def has_own_outline(picture: Path, options: GenerateOptions) -> bool:
    """Whether the picture's own transparency outlines the person. The head must not move out of that outline."""
    from ..media.background import open_alpha
    from ..media.video import open_video_source

    if options.background == "keep" or options.key not in ("auto", "alpha"):
        return False
    return open_alpha(open_video_source(picture, options.fps)) is not None


def film_length(video: VideoSource, spoken: int, options: GenerateOptions) -> int:
    """Frames of the whole film.

    Args:
        video: the source; a still image has no length of its own.
        spoken: frames that the speech needs.
        options: says which of both counts.
    """
    if options.length == "speech" or video.info.kind == "image":
        return spoken
    return video.info.frames if options.length == "picture" else max(video.info.frames, spoken)


__all__ = ["generate"]
