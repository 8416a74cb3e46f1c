"""``lipsmith speak``: a prepared avatar and speeches in, films out."""

from __future__ import annotations

import mimetypes
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import LipsmithError, OptionError, OutputError, SoundError
from ..options import build
from ..pipeline.speak import SpeakOptions, engine_for
from ..pipeline.speak import speak as run
from ..tts.text_to_file import TextToFile
from .engine_flags import engine_options, prepared_flags
from .flags import flags_from
from .generate import HELP, OUTPUT_HELP, AsJson, Quiet, Settings, summary
from .inputs import explained, refuse_file
from .progress import progress_display
from .records import counted, print_json
from .texts import TEXT_HELP, speech_files, text_asked_for

if TYPE_CHECKING:
    from ..avatars.avatar import Avatar
    from ..pipeline.film import Report
    from ..stopwatch import Progress, Stage

FILES_HELP = {
    "format": "Format of films in a folder: mp4, mov or webm.",
    "overwrite": OUTPUT_HELP["overwrite"],
}
FILMS = (".mp4", ".mov", ".m4v", ".webm")


@dataclass(frozen=True, slots=True)
class SpeakResult:
    """The film of one speech, or why there is none."""

    speech: Path
    report: Report | None
    error: str | None = None
    exit_code: int = 0


@dataclass(frozen=True, slots=True)
class FilmFiles:
    """How films in a folder are called, and whether older files may be replaced."""

    format: str = "mp4"
    overwrite: bool = False


@prepared_flags
@flags_from(TextToFile, TEXT_HELP)
@flags_from(FilmFiles, FILES_HELP)
@flags_from(SpeakOptions, HELP)
def speak(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="ID", help="An avatar; 'lipsmith avatar list' names them.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The film (.mp4, .mov, .webm); for several, a folder.")
    ],
    speeches: Annotated[
        list[Path] | None, typer.Argument(metavar="SPEECH...", help="Sounds or videos, or folders of them.")
    ] = None,
    settings: Settings = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    **flags: Any,
) -> None:
    """Make the avatar ID say each SPEECH. The engine is loaded once; a speech that fails does not stop the others.

    Examples:

      lipsmith speak anna hello.wav -o hello.mp4

      lipsmith speak anna --text "Good morning. How are you?" -o morning.mp4

      lipsmith speak anna one.wav two.mp3 -o films

      lipsmith speak anna lessons/ -o films --format webm --json

      lipsmith speak anna hello.wav -o calm.mp4 --life 0.5
    """
    from ..avatars.store import AvatarStore

    refuse_file(name)
    text, kind = text_asked_for(context, flags), flags.pop("format")
    changed = engine_options(flags, settings or [])
    options = build(SpeakOptions, {**flags, "engine_options": changed})
    with speech_files(speeches or [], text) as files:
        films = plan(files, output, kind)
        single = len(films) == 1 and films[0][1] == output
        with AvatarStore().open(name) as avatar, progress_display(quiet) as progress:
            results = _make_films(avatar, films, options, progress, single)
    _print_results(name, results, single, as_json, quiet)


def _make_films(
    avatar: Avatar, films: Sequence[tuple[Path, Path]], options: SpeakOptions, progress: Progress, single: bool
) -> list[SpeakResult]:
    """Make every film with one engine. The failure of a ``single`` film is raised, that of others is returned."""
    from ..media.writer import check_free, check_transparent

    if options.background == "transparent":
        check_transparent(films[0][1])  # all films have one format
    if not single and not options.overwrite:
        for _, film in films:
            check_free(film)
    engine = engine_for(avatar, options)
    if single:
        ((speech, film),) = films
        with explained(None, speech):
            return [SpeakResult(speech, run(avatar, speech, film, options, engine=engine, progress=progress))]
    results: list[SpeakResult] = []
    for speech, film in films:
        try:
            _make_folder(film.parent)
            with explained(None, speech):
                report = run(avatar, speech, film, options, engine=engine, progress=_per_film(progress, film))
        except LipsmithError as problem:
            results.append(SpeakResult(speech, None, str(problem), problem.exit_code))
        else:
            results.append(SpeakResult(speech, report))
    return results


def plan(speeches: Sequence[Path], output: Path, kind: str) -> list[tuple[Path, Path]]:
    """(speech, film) pairs.

    Args:
        speeches: files, and folders of files.
        output: a film, or a folder for films.
        kind: suffix of films in a folder.

    Raises:
        OptionError: several films would go into one file, or an unknown ``kind``.
        SoundError: a folder holds no speech.
    """
    if f".{kind}" not in FILMS:
        raise OptionError(f"format is '{kind}'; it can be mp4, mov, m4v or webm.")
    files = [file for speech in speeches for file in _files(speech)]
    folder = any(speech.is_dir() for speech in speeches) or output.is_dir() or output.suffix.lower() not in FILMS
    if not folder and len(files) > 1:
        raise OptionError(f"{len(files)} speeches cannot become the one film {output}: give a folder with -o.")
    if not folder:
        return [(files[0], output)]
    return list(zip(files, _film_paths([speech.stem for speech in files], output, kind), strict=True))


def _files(speech: Path) -> list[Path]:
    if not speech.is_dir():
        return [speech]
    files = sorted(file for file in speech.iterdir() if file.is_file() and _may_be_speech(file))
    if not files:
        raise SoundError(f"The folder {speech} holds no speech.")
    return files


def _may_be_speech(file: Path) -> bool:
    """Whether a file is not hidden, and its name is not that of a text, a picture or the like."""
    kind = mimetypes.MimeTypes().guess_type(file.name)[0] or "audio/"
    return not file.name.startswith(".") and kind.startswith(("audio/", "video/"))


def _film_paths(stems: Sequence[str], folder: Path, kind: str) -> list[Path]:
    """A film for each stem; if two stems are equal, the second film gets a number."""
    films: list[Path] = []
    for stem in stems:
        film, number = folder / f"{stem}.{kind}", 2
        while film in films:
            film, number = folder / f"{stem}-{number}.{kind}", number + 1
        films.append(film)
    return films


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as reason:
        raise OutputError(f"The folder {folder} cannot be made ({reason.strerror}): choose another.") from reason


def _per_film(progress: Progress, film: Path) -> Progress:
    """A callback that shows the progress of one film under the film's name."""

    def show(stage: Stage) -> None:
        if stage.name == "speak":
            progress(replace(stage, name=film.name))

    return show


def _print_results(name: str, results: Sequence[SpeakResult], single: bool, as_json: bool, quiet: bool) -> None:
    if as_json:
        print_json(results[0].report if single else results)
    elif not quiet:
        for one in results:
            print(summary(one.report) if one.report else f"{one.speech}: failed: {one.error}")
        if not single:
            made = sum(one.report is not None for one in results)
            print(f"{made} of {counted(len(results), 'film')} of {name} made")
    failed = [one.exit_code for one in results if one.report is None]
    if failed:
        raise typer.Exit(failed[0])
