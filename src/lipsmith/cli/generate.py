"""``lipsmith generate``: a picture and some speech in, a speaking film out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import OptionError
from ..options import GenerateOptions, build
from .engine_flags import engine_flags, engine_options
from .flags import flags_from
from .progress import shown
from .records import print_json

if TYPE_CHECKING:
    from ..pipeline.generate import Report

WORDS = {
    "engine": "Which engine; 'lipsmith engines' lists them. auto: the best one that can run here.",
    "fps": "Frames per second of the film: 25, 29.97, 30000/1001, or 'source' for the video's own.",
    "length": "What decides the film's length.",
    "faces": "Who speaks: largest, all, left, right, or a number counted from the left.",
    "still": "Keep a portrait still: no blinks, no head motion.",
    "seed": "Seed of blinks and head motion.",
    "crf": "Quality, 0 (lossless) to 51 (worst); in webm the nearest level that VP9 has.",
    "preset": "Speed of the H.264 encoder: slower makes smaller files.",
    "background": "Behind the person: keep, transparent (.webm, .mov), a colour, or the path of a picture or video.",
    "key": "How the person is told from a screen: auto, alpha (the picture's own), or the screen's #rrggbb.",
    "mark": "Say in the film's metadata that it is AI-made.",
}
AsJson = Annotated[
    bool, typer.Option("--json", help="Print a machine-readable report, and nothing else on standard output.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="An option of the engine's own; may be given again and again."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no summary.")]


@engine_flags
@flags_from(GenerateOptions, WORDS)
def generate(
    picture: Annotated[
        Path, typer.Argument(metavar="PICTURE", help="An image, a video, or a folder of numbered images.")
    ],
    speech: Annotated[
        Path | None,
        typer.Argument(metavar="SPEECH", help="Any sound or video. Left out: the soundtrack of PICTURE."),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The film: .mp4, .mov or .webm.")] = None,
    preview: Annotated[
        Path | None, typer.Option(help="Write a contact sheet (.png) of the film instead of the film.")
    ] = None,
    settings: Settings = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    **options: Any,
) -> None:
    """Make the face in PICTURE say SPEECH.

    Examples:

      lipsmith generate portrait.jpg speech.wav -o film.mp4

      lipsmith generate talk.mp4 dubbed.mp3 -o film.mp4 --faces left

      lipsmith generate talk.mp4 -o film.webm --length picture

      lipsmith generate portrait.jpg speech.wav --preview sheet.png

      lipsmith generate talk.mp4 dubbed.mp3 -o film.mp4 --engine musetalk --bbox-shift 5 --set version=v1
    """
    target = preview or output
    if target is None:
        raise OptionError("Nothing says where the film goes: give -o film.mp4, or --preview sheet.png to look first.")
    options["engine_options"] = engine_options(options, settings or [])
    report = make(picture, speech, target, build(GenerateOptions, options), preview=bool(preview), quiet=quiet)
    tell(report, as_json, quiet)


def make(
    picture: Path, speech: Path | None, output: Path, options: GenerateOptions, *, preview: bool, quiet: bool
) -> Report:
    """Call ``generate`` under a progress bar."""
    from ..pipeline.generate import generate as speak

    with shown(quiet) as progress:
        return speak(picture, speech, output, options, preview=preview, progress=progress)


def tell(report: Report, as_json: bool, quiet: bool) -> None:
    """Print what was made: as JSON, or in a few lines."""
    if as_json:
        print_json(report)
    elif not quiet:
        print(summary(report))


def summary(report: Report) -> str:
    """Where the film is, its length, and what it cost, for people."""
    length = float(report.frames / report.fps)
    lines = [
        f"{report.output}: {length:.1f} s at {float(report.fps):g} fps, {report.rendered} of {report.frames} frames "
        f"spoken by the engine {report.engine}",
        f"{few(report.frames_per_second)} frames per second reached: {pace(report.real_time_factor)}",
    ]
    lines += [f"note: {notice}" for notice in report.notices]
    lines += [f"note: {_frames(count)} left unchanged: {reason}" for reason, count in report.unable.items()]
    lines += [f"note: {_frames(report.cutaways)} without a face passed through"] if report.cutaways else []
    passed = ", ".join(engine.partition(":")[0] for engine in report.passed_over)
    lines += [f"note: passed over {passed}; `lipsmith engines` says what is missing"] if passed else []
    return "\n".join(lines)


def _frames(count: int) -> str:
    return "1 frame" if count == 1 else f"{count} frames"


def few(rate: float) -> str:
    """Frames per second in figures that tell a slow engine's from none."""
    return f"{rate:.0f}" if rate >= 10 else f"{rate:.2g}"


def pace(factor: float) -> str:
    """How a film's length compares with the time it took, in words."""
    return (
        f"{factor:.1f} times faster than real time" if factor >= 1 else f"{1 / factor:.1f} times slower than real time"
    )
