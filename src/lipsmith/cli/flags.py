"""Flags from an options dataclass: its fields are named once, and the command line, YAML and Python agree."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import Field, fields
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import typer
from typer.core import TyperCommand

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Command = TypeVar("Command", bound=Callable[..., None])


class SectionedCommand(TyperCommand):
    """A command whose plain help keeps the flags of each engine under a heading of their own."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Arguments, options, then a section for every ``rich_help_panel`` among the options."""
        sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            usual = "Arguments" if parameter.param_type_name == "argument" else "Options"
            if record is not None:
                sections.setdefault(getattr(parameter, "rich_help_panel", None) or usual, []).append(record)
        for name, records in sections.items():
            if records:
                with formatter.section(name):
                    formatter.write_dl(records)


def flags_from(
    kind: type[DataclassInstance], words: Mapping[str, str], *, underscores: bool = False
) -> Callable[[Command], Command]:
    """Give a command one flag per field of ``kind`` that wants one, explained by ``words``; it takes them as ``**``.

    A field that can be true or false is switched by its name (``--still``), or off by ``--no-`` when it is on unless
    told otherwise. ``underscores``: flags may also be spelled as the fields are. The values are checked when the
    dataclass is built, in one place for every door.
    """
    hints = get_type_hints(kind)

    def widen(command: Command) -> Command:
        return with_parameters(command, [
            _parameter(field, hints[field.name], words[field.name], underscores)
            for field in fields(kind)
            if _has_flag(field)
        ])  # fmt: skip

    return widen


def flags_if_given(
    kind: type[DataclassInstance], words: Mapping[str, str], section: str
) -> Callable[[Command], Command]:
    """Give a command a flag for each field of ``kind`` that ``words`` explains; one that is not given comes as None.

    ``section`` is its heading in the help of a ``SectionedCommand``.
    """
    hints = get_type_hints(kind)

    def widen(command: Command) -> Command:
        return with_parameters(command, [
            _silent_parameter(field, hints[field.name], words[field.name], section)
            for field in fields(kind)
            if field.name in words
        ])  # fmt: skip

    return widen


def with_parameters(command: Command, added: list[inspect.Parameter]) -> Command:
    signature = inspect.signature(command, eval_str=True)
    own = [one for one in signature.parameters.values() if one.kind is not inspect.Parameter.VAR_KEYWORD]
    command.__signature__ = signature.replace(parameters=[*own, *added])  # type: ignore[attr-defined]
    command.__annotations__ = {one.name: one.annotation for one in (*own, *added)}
    return command


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


def _silent_parameter(field: Field[Any], hint: Any, words: str, section: str) -> inspect.Parameter:
    """One that is None unless given; the help shows the field's own default."""
    name = "--" + field.name.replace("_", "-")
    switch = f"{name}/--no-{name[2:]}" if hint is bool else name
    choices = get_args(hint) if get_origin(hint) is Literal else ()
    usual = "" if field.default in ("", None) else f" [default: {field.default}]"
    option = typer.Option(None, switch, help=words + usual, metavar="|".join(choices) or None, rich_help_panel=section)
    kind = (str if choices else hint) | None
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=option, annotation=kind)
