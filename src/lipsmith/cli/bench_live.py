"""``lipsmith bench live``: live sessions on this machine, without a network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ..errors import OptionError
from ..options import build
from .bench import check_seconds, parse_sizes
from .bench_musetalk import app as app
from .flags import flags_from
from .generate import AsJson
from .records import counted, print_json

if TYPE_CHECKING:
    from ..bench.live import LiveFigures

HELP = {
    "sessions": "How many sessions at once, one measurement each.",
    "seconds": "Length of each measurement.",
    "size": "Size of the portrait, in pixels.",
    "engine": "A name from `lipsmith engines`.",
    "picture": "Measure with this image or video instead, at its own size.",
    "film": "Speak over a moving portrait of so many seconds and check the steps of its frames; 0: a still one.",
}


@dataclass(frozen=True, slots=True)
class LiveBenchOptions:
    """What is measured."""

    sessions: str = "1,2,4"
    seconds: float = 60.0
    size: str = "512x512"
    engine: str = "warp"
    picture: Path | None = None
    film: float = 0.0

    def __post_init__(self) -> None:
        check_seconds(seconds=self.seconds)
        if not 0 <= self.film <= 60:
            raise OptionError(f"film is {self.film}; give 0 to 60 seconds.")


def parse_sessions(text: str) -> list[int]:
    """``1,2,4`` as numbers of sessions."""
    words = [word.strip() for word in text.split(",")]
    if not all(word.isdecimal() and 0 < int(word) <= 1000 for word in words):
        raise OptionError(f"sessions is '{text}'; give numbers such as 1,2,4.")
    return [int(word) for word in words]


@app.command("live")
@flags_from(LiveBenchOptions, HELP)
def bench_live(as_json: AsJson = False, **given: Any) -> None:
    """Measure live sessions: latency of speech and interruptions, steadiness, and how many fit at once."""
    from ..bench.live import LiveCase, measure_live

    options = build(LiveBenchOptions, given)
    sessions, size = parse_sessions(options.sessions), parse_sizes(options.size)[0]
    found = []
    for count in sessions:
        typer.echo(f"measuring {counted(count, 'session')} for {options.seconds:g} s ...", err=True)
        case = LiveCase(count, options.seconds, size, options.engine, options.picture, options.film)
        found.append(measure_live(case, lambda what: typer.echo(f"  {what}", err=True)))
    print_json(found) if as_json else _print(found)


def _print(found: list[LiveFigures]) -> None:
    rows: dict[str, list[str]] = {
        "sessions (opened/asked for)": [f"{one.sessions}/{one.wished}" for one in found],
        "pushed sound -> picture, p50/p95 ms": [f"{one.pushed_ms.p50:.0f}/{one.pushed_ms.p95:.0f}" for one in found],
        "live sound -> picture, p50/p95 ms": [f"{one.streamed_ms.p50:.0f}/{one.streamed_ms.p95:.0f}" for one in found],
        "interruption -> silence, p95 ms": [f"{one.interrupt_ms.p95:.0f}" for one in found],
        "tick lag, p50/p99 ms": [f"{one.lag_ms.p50:.1f}/{one.lag_ms.p99:.1f}" for one in found],
        "ticks/late/stalled": [f"{one.ticks}/{one.late}/{one.stalls}" for one in found],
        "pictures dropped, samples missing": [f"{one.pictures_dropped}, {one.samples_missing}" for one in found],
        "largest step of source frames": [f"{one.plate_step}" for one in found],
        "heard by": [_heard(one) for one in found],
        "cores for hearing, all speaking": [f"{one.hearing:.2f}" for one in found],
        "ms to render a picture": [f"{one.render_ms:.1f}" for one in found],
        "cores used": [f"{one.cores:.2f}" for one in found],
        "memory, MB/min": ["-" if (m := one.memory_mb_a_minute) is None else f"{m:+.2f}" for one in found],
    }
    for name, values in rows.items():
        print(f"{name:38}" + "".join(f"{value:>14}" for value in values))


def _heard(one: LiveFigures) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(one.encoders.items()) if name) or "-"
