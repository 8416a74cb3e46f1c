"""Progress on standard error: a live bar on a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from ..signals import raise_if_interrupted

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from ..stopwatch import Stage

STAGES = {
    "open": "Reading the speech",
    "look": "Looking at the faces",
    "prepare": "Preparing them",
    "speak": "Making it speak",
}
INTERVAL = 10.0  # seconds between two lines


@contextmanager
def progress_display(quiet: bool, stream: TextIO | None = None) -> Iterator[Callable[[Stage], None]]:
    """A ``progress`` callback that shows each stage with its frames, frames per second and time left.

    It ends the work if a signal has asked for that.
    """
    stream = stream or sys.stderr
    if quiet:
        yield lambda _: raise_if_interrupted()
    elif not stream.isatty():
        yield _interruptible(ProgressLines(stream).show)
    else:
        with _bars() as bars:
            yield _interruptible(ProgressBars(bars).show)


def _interruptible(show: Callable[[Stage], None]) -> Callable[[Stage], None]:
    def show_or_end(stage: Stage) -> None:
        raise_if_interrupted()
        show(stage)

    return show_or_end


class Speed:
    """The speed of each stage, measured from its first call, and anew where it begins again, as for a next film."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._started: dict[str, float] = {}
        self._last: dict[str, Stage] = {}

    def begins_again(self, stage: Stage) -> bool:
        """Whether a stage that was done or further on is reported from its beginning."""
        last = self._last.get(stage.name)
        return last is not None and (stage.done < last.done or 0 < last.total <= last.done)

    def measure(self, stage: Stage) -> tuple[float, float]:
        """Frames per second so far, and seconds left; both 0 while unknown."""
        if self.begins_again(stage):
            del self._started[stage.name]
        self._last[stage.name] = stage
        elapsed = self._clock() - self._started.setdefault(stage.name, self._clock())
        speed = stage.done / elapsed if elapsed > 0 else 0.0
        return speed, max(0, stage.total - stage.done) / speed if speed else 0.0


class ProgressLines:
    """A line when a stage is done, and one every ``INTERVAL`` seconds before."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock, self._speed = stream, clock, Speed(clock)
        self._last = clock()

    def show(self, stage: Stage) -> None:
        speed, left = self._speed.measure(stage)
        if stage.done != stage.total and self._clock() - self._last < INTERVAL:
            return
        self._last = self._clock()
        text = f"{STAGES.get(stage.name, stage.name)}: {stage.done}/{stage.total or '?'} frames"
        text += f", {_rate(speed)}" if speed else ""
        text += f", {int(left) // 60}:{int(left) % 60:02d} left" if left else ""
        print(text, file=self._stream, flush=True)


class ProgressBars:
    """One bar for every stage."""

    def __init__(self, bars: Progress) -> None:
        self._bars, self._speed = bars, Speed()
        self._tasks: dict[str, TaskID] = {}

    def show(self, stage: Stage) -> None:
        if self._speed.begins_again(stage):
            self._bars.reset(self._tasks[stage.name], total=None)
        speed, _ = self._speed.measure(stage)
        if stage.name not in self._tasks:
            self._tasks[stage.name] = self._bars.add_task(STAGES.get(stage.name, stage.name), total=None, speed="")
        task = self._tasks[stage.name]
        self._bars.update(task, completed=stage.done, total=stage.total or None, speed=_rate(speed) if speed else "")


def _rate(speed: float) -> str:
    """With digits enough that an engine below one frame per second does not show 0."""
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
