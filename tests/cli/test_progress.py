"""Progress: lines without a terminal, bars on one, nothing when quiet."""

from __future__ import annotations

import io
import threading
from contextlib import suppress

import pytest

from lipsmith import signals
from lipsmith.cli import progress
from lipsmith.cli.progress import ProgressLines, Speed, progress_display
from lipsmith.stopwatch import Stage


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_speed_and_time_left_are_measured() -> None:
    clock = Clock()
    speed = Speed(clock)
    speed.measure(Stage("speak", 0, 100))
    clock.now = 2.0
    assert speed.measure(Stage("speak", 50, 100)) == (25.0, 2.0)


@pytest.mark.parametrize("frames", [1, 100])
def test_the_next_film_is_measured_from_its_own_beginning(frames: int) -> None:
    clock = Clock()
    speed = Speed(clock)
    speed.measure(Stage("speak", 0, frames))
    clock.now = 100.0
    speed.measure(Stage("speak", frames, frames))
    clock.now = 200.0
    speed.measure(Stage("speak", min(frames, 2), 100))  # another film
    clock.now = 202.0
    assert speed.measure(Stage("speak", 50, 100)) == (25.0, 2.0)


def test_lines_come_every_ten_seconds_and_at_the_end() -> None:
    clock, stream = Clock(), io.StringIO()
    lines = ProgressLines(stream, clock)
    for done in range(101):
        clock.now = done * 0.25
        lines.show(Stage("speak", done, 100))
    assert stream.getvalue().splitlines() == [
        "Making it speak: 40/100 frames, 4 fps, 0:15 left",
        "Making it speak: 80/100 frames, 4 fps, 0:05 left",
        "Making it speak: 100/100 frames, 4 fps",
    ]


def test_a_total_that_is_not_known_is_a_question_mark() -> None:
    clock, stream = Clock(), io.StringIO()
    lines = ProgressLines(stream, clock)
    clock.now = 20.0
    lines.show(Stage("look", 7, 0))
    assert stream.getvalue().startswith("Looking at the faces: 7/? frames")


def test_quiet_shows_nothing() -> None:
    stream = io.StringIO()
    with progress_display(True, stream) as show:
        show(Stage("speak", 1, 1))
    assert stream.getvalue() == ""


def test_a_terminal_gets_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    from rich.console import Console

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr("rich.console.Console", lambda **_: Console(file=screen, force_terminal=True, width=100))
    with progress_display(False, screen) as show:
        for film in (5, 7):
            for done in range(1, film + 1):
                show(Stage("look", done, 0))
                show(Stage("speak", done, film))
    seen = screen.getvalue()
    assert progress.STAGES["look"] in seen
    assert "7/?" in seen
    assert "7/7" in seen
    assert "7/5" not in seen


@pytest.mark.parametrize("quiet", [True, False])
def test_an_interruption_that_python_dropped_ends_the_work_all_the_same(
    quiet: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signals, "_interrupted", threading.Event())
    stage, shown = Stage("speak", 1, 2), io.StringIO()
    with progress_display(quiet, shown) as progress:
        progress(stage)
        with suppress(KeyboardInterrupt):  # as in a destructor
            signals._interrupt()
        with pytest.raises(KeyboardInterrupt):
            progress(stage)
