"""``lipsmith demo``: a film from the portrait and the speech that come with the package, and a sheet of its frames."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..assets import DEMO_PICTURE, DEMO_SPEECH, asset
from ..errors import OutputError
from ..options import GenerateOptions
from .generate import HELP, AsJson, Quiet, make_film, print_report

SHEET_TILES, SHEET_COLUMNS = 12, 6


def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the film goes.")] = Path("out/demo.mp4"),
    engine: Annotated[str, typer.Option(help=HELP["engine"])] = "auto",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Make a first film, and a contact sheet (.png) of it. The portrait and the speech come with the package."""
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise OutputError(f"The folder {output.parent} cannot be made ({problem.strerror}): give another -o.") from None
    options = GenerateOptions(engine=engine)
    report = make_film(asset(DEMO_PICTURE), asset(DEMO_SPEECH), output, options, preview=False, quiet=quiet)
    sheet = _write_sheet(output)
    print_report(report, as_json, quiet)
    if not (as_json or quiet):
        print(f"{sheet}: {SHEET_TILES} of its frames")


def _write_sheet(film: Path) -> Path:
    """Write frames of the film, evenly spread, as a PNG beside it. Returns its path."""
    from ..media.contact_sheet import contact_sheet
    from ..media.stills import write_png
    from ..media.video import open_video_source

    source = open_video_source(film, "source")
    count = source.info.frames
    wanted = {(2 * k + 1) * count // (2 * SHEET_TILES) for k in range(SHEET_TILES)}
    shown = {index: image for index, image in enumerate(source.frames()) if index in wanted}
    captions = [f"{float(index / source.info.fps):.1f} s" for index in shown]
    path = film.with_suffix(".png")
    write_png(path, contact_sheet(list(shown.values()), captions, SHEET_COLUMNS))
    return path
