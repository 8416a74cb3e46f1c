"""Flags made from a dataclass."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any, Literal

import pytest
import typer

from lipsmith.cli.engine_flags import engine_options, flag_help
from lipsmith.cli.flags import SectionedCommand, flags_from, flags_if_given
from lipsmith.errors import OptionError


@dataclass(frozen=True)
class Cake:
    """An options dataclass with one field of each kind."""

    layers: int = 2
    with_icing: bool = True
    warm: bool = False
    kind: Literal["plain", "fruit"] = "plain"


HELP = {"layers": "How many.", "with_icing": "Sweet.", "warm": "From the oven.", "kind": "Which."}


def bake(seen: dict[str, Any]) -> typer.Typer:
    app = typer.Typer()

    @app.command()
    @flags_from(Cake, HELP)
    def command(name: str, **options: Any) -> None:
        seen.update(options, name=name)

    return app


@pytest.mark.parametrize(
    ("flags", "changed"),
    [
        ([], {}),
        (["--layers", "3"], {"layers": 3}),
        (["--no-with-icing", "--warm"], {"with_icing": False, "warm": True}),
        (["--kind", "fruit"], {"kind": "fruit"}),
    ],
)
def test_fields_become_flags_with_their_defaults(flags: list[str], changed: dict[str, object]) -> None:
    seen: dict[str, Any] = {}
    bake(seen)(["victoria", *flags], standalone_mode=False)
    assert seen == {"name": "victoria", "layers": 2, "with_icing": True, "warm": False, "kind": "plain"} | changed


def test_a_field_without_help_is_refused() -> None:
    def command(**options: Any) -> None: ...

    with pytest.raises(KeyError, match="kind"):
        flags_from(Cake, {name: HELP[name] for name in ("layers", "with_icing", "warm")})(command)


def test_the_signature_shows_own_arguments_first() -> None:
    def command(name: str, **options: Any) -> None: ...

    decorated = flags_from(Cake, HELP)(command)
    assert list(inspect.signature(decorated).parameters) == ["name", "layers", "with_icing", "warm", "kind"]


def stir(seen: dict[str, Any]) -> typer.Typer:
    app = typer.Typer(rich_markup_mode=None)

    @app.command(cls=SectionedCommand)
    @flags_if_given(Cake, HELP, "Of the cake")
    def command(name: str, **options: Any) -> None:
        seen.update(options)

    return app


@pytest.mark.parametrize(
    ("flags", "given"),
    [
        ([], {}),
        (["--layers", "-2", "--kind", "fruit"], {"layers": -2, "kind": "fruit"}),
        (["--no-with-icing", "--warm"], {"with_icing": False, "warm": True}),
    ],
)
def test_what_was_not_given_is_none(flags: list[str], given: dict[str, object]) -> None:
    seen: dict[str, Any] = {}
    stir(seen)(["victoria", *flags], standalone_mode=False)
    assert seen == dict.fromkeys(HELP) | given


def test_they_have_a_section_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    stir({})(["--help"], standalone_mode=False)
    ours, theirs = capsys.readouterr().out.split("Of the cake:")
    assert "--help" in ours
    assert "--layers <int>" in theirs
    assert "How many. [default: 2]" in theirs


def test_engine_flags_join_what_is_set_and_nothing_is_said_twice() -> None:
    flags = {**dict.fromkeys(flag_help()["musetalk"]), "bbox_shift": 5, "seed": 1}
    assert engine_options(flags, ["version=v1"]) == {"version": "v1", "bbox_shift": 5}
    assert flags == {"seed": 1}
    with pytest.raises(OptionError, match="bbox_shift is given twice, by --bbox-shift and by --set"):
        engine_options({"bbox_shift": 5}, ["bbox-shift=4"])
