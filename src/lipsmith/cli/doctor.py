"""``lipsmith doctor``: checks this machine."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import typer

from .generate import AsJson
from .records import print_json

if TYPE_CHECKING:
    from ..doctor import Finding


def doctor(as_json: AsJson = False) -> None:
    """Check this machine, and name a remedy for each fault."""
    from ..doctor import examine

    findings = examine()
    print_json(findings) if as_json else _print_findings(findings)
    if not all(finding.good for finding in findings):
        raise typer.Exit(1)


def _print_findings(findings: list[Finding]) -> None:
    for topic, members in groupby(findings, key=lambda finding: finding.topic):
        typer.secho(topic, bold=True)
        for finding in members:
            typer.secho(f"  {finding.name:<24} {finding.value}", fg=None if finding.good else "red")
            if finding.remedy:
                typer.echo(f"  {'':<24} -> {finding.remedy}")
    bad = sum(not finding.good for finding in findings)
    typer.secho(f"{bad} to fix" if bad else "no faults found", fg="red" if bad else "green")
