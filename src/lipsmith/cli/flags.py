"""Flags from an options dataclass: its fields are named once, and the command line, YAML and Python agree."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import Field, fields
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import typer

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Command = TypeVar("Command", bound=Callable[..., None])


def flags_from(
    kind: type[DataclassInstance], words: Mapping[str, str], *, underscores: bool = False
) -> Callable[[Command], Command]:
    """Give a command one flag per field of ``kind`` that wants one, explained by ``words``; it takes them as ``**``.

    A field that can be true or false is switched by its name (``--still``), or off by ``--no-`` when it is on unless
    told otherwise. ``underscores``: flags may also be spelled as the fields are. The values are checked when the
    dataclass is built, in one place for every door.
    """

    def widen(command: Command) -> Command:
        signature = inspect.signature(command, eval_str=True)
        own = [one for one in signature.parameters.values() if one.kind is not inspect.Parameter.VAR_KEYWORD]
        hints = get_type_hints(kind)
        added = [
            _parameter(field, hints[field.name], words[field.name], underscores)
            for field in fields(kind)
            if _has_flag(field)
        ]
        command.__signature__ = signature.replace(parameters=[*own, *added])  # type: ignore[attr-defined]
        command.__annotations__ = {one.name: one.annotation for one in (*own, *added)}
        return command

    return widen


def _has_flag(field: Field[Any]) -> bool:
    """Unless its metadata says ``flag: False``."""
    return bool(field.metadata.get("flag", True))


def _parameter(field: Field[Any], hint: Any, words: str, underscores: bool) -> inspect.Parameter:
    name = "--" + field.name.replace("_", "-")
    switch = f"{name}/--no-{name[2:]}" if field.default is True else name
    choices = get_args(hint) if get_origin(hint) is Literal else ()
    spellings = [f"--{field.name}"] if underscores and "_" in field.name else []
    option = typer.Option(field.default, switch, *spellings, help=words, metavar="|".join(choices) or None)
    return inspect.Parameter(
        field.name, inspect.Parameter.KEYWORD_ONLY, default=option, annotation=str if choices else hint
    )
