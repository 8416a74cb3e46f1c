"""``lipsmith metrics``: measures the quality of a film."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..errors import InputError, OptionError
from .generate import AsJson
from .records import print_json

if TYPE_CHECKING:
    from ..metrics.mouth import MouthScore
    from ..metrics.sync import SyncReport
    from ..speech.curve_streams import CurveStream
    from ..speech.sync import Match

app = typer.Typer(name="metrics", rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def metrics(context: typer.Context) -> None:
    """Measure a film."""
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
def sync(
    film: Annotated[Path, typer.Argument(metavar="FILM", help="A film of a face.")],
    speech: Annotated[Path | None, typer.Option(help="Sound to compare with, instead of the film's own.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say whether the mouth follows the sound, and score how well."""
    from ..metrics.sync import score_film

    report = score_film(film, speech)
    print_json(report) if as_json else _print_report(report)


@app.command()
def mouth(
    films: Annotated[list[Path], typer.Argument(metavar="FILM", help="Films of people who talk, with their sound.")],
    speech_encoder: Annotated[
        Literal["whisper", "small"], typer.Option(help="Who hears the sound, as for films: whisper or small.")
    ] = "whisper",
    live: Annotated[
        bool, typer.Option("--live", help="Let whisper hear as in live sessions: 80 to 160 ms ahead.")
    ] = False,
    heads: Annotated[
        Path | None, typer.Option(help="Heads for whisper to try, as `train voice2mouth` writes them.")
    ] = None,
    student: Annotated[
        Path | None, typer.Option(help="A network for small to try, as `train voice2mouth` writes it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Score the mouth controls heard in films of people against the mouths in their pictures.

    Correlations of lips, jaw and width are over time, with the sound moved to where the lips fit best. The opening and
    its swing (deviation) are shares of the measured ones; pressed is the share of frames with pressed lips.

    Examples:

      lipsmith metrics mouth interview.mp4 lecture.mp4

      lipsmith metrics mouth interview.mp4 --live --heads out/mouth_heads.npz
    """
    from ..metrics.mouth import score_mouth

    if (speech_encoder == "small" and (heads or live)) or (speech_encoder == "whisper" and student):
        raise OptionError("--live and --heads are for --speech-encoder whisper, --student for small: leave one out.")
    curves = _student_curves(student) if speech_encoder == "small" else _encoder_curves(live, heads)
    scores = [score_mouth(film, curves) for film in films]
    print_json(scores) if as_json else _print_mouths(scores)


def _encoder_curves(live: bool, heads: Path | None) -> Callable[[], CurveStream]:
    """Begins streams of the speech encoder, with the shipped head or one of the file ``heads``."""
    from ..speech.curve_streams import EncoderStream
    from ..speech.mouth_heads import read_heads

    use: Literal["live", "file"] = "live" if live else "file"
    return partial(EncoderStream, use, getattr(read_heads(heads), use) if heads else None)


def _student_curves(student: Path | None) -> Callable[[], CurveStream]:
    """Begins streams of the shipped small network, or of the one in the file ``student``."""
    from ..speech.curve_streams import StudentStream
    from ..speech.student import read_student

    if student is None:
        return StudentStream
    try:
        return partial(StudentStream, read_student(student.read_bytes()))
    except OSError as problem:
        raise InputError(f"{student} cannot be read ({problem.strerror}): give the .onnx file of a student.") from None


def _print_mouths(scores: list[MouthScore]) -> None:
    print("aperture   jaw  width  opening  swing  pressed  sound early by  film")
    for one in scores:
        print(
            f"{one.aperture:8.2f} {one.jaw:5.2f} {one.width:6.2f} {one.opening:8.2f} {one.swing:6.2f} "
            f"{one.pressed:8.1%} {one.lag_ms:12.0f} ms  {one.film}"
        )


def _print_report(report: SyncReport) -> None:
    print(f"{report.film}: {report.frames} frames at {report.fps:g} fps, a face in {report.faces:.0%} of them")
    print(f"{report.verdict.words} (confidence {report.verdict.confidence:.0%})")
    print(f"lips {report.aperture_mean:.3f} apart on average, in distances between the eyes")
    print("correlation with     lips  lips in time   jaw  width   sound early by")
    for name in ("controls", "vowels", "level"):
        match: Match = getattr(report, name)
        width = "    -" if match.width_aligned is None else f"{match.width_aligned:5.2f}"
        print(
            f"  {name:<15} {match.aperture:7.2f} {match.aperture_aligned:13.2f} {match.jaw_aligned:5.2f}  {width}"
            f" {match.lag_ms:13.0f} ms"
        )
