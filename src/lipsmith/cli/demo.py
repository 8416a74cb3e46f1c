"""``lipsmith demo``: a first film from the portrait and the speech that come with the package."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..assets import DEMO_PICTURE, DEMO_SPEECH, asset
from ..errors import OutputError
from ..options import GenerateOptions
from .generate import HELP, AsJson, Quiet, make_film, print_report


def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the film goes.")] = Path("out/demo.mp4"),
    engine: Annotated[str, typer.Option(help=HELP["engine"])] = "auto",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Make a first film. The portrait and the speech come with the package."""
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise OutputError(f"The folder {output.parent} cannot be made ({problem.strerror}): give another -o.") from None
    options = GenerateOptions(engine=engine)
    report = make_film(asset(DEMO_PICTURE), asset(DEMO_SPEECH), output, options, preview=False, quiet=quiet)
    print_report(report, as_json, quiet)
