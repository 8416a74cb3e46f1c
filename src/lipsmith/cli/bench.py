"""``lipsmith bench``: speed, memory and control accuracy, measured on this machine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ..errors import OptionError
from ..options import build, parse_settings
from .flags import flags_from
from .generate import HELP as FILM_HELP
from .generate import AsJson, Settings, pace
from .records import counted, print_json

if TYPE_CHECKING:
    from ..bench import Case, CaseFigures, HearingFigures, MemoryLaw
    from ..metrics.control_accuracy import ControlAccuracy

app = typer.Typer(name="bench", invoke_without_command=True)
HELP = {
    "sizes": "Sizes of the films, in pixels.",
    "seconds": "Length of each film.",
    "engine": FILM_HELP["engine"],
    "fps": "Frames per second of each film; fewer make long films feasible with a slow engine.",
    "threads": "Cores to use; 0: all.",
    "picture": "Measure on this image or video instead, at its own size.",
    "memory": "Also compare the peak memory of films of these lengths in minutes, say 1,10.",
    "obedience": "Also measure how well the mouth follows its controls.",
    "hearing": "Also measure what it costs to turn speech into mouth controls, for files and live.",
}


@dataclass(frozen=True, slots=True)
class BenchOptions:
    """What is measured."""

    sizes: str = "512x512,1280x720,1920x1080"
    seconds: float = 20.0
    engine: str = "auto"
    fps: str = "25"
    threads: int = 1
    picture: Path | None = None
    memory: str = ""
    obedience: bool = False
    hearing: bool = False

    def __post_init__(self) -> None:
        check_seconds(seconds=self.seconds)
        check_threads(self.threads)


@dataclass(frozen=True, slots=True)
class BenchResult:
    """Everything measured in one call."""

    cases: list[CaseFigures]
    memory: MemoryLaw | None
    obedience: ControlAccuracy | None
    hearing: HearingFigures | None = None


@app.callback()
@flags_from(BenchOptions, HELP)
def bench(context: typer.Context, as_json: AsJson = False, settings: Settings = None, **given: Any) -> None:
    """Measure speed, time to the first frame and memory.

    Each film is made in a process of its own that uses --threads cores.
    """
    if context.invoked_subcommand:
        return
    from ..bench import Case, control_accuracy_of, hearing_figures, measure, memory_law

    options = build(BenchOptions, given)
    minutes = parse_minutes(options.memory)
    sizes = parse_sizes(options.sizes)[: 1 if options.picture else None]
    chosen = parse_settings(settings or [])
    how = (options.engine, options.threads, options.picture, chosen, options.fps)
    cases = [Case(size, options.seconds, *how) for size in sizes]
    found = BenchResult(
        [measure(_announced(case)) for case in cases],
        memory_law(_announced(cases[0]), minutes) if minutes else None,
        control_accuracy_of(options.picture) if options.obedience else None,
        hearing_figures() if options.hearing else None,
    )
    print_json(found) if as_json else _print_bench(found)


def check_seconds(**lengths: float) -> None:
    """Raise OptionError for a length that cannot be measured."""
    for name, seconds in lengths.items():
        if not 0 < seconds < 86_400:
            raise OptionError(f"{name} is {seconds}; give more than 0 and less than a day.")


def check_threads(threads: int) -> None:
    """Raise OptionError for a number of cores that cannot be."""
    if threads < 0:
        raise OptionError(f"threads is {threads}; give a number of cores, or 0 for all.")


def parse_sizes(text: str) -> list[tuple[int, int]]:
    """``512x512,1280x720`` as (width, height) pairs."""
    sizes = [re.fullmatch(r"(\d{2,5})x(\d{2,5})", word.strip()) for word in text.split(",")]
    if not all(sizes):
        raise OptionError(f"sizes is '{text}'; give widths and heights such as 512x512,1280x720.")
    return [(int(size[1]), int(size[2])) for size in sizes if size]


def parse_minutes(text: str) -> list[float]:
    """``1,10`` as minutes; an empty text as no minutes."""
    try:
        minutes = [float(word) for word in text.split(",") if word]
    except ValueError:
        minutes = [0.0]
    if any(length <= 0 for length in minutes):
        raise OptionError(f"memory is '{text}'; give minutes such as 1,10.")
    return minutes


def _announced(case: Case) -> Case:
    what = case.picture or "x".join(map(str, case.size))
    typer.echo(f"measuring {what} on {_cores(case.threads)} ...", err=True)
    return case


def _cores(threads: int) -> str:
    return counted(threads, "core") if threads else "all cores"


def _print_bench(found: BenchResult) -> None:
    for one in found.cases:
        _print_figures(one)
    if found.memory:
        pairs = zip(found.memory.minutes, found.memory.peaks_mb, strict=True)
        peaks = ", ".join(f"{length:g} min {peak:.0f} MB" for length, peak in pairs)
        print(f"memory: {peaks}; growth {found.memory.growth:.1%}: {'holds' if found.memory.holds else 'GROWS'}")
    if found.obedience:
        _print_obedience(found.obedience)
    if found.hearing:
        _print_hearing(found.hearing)


def _print_figures(one: CaseFigures) -> None:
    print(f"{one.size[0]}x{one.size[1]}, {one.film_seconds:g} s of film by {one.engine}, {_cores(one.threads)}")
    print(f"  processor time  {one.fps_cpu:6.1f} fps  {pace(one.real_time_cpu)}")
    print(f"  wall clock      {one.fps_wall:6.1f} fps  {pace(one.real_time_wall)}")
    print(f"  first frame after {one.first_frame_seconds:.2f} s (imports {one.import_seconds:.2f} s before)")
    print(f"  peak of memory {'not known on this system' if one.peak_mb is None else f'{one.peak_mb:.0f} MB'}")
    stages = sorted(one.stages_ms.items(), key=lambda stage: -stage[1])
    print("  ms per frame: " + ", ".join(f"{name} {spent:.2f}" for name, spent in stages))
    print(
        f"  render / x264   {one.render_per_encode:6.2f}  (processor time on one core: "
        f"render {one.render_cpu_ms:.2f}, encode {one.encode_cpu_ms:.2f} ms per frame)"
    )


def _print_obedience(one: ControlAccuracy) -> None:
    from ..metrics.control_accuracy import MAX_JUMP

    print(f"control accuracy over {one.frames} poses, in distances between the eyes")
    print(f"  aperture: correlation {one.aperture_correlation:.3f}, error {one.aperture_error:.4f}")
    print(f"  width:    correlation {one.width_correlation:.3f}, error {one.width_error:.4f}")
    print(f"  pressed lips {one.press_gap:.4f} apart; outside the box {one.outside}/255; folds {one.folds:.1%}")
    print(f"  talking:  largest change between two frames {one.largest_jump:.4f}, {one.jumps} above {MAX_JUMP}")


def _print_hearing(one: HearingFigures) -> None:
    print(f"hearing {one.seconds:g} s of speech, in processor time as a share of real time")
    print(f"  for files {one.file_share:.4f}; live {one.live_share:.4f}; small network {one.small_share:.4f}")
    print(
        f"  live: {one.live_window_ms:.1f} ms for every {one.live_block_ms:.0f} ms; loaded in {one.load_seconds:.2f} s"
    )
