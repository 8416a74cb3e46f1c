"""Progress on standard error: a live bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from ..stopwatch import Stage

WORDS = {
    "open": "Reading the speech",
    "look": "Looking at the faces",
    "prepare": "Preparing them",
    "speak": "Making it speak",
}
EVERY = 10.0  # seconds between two lines


@contextmanager
def shown(quiet: bool, stream: TextIO | None = None) -> Iterator[Callable[[Stage], None]]:
    """What ``generate`` wants as ``progress``: each stage with its frames, frames per second and time left."""
    stream = stream or sys.stderr
    if quiet:
        yield lambda _: None
    elif not stream.isatty():
        yield Lines(stream).see
    else:
        with _bars() as bars:
            yield Bars(bars).see


class Pace:
    """How fast the frames of one stage come: counted from the first one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began: dict[str, float] = {}

    def of(self, stage: Stage) -> tuple[float, float]:
        """Frames per second so far, and seconds left; 0 while not known."""
        elapsed = self._clock() - self._began.setdefault(stage.name, self._clock())
        speed = stage.done / elapsed if elapsed > 0 else 0.0
        return speed, max(0, stage.total - stage.done) / speed if speed else 0.0


class Lines:
    """A line when a stage is done, and one every ``EVERY`` seconds before."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock, self._pace = stream, clock, Pace(clock)
        self._last = clock()

    def see(self, stage: Stage) -> None:
        speed, left = self._pace.of(stage)
        if stage.done != stage.total and self._clock() - self._last < EVERY:
            return
        self._last = self._clock()
        text = f"{WORDS.get(stage.name, stage.name)}: {stage.done}/{stage.total or '?'} frames"
        text += f", {_rate(speed)}" if speed else ""
        text += f", {int(left) // 60}:{int(left) % 60:02d} left" if left else ""
        print(text, file=self._stream, flush=True)


class Bars:
    """One bar for every stage."""

    def __init__(self, bars: Progress) -> None:
        self._bars, self._pace = bars, Pace()
        self._tasks: dict[str, TaskID] = {}

    def see(self, stage: Stage) -> None:
        speed, _ = self._pace.of(stage)
        if stage.name not in self._tasks:
            self._tasks[stage.name] = self._bars.add_task(WORDS.get(stage.name, stage.name), total=None, speed="")
        task = self._tasks[stage.name]
        self._bars.update(task, completed=stage.done, total=stage.total or None, speed=_rate(speed) if speed else "")


def _rate(speed: float) -> str:
    """A slow engine makes less than one frame a second, and that is no 0."""
    return f"{speed:.0f} fps" if speed >= 10 else f"{speed:.2g} fps"


def _bars() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
