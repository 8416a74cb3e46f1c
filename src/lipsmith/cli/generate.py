"""``lipsmith generate``: a picture and some speech in, a speaking film out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import OptionError
from ..options import GenerateOptions, build
from ..tts.text_to_file import TextToFile
from .engine_flags import engine_flags, engine_options
from .flags import flags_from
from .inputs import explained
from .progress import progress_display
from .records import counted, print_json
from .texts import TEXT_HELP, speech_files, text_asked_for, was_given

if TYPE_CHECKING:
    from ..pipeline.film import Report

HELP = {
    "engine": "A name from 'lipsmith engines', or auto: the best one that can run here.",
    "fps": "Frames per second of the film: 25, 29.97, 30000/1001, or 'source' for the video's own (above 120: halved).",
    "length": "The film is as long as the speech or the picture.",
    "faces": "Who speaks: largest, all, left, right, or a number counted from the left.",
    "still": "Keep a portrait still: nothing but the mouth moves.",
    "seed": "Seed of a portrait's blinks, gaze and head motion. Left out: every picture has its own.",
    "crf": "Quality, 0 (lossless) to 51 (worst); in webm the nearest level that VP9 has.",
    "preset": "Speed of the H.264 encoder: slower makes smaller files.",
    "background": "Behind the person: keep, transparent (.webm, .mov), a colour, or the path of a picture or video.",
    "key": "How to separate the person from the background: auto, alpha (the picture's own), or the screen's #rrggbb.",
    "audio_track": "Which audio track of a speech with several, from 1. Left out: the file's default one.",
    "start": "Where the part of the film begins that is made: seconds or H:MM:SS. Picture and speech are cut alike.",
    "duration": "How long that part is: seconds or H:MM:SS. Left out: up to the film's end.",
    "mark": "Mark the film as AI-made in its metadata.",
}
AsJson = Annotated[
    bool, typer.Option("--json", help="Print a machine-readable report, and nothing else on standard output.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Set an option of the engine; may be repeated."),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that are there already.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print no progress and no summary.")]


OUTPUT_HELP = {
    "preview": "Write a contact sheet (.png) of the film; without -o nothing else is made.",
    "overwrite": "Replace files that are there already.",
}


@dataclass(frozen=True, slots=True)
class FurtherOutputs:
    """What is written beside the film, and whether older files may be replaced."""

    preview: Path | None = None
    overwrite: bool = False


@engine_flags
@flags_from(GenerateOptions, HELP)
@flags_from(TextToFile, TEXT_HELP)
@flags_from(FurtherOutputs, OUTPUT_HELP)
def generate(
    context: typer.Context,
    picture: Annotated[
        Path, typer.Argument(metavar="PICTURE", help="An image, a video, or a folder of numbered images.")
    ],
    speech: Annotated[
        Path | None,
        typer.Argument(metavar="SPEECH", help="Any sound or video. Left out: the soundtrack of PICTURE."),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The film: .mp4, .mov or .webm.")] = None,
    settings: Settings = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    **options: Any,
) -> None:
    """Make the face in PICTURE say SPEECH.

    Examples:

      lipsmith generate portrait.jpg speech.wav -o film.mp4

      lipsmith generate talk.mp4 dubbed.mp3 -o film.mp4 --faces left

      lipsmith generate portrait.jpg speech.wav --preview sheet.png

      lipsmith generate portrait.jpg --text "Good morning." -o film.mp4

      lipsmith generate talk.mp4 a.wav -o part.mp4 --start 1:20 --duration 10
    """
    more = FurtherOutputs(**{name: options.pop(name) for name in OUTPUT_HELP})
    text = text_asked_for(context, options)
    options |= {"overwrite": more.overwrite, "engine_options": engine_options(options, settings or [])}
    film_options = build(GenerateOptions, options)
    if not (output or more.preview):
        raise OptionError("No output is named: give -o film.mp4, or --preview sheet.png for a contact sheet first.")
    with speech_files([speech] if speech else [], text, may_be_empty=not text.text) as speeches:
        spoken = speeches[0] if speeches else None
        with explained(picture, spoken):
            report = make_film(picture, spoken, (output, more.preview), film_options, quiet=quiet)
    print_report(report, as_json, quiet, was_given(context, "engine"))


def make_film(
    picture: Path, speech: Path | None, targets: tuple[Path | None, Path | None], options: GenerateOptions, quiet: bool
) -> Report:
    """Call ``lipsmith.generate`` and show its progress. ``targets``: the film, and its contact sheet."""
    from ..pipeline.generate import generate as run

    film, sheet = targets
    with progress_display(quiet) as progress:
        return run(picture, speech, film, options, sheet=sheet, progress=progress)


def print_report(report: Report, as_json: bool, quiet: bool, asked: bool = False) -> None:
    """Print the report: as JSON, or in a few lines. ``asked``: as ``summary``."""
    if as_json:
        print_json(report)
    elif not quiet:
        print(summary(report, asked))


def summary(report: Report, asked: bool = False) -> str:
    """The report in a few lines of text: where the film is, its length, and the speed.

    ``asked``: the engine was asked for by name or as ``auto``, so better engines that cannot run here are named.
    """
    length = float(report.frames / report.fps)
    lines = [
        f"{report.output}: {length:.1f} s at {float(report.fps):g} fps, {report.rendered} of "
        f"{counted(report.frames, 'frame')} spoken by the engine {report.engine}",
        f"{short_rate(report.frames_per_second)} per second reached: {pace(report.real_time_factor)}",
    ]
    lines += [f"{report.sheet}: some of its frames"] if report.sheet not in (None, report.output) else []
    lines += [f"note: {notice}" for notice in report.notices]
    lines += [f"note: {counted(count, 'frame')} left unchanged: {reason}" for reason, count in report.unable.items()]
    empty, which = report.cutaways - (report.others or 0), " that speaks" if report.others is None else ""
    lines += [f"note: {counted(empty, 'frame')} without a face{which} passed through"] if empty else []
    if report.others:
        lines.append(f"note: {counted(report.others, 'frame')} that show other people only passed through")
    passed = ", ".join(engine.partition(":")[0] for engine in report.passed_over) if asked else ""
    lines += [f"note: auto prefers {passed}, which cannot run here: `lipsmith engines` says why"] if passed else []
    return "\n".join(lines)


def short_rate(rate: float) -> str:
    """Frames, such as "12 frames", with digits enough that a slow engine does not show 0."""
    number = f"{rate:.0f}" if rate >= 10 else f"{rate:.2g}"
    return f"{number} frame{'' if number == '1' else 's'}"


def pace(factor: float) -> str:
    """A real-time factor, the film's length divided by the time it took, in words."""
    return (
        f"{factor:.1f} times faster than real time" if factor >= 1 else f"{1 / factor:.1f} times slower than real time"
    )
