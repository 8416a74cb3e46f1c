"""``lipsmith bench``: how fast and how big, measured on this machine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import OptionError
from .generate import WORDS, AsJson, pace
from .records import print_json

if TYPE_CHECKING:
    from ..bench import Case, Figures, MemoryLaw


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything measured in one call."""

    cases: list[Figures]
    memory: MemoryLaw | None


def bench(
    sizes: Annotated[str, typer.Option(help="Sizes of film.")] = "512x512,1280x720,1920x1080",
    seconds: Annotated[float, typer.Option(help="Length of each film.")] = 20.0,
    engine: Annotated[str, typer.Option(help=WORDS["engine"])] = "auto",
    threads: Annotated[int, typer.Option(help="Cores to use; 0: all.")] = 1,
    picture: Annotated[Path | None, typer.Option(help="Measure on this image or video instead.")] = None,
    memory: Annotated[str, typer.Option(help="Also compare peaks of memory at these minutes, say 1,10.")] = "",
    as_json: AsJson = False,
) -> None:
    """Measure speed, time to the first frame and memory.

    Each film is made alone, in a process of its own, kept to --threads cores.
    """
    from ..bench import Case, measure, memory_law

    cases = [Case(size, seconds, engine, threads, picture) for size in parse_sizes(sizes)]
    cases = cases[:1] if picture else cases
    minutes = parse_minutes(memory)
    found = Bench([measure(_told(case)) for case in cases], memory_law(_told(cases[0]), minutes) if minutes else None)
    print_json(found) if as_json else _print_figures(found)


def parse_sizes(text: str) -> list[tuple[int, int]]:
    """``512x512,1280x720`` as (width, height) pairs."""
    sizes = [re.fullmatch(r"(\d{2,5})x(\d{2,5})", word.strip()) for word in text.split(",")]
    if not all(sizes):
        raise OptionError(f"sizes is '{text}'; give widths and heights such as 512x512,1280x720.")
    return [(int(size[1]), int(size[2])) for size in sizes if size]


def parse_minutes(text: str) -> list[float]:
    """``1,10`` as minutes; an empty text is none."""
    try:
        minutes = [float(word) for word in text.split(",") if word]
    except ValueError:
        minutes = [0.0]
    if any(length <= 0 for length in minutes):
        raise OptionError(f"memory is '{text}'; give minutes such as 1,10.")
    return minutes


def _told(case: Case) -> Case:
    what = case.picture or "x".join(map(str, case.size))
    typer.echo(f"measuring {what} on {case.threads or 'all'} core(s) ...", err=True)
    return case


def _print_figures(found: Bench) -> None:
    for one in found.cases:
        print(f"{one.size[0]}x{one.size[1]}, {one.film_seconds:g} s of film by {one.engine}, {one.threads} core(s)")
        print(f"  processor time  {one.fps_cpu:6.1f} fps  {pace(one.real_time_cpu)}")
        print(f"  wall clock      {one.fps_wall:6.1f} fps  {pace(one.real_time_wall)}")
        print(f"  first frame after {one.first_frame_seconds:.2f} s (imports {one.import_seconds:.2f} s before)")
        print(f"  peak of memory {one.peak_mb:.0f} MB")
        stages = sorted(one.stages_ms.items(), key=lambda stage: -stage[1])
        print("  ms per frame: " + ", ".join(f"{name} {spent:.2f}" for name, spent in stages))
    if found.memory:
        pairs = zip(found.memory.minutes, found.memory.peaks_mb, strict=True)
        peaks = ", ".join(f"{length:g} min {peak:.0f} MB" for length, peak in pairs)
        print(f"memory: {peaks}; growth {found.memory.growth:.1%}: {'holds' if found.memory.holds else 'GROWS'}")
