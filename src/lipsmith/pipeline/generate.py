"""A picture and some speech in, a speaking film out: the offline act."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..avatars.preparation import FacePreparation, TrackedPeople
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
        options: how; see ``GenerateOptions``.
        preview: write a contact sheet of the film instead of the film.
        progress: called after every frame of every stage.
        engine: an instance to use instead of ``options.engine``.

    Raises:
        LipsmithError: one clear sentence; nothing is left behind.
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
    making = _Generation(options, FilmRenderer(loaded.engine, watch, progress or (lambda _: None)))
    report = making.run(picture, Path(speech) if speech else None, output, preview)
    return replace(report, passed_over=loaded.passed_over, notices=loaded.notices + report.notices)


@dataclass(slots=True)
class _Generation:
    """One run of ``generate``: what it was asked, and the film in the making."""

    options: GenerateOptions
    filming: FilmRenderer

    def run(self, picture: Path, speech: Path | None, output: Path, preview: bool) -> Report:
        from ..media.probe import probe
        from ..media.sound import Resampler

        filming = self.filming
        with filming.watch.stage("open"):
            footage, sound = open_both(picture, speech, self.options, filming.progress)
            filming.scene = open_background(picture, footage, self.options, preview)
        spoken = frame_count(sound.samples, footage.info.fps, sound.rate)
        preparation = FacePreparation(filming.engine, self.options.faces, filming.watch, filming.progress)
        cast = preparation.track_people(footage, spoken if self.options.length == "speech" else None)
        length = film_length(footage, cast.frames, spoken, self.options)
        with tempfile.TemporaryDirectory(prefix="lipsmith-") as spool:
            source_frames = self.source_frames(footage, (preparation, cast), length, Path(spool))
            take = Timeline(source_frames, filming.engine, footage.info.fps, sound.rate, Resampler(sound.rate))
            try:
                self.write(take, sound, footage, length, (output, preview))
            except FaceError as refusal:  # the engine's own reason says more
                raise FaceError(next(iter(preparation.refusals.values()), str(refusal))) from refusal
        report = filming.report(output, footage.info.fps, len(cast.chosen), length)
        notices = picture_notices(footage, filming.scene) + sound.notices + filming.silence(sound) + preparation.silent
        notices += filming.engine.notices + (filming.scene.notices if filming.scene else ())
        read = None if preview else probe(output)
        return replace(report, notices=notices, gaps_filled=cast.gaps_filled, probe=read)

    def write(self, take: Timeline, sound: Speech, footage: VideoSource, length: int, goal: tuple[Path, bool]) -> None:
        """Make the film, or the contact sheet, that ``goal`` names."""
        info = FilmInfo(footage.info.size, footage.info.fps, sound.rate)
        runs = self.filming.runs(take, sound, info, length, still=footage.info.frames == 1)
        output, preview = goal
        if preview:
            self.filming.write_sheet(runs, length, output)
            return
        self.filming.write_film(runs, info, sound, output, film_options(self.options, length))

    def source_frames(
        self, footage: VideoSource, ready: tuple[FacePreparation, TrackedPeople], length: int, spool: Path
    ) -> Iterator[SourceFrame]:
        """The plates of the film in its order; a picture that stands still is prepared once."""
        from ..media.ping_pong import replay

        preparation, cast = ready
        source_frame: SourceFrame | None = None
        for index, image in self.filming.watch.each("decode", replay(footage, length, spool)):
            if source_frame is None or source_frame.index != index:
                with self.filming.watch.stage("prepare"):
                    source_frame = preparation.source_frame(image, index, cast)
            yield source_frame


def open_both(
    picture: Path, speech: Path | None, options: GenerateOptions, progress: Progress
) -> tuple[VideoSource, Speech]:
    """Open the picture and the speech, or the picture's own soundtrack; a speech of minutes with ``progress``."""
    from ..media.sound import open_speech
    from ..media.video import open_picture

    footage = open_picture(picture, options.fps)
    fps = float(footage.info.fps)
    if speech is None and not footage.info.has_sound:
        raise SoundError(f"{picture.name} has no soundtrack of its own; name the speech as the second file.")

    def tell(read: float, total: float) -> None:
        progress(Stage("open", round(read * fps), round(max(total, read) * fps) if total else 0))

    return footage, open_speech(speech or picture, tell)


def open_background(
    picture: Path, footage: VideoSource, options: GenerateOptions, sheet: bool
) -> BackgroundReplacement | None:
    """What comes behind the people of ``footage``; None: what was there."""
    from ..media.background import BackgroundOptions, alphas_of, open_replacement

    if options.background == "keep":
        return None
    wish, first = BackgroundOptions(options.background, options.key), next(iter(footage.frames()))
    return open_replacement(wish, first, footage.info.fps, alphas_of(picture), sheet)


def picture_notices(footage: VideoSource, scene: BackgroundReplacement | None) -> tuple[str, ...]:
    """What the footage says of itself; white below transparent parts is not seen in a scene of its own."""
    from ..media.stills import LAID_OVER_WHITE

    return tuple(notice for notice in footage.info.notices if scene is None or LAID_OVER_WHITE not in notice)


def has_own_outline(picture: Path, options: GenerateOptions) -> bool:
    """Whether the picture's own transparency says where the person ends: then the head must not move out of it."""
    from ..media.background import alphas_of

    return options.background != "keep" and options.key in ("auto", "alpha") and alphas_of(picture) is not None


def film_length(footage: VideoSource, looked: int, spoken: int, options: GenerateOptions) -> int:
    """Frames of the film, from the footage's frames and those the speech needs. A still has no length of its own."""
    if options.length == "speech" or footage.info.kind == "image":
        return spoken
    return looked if options.length == "picture" else max(looked, spoken)


__all__ = ["Progress", "Report", "Stage", "film_length", "generate", "open_both"]
