"""Flags made from a dataclass."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any, Literal

import pytest
import typer

from lipsmith.cli.flags import flags_from


@dataclass(frozen=True)
class Cake:
    """An options dataclass with one field of each kind."""

    layers: int = 2
    with_icing: bool = True
    warm: bool = False
    kind: Literal["plain", "fruit"] = "plain"


WORDS = {"layers": "How many.", "with_icing": "Sweet.", "warm": "From the oven.", "kind": "Which."}


def bake(seen: dict[str, Any]) -> typer.Typer:
    app = typer.Typer()

    @app.command()
    @flags_from(Cake, WORDS)
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


def test_a_field_without_words_is_refused() -> None:
    def command(**options: Any) -> None: ...

    with pytest.raises(KeyError, match="kind"):
        flags_from(Cake, {name: WORDS[name] for name in ("layers", "with_icing", "warm")})(command)


def test_the_signature_shows_own_arguments_first() -> None:
    def command(name: str, **options: Any) -> None: ...

    widened = flags_from(Cake, WORDS)(command)
    assert list(inspect.signature(widened).parameters) == ["name", "layers", "with_icing", "warm", "kind"]
