"""``lipsmith speak``: a prepared avatar and speeches in, films out."""

from __future__ import annotations

import mimetypes
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import LipsmithError, OptionError, OutputError, SoundError
from ..options import build
from ..pipeline.speak import SpeakOptions, engine_for
from ..pipeline.speak import speak as say
from ..tts.text_to_file import TextToFile
from .flags import flags_from
from .generate import WORDS, AsJson, Quiet, summary
from .progress import shown
from .records import print_json

if TYPE_CHECKING:
    from ..avatars.avatar import Avatar
    from ..pipeline.film import Report
    from ..stopwatch import Progress, Stage

FILMS = (".mp4", ".mov", ".m4v", ".webm")


@dataclass(frozen=True, slots=True)
class Spoken:
    """What became of one speech."""

    speech: Path
    report: Report | None
    error: str | None = None
    exit_code: int = 0


TEXT_WORDS = {
    "text": "What to say, in place of SPEECH; a voice reads it aloud.",
    "voice": "Whose: espeak, espeak:LANGUAGE, openai:URL. auto: espeak.",
}


@flags_from(TextToFile, TEXT_WORDS)
@flags_from(SpeakOptions, WORDS)
def speak(
    name: Annotated[str, typer.Argument(metavar="ID", help="An avatar; 'lipsmith avatar list' names them.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The film (.mp4, .mov, .webm); for several, a folder.")
    ],
    speeches: Annotated[
        list[Path] | None, typer.Argument(metavar="SPEECH...", help="Sounds or videos, or folders of them.")
    ] = None,
    kind: Annotated[str, typer.Option("--format", help="Of films in a folder: mp4, mov or webm.")] = "mp4",
    as_json: AsJson = False,
    quiet: Quiet = False,
    **options: Any,
) -> None:
    """Make the avatar ID say each SPEECH. The engine is loaded once; one that fails does not stop the others.

    Examples:

      lipsmith speak anna hello.wav -o hello.mp4

      lipsmith speak anna --text "Good morning. How are you?" -o morning.mp4

      lipsmith speak anna one.wav two.mp3 -o films

      lipsmith speak anna lessons/ -o films --format webm --json
    """
    from ..avatars.store import AvatarStore

    reading = build(TextToFile, {word: options.pop(word) for word in TEXT_WORDS})
    wish = build(SpeakOptions, options)
    with spoken(speeches or [], reading) as given:
        wanted = plan(given, output, kind)
        single = len(wanted) == 1 and wanted[0][1] == output
        with AvatarStore().open(name) as avatar, shown(quiet) as progress:
            done = _films(avatar, wanted, wish, progress, single)
    _tell(name, done, single, as_json, quiet)


@contextmanager
def spoken(speeches: list[Path], reading: TextToFile, silent: bool = False) -> Iterator[list[Path]]:
    """The speeches, or the text as one, for as long as it is needed; ``silent``: neither will do."""
    if bool(speeches) == bool(reading.text) and not (silent and not speeches):
        raise OptionError("Say what is to be spoken: SPEECH files, or --text; one of the two.")
    with tempfile.TemporaryDirectory(prefix="lipsmith-") as folder:
        if reading.text:
            speeches = [Path(folder) / "text.wav"]
            reading.write(speeches[0])
        yield speeches


def _films(
    avatar: Avatar, wanted: Sequence[tuple[Path, Path]], wish: SpeakOptions, progress: Progress, single: bool
) -> list[Spoken]:
    """Every film, by one engine; the failure of a ``single`` one is raised, and one that is all films' at once."""
    from ..media.writer import check_transparent

    if wish.background == "transparent":
        check_transparent(wanted[0][1])  # all are of one kind
    engine = engine_for(avatar, wish)
    if single:
        ((speech, film),) = wanted
        return [Spoken(speech, say(avatar, speech, film, wish, engine=engine, progress=progress))]
    done: list[Spoken] = []
    for speech, film in wanted:
        try:
            _make_folder(film.parent)
            report = say(avatar, speech, film, wish, engine=engine, progress=_named(progress, film))
        except LipsmithError as problem:
            done.append(Spoken(speech, None, str(problem), problem.exit_code))
        else:
            done.append(Spoken(speech, report))
    return done


def plan(speeches: Sequence[Path], output: Path, kind: str) -> list[tuple[Path, Path]]:
    """Which speech becomes which film.

    Raises:
        OptionError: several films into one file, or an unknown ``kind``.
        SoundError: a folder holds nothing.
    """
    if f".{kind}" not in FILMS:
        raise OptionError(f"format is '{kind}'; it can be mp4, mov, m4v or webm.")
    found = [file for speech in speeches for file in _files(speech)]
    folder = any(speech.is_dir() for speech in speeches) or output.is_dir() or output.suffix.lower() not in FILMS
    if not folder and len(found) > 1:
        raise OptionError(f"{len(found)} speeches cannot become the one film {output}: give a folder with -o.")
    if not folder:
        return [(found[0], output)]
    return list(zip(found, _apart([speech.stem for speech in found], output, kind), strict=True))


def _files(speech: Path) -> list[Path]:
    if not speech.is_dir():
        return [speech]
    files = sorted(file for file in speech.iterdir() if file.is_file() and _may_sound(file))
    if not files:
        raise SoundError(f"The folder {speech} holds no speech.")
    return files


def _may_sound(file: Path) -> bool:
    """Not hidden, and not by its name a text, a picture or other thing that people lay beside their recordings."""
    kind = mimetypes.MimeTypes().guess_type(file.name)[0] or "audio/"
    return not file.name.startswith(".") and kind.startswith(("audio/", "video/"))


def _apart(stems: Sequence[str], folder: Path, kind: str) -> list[Path]:
    """A film for each stem; the second of the same name gets a number."""
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


def _named(progress: Progress, film: Path) -> Progress:
    """One bar per film, as no two are called the same: they share one view."""

    def tell(stage: Stage) -> None:
        if stage.name == "speak":
            progress(replace(stage, name=film.name))

    return tell


def _tell(name: str, done: Sequence[Spoken], single: bool, as_json: bool, quiet: bool) -> None:
    if as_json:
        print_json(done[0].report if single else done)
    elif not quiet:
        for one in done:
            print(summary(one.report) if one.report else f"{one.speech}: failed: {one.error}")
        if not single:
            made = sum(one.report is not None for one in done)
            print(f"{made} of {len(done)} films of {name} made")
    failed = [one.exit_code for one in done if one.report is None]
    if failed:
        raise typer.Exit(failed[0])
