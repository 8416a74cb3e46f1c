"""Flags of commands that set options of engines; the other options are given by ``--set``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from functools import cache
from typing import Any, TypeVar

from ..avatars.options import AvatarOptions
from ..engines import engine_table
from ..errors import OptionError
from ..options import GenerateOptions, option_infos, parse_settings
from .flags import flags_if_given

Command = TypeVar("Command", bound=Callable[..., None])


@cache
def flag_help(prepared: bool = False) -> Mapping[str, Mapping[str, str]]:
    """Engine -> option -> help, of the options that have flags; ``prepared``: of those that a prepared face allows.

    Where two engines have an option of one name, the first engine's flag serves both. The names of a film's own options
    are taken.
    """
    taken = {one.name for kind in (GenerateOptions, AvatarOptions) for one in fields(kind)}
    found: dict[str, dict[str, str]] = {}
    for spec in engine_table().values():
        wanted = [one for one in option_infos(spec.options) if one.flag and one.name not in taken]
        wanted = [one for one in wanted if not (prepared and one.prepares)]
        found[spec.name] = {one.name: one.help for one in wanted}
        taken |= found[spec.name].keys()
    return found


def engine_flags(command: Command) -> Command:
    """Give a command the engines' flags, each engine's under a heading of its own; one that is not given is None."""
    return _with_flags(command, flag_help())


def prepared_flags(command: Command) -> Command:
    """Give a command for prepared avatars the flags of those options that do not shape what was prepared."""
    return _with_flags(command, flag_help(prepared=True))


def _with_flags(command: Command, helps: Mapping[str, Mapping[str, str]]) -> Command:
    table = engine_table()
    for engine, words in helps.items():
        own = inspect.signature(command).parameters
        left = {name: text for name, text in words.items() if name not in own}
        if left:
            command = flags_if_given(table[engine].options, left, f"Options of the engine {engine}")(command)
    return command


def engine_options(flags: dict[str, Any], settings: Iterable[str]) -> dict[str, Any]:
    """Take the engines' flags that were given out of ``flags``, and join them with the words of ``--set``.

    Raises:
        OptionError: one option was given both ways, or a word sets nothing.
    """
    names = {option for words in flag_help().values() for option in words}
    given = {name: flags.pop(name) for name in names if name in flags}
    given = {name: value for name, value in given.items() if value is not None}
    parsed = parse_settings(settings)
    if flags.get("still") and {**parsed, **given}.get("idle") is True:
        raise OptionError("--still and --idle say opposite things; leave one of them out.")
    for name in (one for one in parsed if one in given):
        raise OptionError(f"{name} is given twice, by --{name.replace('_', '-')} and by --set; leave one of them out.")
    return {**parsed, **given}


__all__ = ["engine_flags", "engine_options", "flag_help", "prepared_flags"]
