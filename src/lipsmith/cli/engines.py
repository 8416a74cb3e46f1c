"""``lipsmith engines``: which engines there are, and which can run here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import LipsmithError
from .generate import AsJson
from .records import print_json

if TYPE_CHECKING:
    from ..engines import EngineSpec


@dataclass(frozen=True, slots=True)
class EngineRow:
    """One engine as it stands on this machine."""

    name: str
    summary: str
    needs: str
    window: int | None  # frames drawn together; None while it cannot run
    lacks: str | None  # None: it can run
    limited: str | None = None  # what it does worse here than it could; None: nothing


def engines(as_json: AsJson = False) -> None:
    """List the engines, and what each one needs to run here."""
    from ..engines import engine_table
    from ..engines.registry import ranked

    table = engine_table()
    rows = [describe(spec) for spec in table.values()]
    if as_json:
        print_json(rows)
        return
    _print_table(rows, {spec.name: spec.version for spec in table.values()})
    able = {row.name for row in rows if row.lacks is None}
    fit = [one.name for one in ranked(table.values()) if one.name in able and not one.slow_reason(one.options())]
    if fit:
        print(f"--engine auto takes {fit[0]} here.")


def describe(spec: EngineSpec) -> EngineRow:
    """Load one engine to see whether it runs."""
    options = spec.options()
    lacks, window = spec.unavailable_reason(options), None
    if lacks is None:
        try:
            window = spec.load(options).info.window
        except LipsmithError as problem:
            lacks = str(problem)
    limited = None if lacks else spec.limited_reason(options)
    return EngineRow(spec.name, spec.summary, spec.needs, window, lacks, limited)


def _print_table(rows: list[EngineRow], versions: Mapping[str, str]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("engine", "version", "what it is", "needs", "window", "here")
    for row in rows:
        here = "[green]can run[/]" if row.lacks is None else "[red]cannot run[/]"
        words = (row.name, versions[row.name], row.summary, row.needs)
        table.add_row(*map(escape, words), str(row.window or ""), here)
    Console().print(table)
    for row in rows:
        if row.lacks:
            print(f"{row.name} cannot run: {row.lacks}")  # whole, to be copied: a narrow column would cut its paths
        if row.limited:
            print(f"{row.name} runs, but: {row.limited}")
