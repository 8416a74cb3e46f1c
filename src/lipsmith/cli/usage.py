"""One right sentence for words that a command does not know."""

from __future__ import annotations

import difflib
from typing import Any

FILMS = (".mp4", ".mov", ".m4v", ".webm")
MEANT = {
    "dub": "generate", "run": "generate", "make": "generate", "create": "avatar create", "list": "avatar list",
    "say": "speak", "preview": "generate --preview", "inference": "musetalk inference", "realtime": "musetalk realtime",
    "server": "serve", "web": "serve", "gradio": "ui", "download": "weights fetch", "version": "--version",
    "help": "--help",
}  # fmt: skip
"""Word of other programs -> what it is here."""
_AVATARS_OWN = ("engine", "faces", "fps", "key", "still")


def sentence(problem: Any, called: str) -> str:
    """What to say of typer's ``problem`` with a command line that begins with ``called``."""
    context = getattr(problem, "ctx", None)
    command = context.command_path if context else f"lipsmith {called}".strip()
    message: str = problem.format_message()
    kind = type(problem).__name__
    if kind == "NoSuchOption":
        message = _no_option(problem.option_name, context)
    elif message.startswith("Invalid value for ") and "Input should be a valid" in message:
        name = message.removeprefix("Invalid value for ").partition(": ")[0].strip("'")
        message = f"{name} is {_given(problem)}; give {'a whole number' if 'integer' in message else 'a number'}."
    elif message.startswith("Got unexpected extra argument"):
        message = _too_many(message)
    elif message.startswith("No such command '") and called in MEANT:
        message = f"There is no command '{called}'. Did you mean 'lipsmith {MEANT[called]}'?"
    return f"{message}{'' if message.endswith(('.', '?', '!')) else '.'} See '{command} --help'."


def _given(problem: Any) -> str:
    """What was typed as the value that ``problem`` is about."""
    errors: list[Any] = getattr(problem.__cause__, "errors", list)()
    return f"'{errors[0]['input']}'" if errors else "something else"


def _no_option(flag: str, context: Any) -> str:
    """The flag that was meant, or the engine whose option it is."""
    name = flag.lstrip("-").replace("-", "_").removeprefix("no_")
    flags = [one for parameter in context.command.params for one in (*parameter.opts, *parameter.secondary_opts)]
    owner = _owner(name)
    if owner:
        sets = "--set" in flags
        remedy = f"write it as --set {name}=VALUE" if sets else "commands that make films and avatars take it"
        return f"{flag} is an option of the engine {owner}, which has no flag of its own here: {remedy}."
    if context.command_path in ("lipsmith speak", "lipsmith live") and name in _AVATARS_OWN:
        return f"{flag} is settled when an avatar is made: give it to 'lipsmith avatar create'."
    long, word = [one[2:] for one in flags if one.startswith("--")], flag.lstrip("-")
    near = [one for one in long if one.startswith(word)] or difflib.get_close_matches(word, long, n=1, cutoff=0.6)
    return f"There is no option {flag}." + (f" Did you mean --{near[0]}?" if near else "")


def _owner(name: str) -> str | None:
    """The first engine that has an option ``name``."""
    from ..engines import engine_table

    return next((spec.name for spec in engine_table().values() if name in spec.option_names()), None)


def _too_many(message: str) -> str:
    words = message.partition("(")[2].partition("(")[2].rstrip(").") or message.rpartition("(")[2].rstrip(").")
    film = words if words.lower().endswith(FILMS) and " " not in words else ""
    return f"'{words}' is more than this command takes" + (f": name the film by -o {film}" if film else "")


__all__ = ["sentence"]
