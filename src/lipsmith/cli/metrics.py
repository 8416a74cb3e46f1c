"""``lipsmith metrics``: measures the quality of a film."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .generate import AsJson
from .records import print_json

if TYPE_CHECKING:
    from ..metrics.sync import SyncReport
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
