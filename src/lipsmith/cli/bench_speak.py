"""``lipsmith bench speak``: what a stored avatar saves, measured on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..options import build, parse_settings
from .bench import check_seconds, check_threads, parse_sizes
from .bench_live import app
from .flags import flags_from
from .generate import AsJson, Settings
from .records import print_json

if TYPE_CHECKING:
    from ..bench.speak import SpeakFigures

HELP = {
    "runs": "Films of each kind; the one with the median time counts.",
    "picture": "Compute everything from this image or video; without ID, create the avatar from it too.",
    "seconds": "Length of the moving portrait that is used without ID and --picture.",
    "size": "Size of that moving portrait, in pixels.",
    "speech_seconds": "Length of the demo's speech, which is used without SPEECH.",
    "engine": "Without ID: a name from `lipsmith engines`.",
    "threads": "Cores to use; 0: all.",
}


STAGES = {
    "open": "open picture and speech",
    "load": "load the face finder",
    "decode": "decode the picture",
    "detect": "find the faces",
    "study": "analyze the people",
    "prepare": "prepare the frames",
    "fetch": "read the stored frames",
    "listen": "encode the speech",
    "render": "render and blend",
    "encode": "encode and write",
}
"""Stage of making a film -> what it does, in this order."""


@dataclass(frozen=True, slots=True)
class SpeakBenchOptions:
    """What is measured."""

    runs: int = 3
    picture: Path | None = None
    seconds: float = 30.0
    size: str = "1920x1080"
    speech_seconds: float = 10.0
    engine: str = "warp"
    threads: int = 0

    def __post_init__(self) -> None:
        check_seconds(seconds=self.seconds, speech_seconds=self.speech_seconds)
        check_threads(self.threads)


@app.command("speak")
@flags_from(SpeakBenchOptions, HELP)
def bench_speak(
    avatar: Annotated[str | None, typer.Argument(metavar="ID", help="An avatar; left out: one is created.")] = None,
    speech: Annotated[
        Path | None, typer.Argument(metavar="SPEECH", help="A sound or video; left out: the demo's speech.")
    ] = None,
    said: Annotated[Path | None, typer.Option("--speech", help="The speech, if ID is left out.")] = None,
    as_json: AsJson = False,
    settings: Settings = None,
    **given: Any,
) -> None:
    """Compare speaking from the store with computing everything each time: speed, first frame, memory, disk.

    Every film is made in a process of its own, and counted from the end of its imports.
    """
    from ..bench.speak import SpeakCase, measure_speak

    options = build(SpeakBenchOptions, given)
    case = SpeakCase(
        avatar,
        speech or said,
        options.picture,
        options.runs,
        options.seconds,
        parse_sizes(options.size)[0],
        options.speech_seconds,
        options.engine,
        parse_settings(settings or []),
        options.threads,
    )
    found = measure_speak(case, lambda what: typer.echo(f"{what} ...", err=True))
    print_json(found) if as_json else _print(found)


def _print(found: SpeakFigures) -> None:
    one, two = found.everything, found.stored.film
    load = "" if found.load is None else f"; the machine's load was {found.load:.1f} at the start"
    print(
        f"{found.size[0]}x{found.size[1]}, an avatar of {found.template_seconds:.1f} s, {found.film_seconds:.1f} s of "
        f"film by the engine {found.engine}, median of {found.runs}{load}"
    )
    print(f"{'counted after the imports':32}{'each time':>12}{'from store':>12}{'ratio':>9}")
    _row("wall clock, s", one.wall_seconds, two.wall_seconds, found.times_wall)
    _row("processor time, s", one.cpu_seconds, two.cpu_seconds, found.times_cpu)
    _row("frames per second", one.fps, two.fps, two.fps / one.fps)
    _row("first frame after, s", one.first_frame_seconds, two.first_frame_seconds, found.times_first_frame)
    _row("memory at its peak, MB", one.memory_mb, two.memory_mb, None)
    print("ms per frame of film")
    known = [*STAGES, *sorted({*one.stages_ms, *two.stages_ms} - {*STAGES})]
    for name in known:
        times = one.stages_ms.get(name), two.stages_ms.get(name)
        if times != (None, None):
            _row(f"  {STAGES.get(name, name)}", *times, None)
    _print_store(found)
    _print_creation(found)


def _print_store(found: SpeakFigures) -> None:
    stored = found.stored
    memory = "" if stored.opened_mb is None else f" and {stored.opened_mb:.1f} MB"
    print(f"the avatar opens in {stored.open_seconds:.3f} s{memory}, the engine loads in {stored.engine_seconds:.3f} s")
    print(f"another speech in the same process: first frame after {stored.second_seconds:.3f} s")
    each = f", {found.disk_mb / found.template_seconds:.2f} MB per second of the avatar" if found.frames > 1 else ""
    print(f"on disk it is {found.disk_mb:.1f} MB{each}")


def _print_creation(found: SpeakFigures) -> None:
    made, saved = found.created, found.everything.wall_seconds - found.stored.film.wall_seconds
    peak = "" if made.memory_mb is None else f" and {made.memory_mb:.0f} MB of memory"
    pays = f"; it pays off from film {ceil(made.wall_seconds / saved)} on" if saved > 0 else ""
    print(f"creating it once takes {made.wall_seconds:.1f} s for {made.frames} frames{peak}{pays}")


def _row(name: str, one: float | None, two: float | None, ratio: float | None) -> None:
    cells = "".join(f"{'-' if value is None else format(value, '.2f'):>12}" for value in (one, two))
    print(f"{name:32}{cells}" + (f"{ratio:>8.1f}x" if ratio else ""))


__all__ = ["app", "bench_speak"]
