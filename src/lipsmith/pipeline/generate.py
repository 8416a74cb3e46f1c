"""A picture and some speech in, a speaking film out."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..avatars.preparation import FacePreparation, TrackedPeople
from ..drive.speech import picture_seed
from ..engines import Engine, LoadedEngine, choose_engine
from ..errors import FaceError, SoundError
from ..options import GenerateOptions
from ..stopwatch import Progress, Stage, Stopwatch
from ..timing import frame_count
from ..types import FilmInfo, SourceFrame
from .film import FilmRenderer, Report, film_options
from .timeline import Timeline

if TYPE_CHECKING:
    from ..media.background import BackgroundReplacement
    from ..media.sound import Speech
    from ..media.video import VideoSource


def generate(
    picture: str | Path,
    speech: str | Path | None,
    output: str | Path,
    options: GenerateOptions | None = None,
    *,
    preview: bool = False,
    progress: Progress | None = None,
    engine: Engine | None = None,
) -> Report:
    """Make the face in ``picture`` say ``speech``.

    Args:
        picture: an image, a video, or a folder of numbered images.
        speech: any sound, or a video's soundtrack; None: the soundtrack of ``picture``.
        output: the film (.mp4, .mov, .webm), or with ``preview`` a contact sheet (.png).
        options: see ``GenerateOptions``.
        preview: write a contact sheet of the film instead of the film.
        progress: called after every frame of every stage.
        engine: an instance to use instead of ``options.engine``.

    Raises:
        LipsmithError: one sentence that says what is wrong and what to do; no file is left behind.
    """
    from ..media.writer import check_output, check_transparent

    watch = Stopwatch()
    options = options or GenerateOptions()
    picture, output = Path(picture), Path(output)
    given = [picture, Path(options.background)] + ([] if speech is None else [Path(speech)])
    check_output(output, given, sheet=preview)
    if options.background == "transparent" and not preview:
        check_transparent(output)
    loaded = LoadedEngine(engine) if engine else None
    if loaded is None:
        shared = {"idle": not (options.still or has_own_outline(picture, options)), "seed": options.seed}
        loaded = choose_engine(options.engine, {**shared, **options.engine_options})
    generation = _Generation(options, FilmRenderer(loaded.engine, watch, progress or (lambda _: None)))
    report = generation.run(picture, Path(speech) if speech else None, output, preview)
    return replace(report, passed_over=loaded.passed_over, notices=loaded.notices + report.notices)


@dataclass(slots=True)
class _Generation:
    """One call of ``generate``."""

    options: GenerateOptions
    renderer: FilmRenderer
    others: int = 0  # frames so far that show people, but nobody of those who speak

    def run(self, picture: Path, speech: Path | None, output: Path, preview: bool) -> Report:
        from ..media.probe import probe

        renderer = self.renderer
        with renderer.watch.stage("open"):
            video, sound = open_both(picture, speech, self.options, renderer.progress)
            renderer.background = open_background(picture, video, self.options, preview)
        spoken = frame_count(sound.samples, video.info.fps, sound.rate)
        preparation = FacePreparation(renderer.engine, self.options.faces, renderer.watch, renderer.progress)
        people = preparation.track_people(video, spoken if self.options.length == "speech" else None)
        length = film_length(video, people.frames, spoken, self.options)
        with tempfile.TemporaryDirectory(prefix="lipsmith-") as spool:
            source_frames = self.source_frames(video, preparation, people, length, Path(spool))
            seed = picture_seed(next(iter(video.frames()))) if video.info.frames == 1 else None
            timeline = Timeline.of_speech(source_frames, renderer.engine, video.info.fps, sound.rate, seed=seed)
            try:
                self.write(timeline, sound, video, length, output, preview)
            except FaceError as problem:  # the engine's own reason says more
                raise FaceError(next(iter(preparation.refusals.values()), str(problem))) from problem
        report = renderer.report(output, video.info.fps, len(people.chosen), length)
        notices = picture_notices(video, renderer.background) + sound.notices + renderer.silence(sound)
        notices += preparation.silent + renderer.notices
        probed = None if preview else probe(output)
        return replace(report, notices=notices, gaps_filled=people.gaps_filled, others=self.others, probe=probed)

    def write(
        self, timeline: Timeline, sound: Speech, video: VideoSource, length: int, output: Path, preview: bool
    ) -> None:
        """Write the film to ``output``, or its contact sheet if it is a ``preview``."""
        info = FilmInfo(video.info.size, video.info.fps, sound.rate)
        windows = self.renderer.windows(timeline, sound, info, length, still=video.info.frames == 1)
        if preview:
            self.renderer.write_sheet(windows, length, output)
            return
        self.renderer.write_film(windows, info, sound, output, film_options(self.options, length))

    def source_frames(
        self, video: VideoSource, preparation: FacePreparation, people: TrackedPeople, length: int, spool: Path
    ) -> Iterator[SourceFrame]:
        """The source frames in film order. A picture that stays the same is prepared once."""
        from ..media.ping_pong import ping_pong_frames

        source_frame: SourceFrame | None = None
        for index, image in self.renderer.watch.each("decode", ping_pong_frames(video, length, spool)):
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
        raise SoundError(f"{picture.name} has no soundtrack of its own; name the speech as the second file.")

    def report_reading(read: float, total: float) -> None:
        progress(Stage("open", round(read * fps), round(max(total, read) * fps) if total else 0))

    return video, open_speech(speech or picture, report_reading)


def open_background(
    picture: Path, video: VideoSource, options: GenerateOptions, sheet: bool
) -> BackgroundReplacement | None:
    """The background to put behind the people of ``video``; None: it stays as it is."""
    from ..media.background import BackgroundOptions, open_alpha, open_replacement

    if options.background == "keep":
        return None
    background = BackgroundOptions(options.background, options.key, head_moves=video.info.frames == 1)
    first = next(iter(video.frames()))
    return open_replacement(background, first, video.info.fps, open_alpha(picture), sheet)


def picture_notices(video: VideoSource, background: BackgroundReplacement | None) -> tuple[str, ...]:
    """The notices of the source. The white below transparent parts is not seen behind another background."""
    from ..media.stills import WHITE_BACKGROUND_NOTICE

    return tuple(notice for notice in video.info.notices if background is None or WHITE_BACKGROUND_NOTICE not in notice)


def has_own_outline(picture: Path, options: GenerateOptions) -> bool:
    """Whether the picture's own transparency outlines the person. The head must not move out of that outline."""
    from ..media.background import open_alpha

    return options.background != "keep" and options.key in ("auto", "alpha") and open_alpha(picture) is not None


def film_length(video: VideoSource, shown: int, spoken: int, options: GenerateOptions) -> int:
    """Frames of the film.

    Args:
        video: the source; a still image has no length of its own.
        shown: frames of the source.
        spoken: frames that the speech needs.
        options: says which of both counts.
    """
    if options.length == "speech" or video.info.kind == "image":
        return spoken
    return shown if options.length == "picture" else max(shown, spoken)


__all__ = ["generate"]
