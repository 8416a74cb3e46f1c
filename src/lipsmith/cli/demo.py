"""``lipsmith demo``: a film from the portrait and the speech that come with the package, and a sheet of its frames."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ..assets import DEMO_PICTURE, DEMO_SPEECH, asset
from ..errors import OutputError
from ..options import GenerateOptions
from .generate import HELP, AsJson, Overwrite, Quiet, make_film, print_report

DEFAULT = Path("out/demo.mp4")
SHEET_TILES, SHEET_COLUMNS = 12, 6


def demo(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where the film goes. [default: out/demo.mp4, made anew]")
    ] = None,
    engine: Annotated[str, typer.Option(help=HELP["engine"])] = "auto",
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Make a first film, and a contact sheet (.png) of it. The portrait and the speech come with the package."""
    from ..media.writer import check_free

    overwrite, output = overwrite or output is None, output or DEFAULT
    if not overwrite:
        check_free(output.with_suffix(".png"))
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise OutputError(f"The folder {output.parent} cannot be made ({problem.strerror}): give another -o.") from None
    options = GenerateOptions(engine=engine, overwrite=overwrite)
    report = make_film(asset(DEMO_PICTURE), asset(DEMO_SPEECH), (output, None), options, quiet=quiet)
    sheet = _write_sheet(report.output, overwrite)
    report = replace(report, sheet=sheet)
    print_report(report, as_json, quiet)


def _write_sheet(film: Path, overwrite: bool) -> Path:
    """Write frames of the film, evenly spread, as a PNG beside it. Returns its path."""
    from ..media.contact_sheet import contact_sheet
    from ..media.stills import write_png
    from ..media.video import open_video_source

    source = open_video_source(film, "source")
    count = source.info.frames
    wanted = {(2 * k + 1) * count // (2 * SHEET_TILES) for k in range(SHEET_TILES)}
    shown = {index: image for index, image in enumerate(source.frames()) if index in wanted}
    captions = [f"{float(index / source.info.fps):.1f} s" for index in shown]
    return write_png(film.with_suffix(".png"), contact_sheet(list(shown.values()), captions, SHEET_COLUMNS), overwrite)
