"""Command-line flags from the fields of an options dataclass, so that the command line, YAML and Python agree."""

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
    """A command whose help lists flags with a ``rich_help_panel`` under that heading."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Arguments, options, then a section for every ``rich_help_panel`` among the options."""
        sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            default = "Arguments" if parameter.param_type_name == "argument" else "Options"
            if record is not None:
                sections.setdefault(getattr(parameter, "rich_help_panel", None) or default, []).append(record)
        for name, records in sections.items():
            if records:
                with formatter.section(name):
                    formatter.write_dl(records)


def flags_from(
    options_type: type[DataclassInstance], help_texts: Mapping[str, str], *, underscores: bool = False
) -> Callable[[Command], Command]:
    """A decorator that gives a command one flag per field of ``options_type``; the command takes them as ``**``.

    A bool field becomes a switch (``--still``), with ``--no-mark`` beside ``--mark`` if it is on by default. A field
    whose metadata says ``flag: False`` gets no flag. Values are checked when the dataclass is built, not here.

    Args:
        options_type: the dataclass.
        help_texts: field name -> help text, for every field with a flag.
        underscores: flags may also be spelled with underscores, as the fields are.
    """
    hints = get_type_hints(options_type)

    def add_flags(command: Command) -> Command:
        return with_parameters(command, [
            _parameter(field, hints[field.name], help_texts[field.name], underscores)
            for field in fields(options_type)
            if field.metadata.get("flag", True)
        ])  # fmt: skip

    return add_flags


def flags_if_given(
    options_type: type[DataclassInstance], help_texts: Mapping[str, str], section: str
) -> Callable[[Command], Command]:
    """A decorator that gives a command a flag per field in ``help_texts``; a flag that is not given is None.

    ``section`` is their heading in the help of a ``SectionedCommand``.
    """
    hints = get_type_hints(options_type)

    def add_flags(command: Command) -> Command:
        return with_parameters(command, [
            _optional_parameter(field, hints[field.name], help_texts[field.name], section)
            for field in fields(options_type)
            if field.name in help_texts
        ])  # fmt: skip

    return add_flags


def with_parameters(command: Command, added: list[inspect.Parameter]) -> Command:
    """The command with a signature in which ``added`` stand in place of ``**``."""
    signature = inspect.signature(command, eval_str=True)
    own = [one for one in signature.parameters.values() if one.kind is not inspect.Parameter.VAR_KEYWORD]
    command.__signature__ = signature.replace(parameters=[*own, *added])  # type: ignore[attr-defined]
    command.__annotations__ = {one.name: one.annotation for one in (*own, *added)}
    return command


def _parameter(field: Field[Any], hint: Any, help_text: str, underscores: bool) -> inspect.Parameter:
    name = "--" + field.name.replace("_", "-")
    switch = f"{name}/--no-{name[2:]}" if field.default is True else name
    choices = get_args(hint) if get_origin(hint) is Literal else ()
    spellings = [f"--{field.name}"] if underscores and "_" in field.name else []
    option = typer.Option(field.default, switch, *spellings, help=help_text, metavar="|".join(choices) or None)
    return inspect.Parameter(
        field.name, inspect.Parameter.KEYWORD_ONLY, default=option, annotation=str if choices else hint
    )


def _optional_parameter(field: Field[Any], hint: Any, help_text: str, section: str) -> inspect.Parameter:
    """A parameter that is None unless given; the help shows the field's own default."""
    name = "--" + field.name.replace("_", "-")
    switch = f"{name}/--no-{name[2:]}" if hint is bool else name
    choices = get_args(hint) if get_origin(hint) is Literal else ()
    shown = name[2:] if field.default is True else f"no-{name[2:]}" if field.default is False else field.default
    default = "" if field.default in ("", None) else f" [default: {shown}]"
    option = typer.Option(
        None, switch, help=help_text + default, metavar="|".join(choices) or None, rich_help_panel=section
    )
    kind = (str if choices else hint) | None
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=option, annotation=kind)
